"""Measure what building a project's image costs, and what is in it, with an engine.

A project of the service starter is made with uv, and its image for production is built
again and again, each time after another change. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from run import MEGABYTE, Comparison, Figures, as_markdown, described_machine
from workshop import CommandError, Workshop, open_workshop

SMALL_PACKAGES = ("humanize", "tabulate", "toolz")  # pure Python, without dependencies
DEPENDENCIES = "COPY /opt/venv /opt/venv "  # what the layer that holds them comes from
TITLE = "org.opencontainers.image.title"  # a label that holds the slug
NO_ENGINE = "There is no container engine here: docker is missing or does not reach it."


class Images:
    """The images of one project, and how they are built.

    Attributes:
        slug: name of the project and of its images.
        project: its directory.
        base: what they begin with: the template's base and a file that no other
            project has, so that neither finds steps of the other in the build cache.
    """

    def __init__(self, shop: Workshop, slug: str) -> None:
        self.shop = shop
        self.slug = slug
        self.project = shop.root / slug
        self.base = f"{slug}:base"
        self.known = {each["ID"] for each in self.kept()}

    def docker(self, *words: str) -> str:
        """Return what docker prints."""
        return self.shop.run("docker", *words)

    def make_project(self, starter: str) -> None:
        """Make the project and its base image."""
        answers = (f"starter={starter}", "environment_manager=uv", "docker=yes")
        words = (*answers, f"project_slug={self.slug}")
        shop = self.shop
        shop.run(*shop.cookiecutter(shop.template, shop.root, *words))
        dockerfile = (self.project / "Dockerfile").read_text(encoding="utf-8")
        base = re.findall(r"(?m)^ARG BASE=(.*)$", dockerfile)[0]
        lines = (f"FROM {base}", f"RUN echo {self.slug} >/{self.slug}")
        directory = shop.directory("base")
        text = "\n".join((*lines, f"LABEL {TITLE}={self.slug}"))
        (directory / "Dockerfile").write_text(text, encoding="utf-8")
        self.docker("build", "--quiet", "--tag", self.base, str(directory))

    def build(self, caches: str, *words: str) -> float:
        """Build the image for production and return the seconds of ``make image``.

        Args:
            caches: what its caches of packages are called; new ones hold nothing.
            words: further options of ``docker build``.
        """
        settings = (
            f"BASE={self.base}",
            f"BUILDKIT_CACHE_MOUNT_NS={self.slug}-{caches}",
        )
        options = [f"--build-arg {each}" for each in settings]
        make = ("make", "image", f"ARGS={' '.join([*options, *words])}")
        return self.shop.seconds(*make, cwd=self.project)

    def edit(self, text: str) -> None:
        """Add a comment to a module of the package."""
        module = self.project / "src" / self.slug.replace("-", "_") / "data.py"
        with module.open("a", encoding="utf-8") as file:
            file.write(f"# {text}\n")

    def add(self, package: str) -> None:
        """Make a package a dependency of the project."""
        self.shop.run("make", "add", f"PACKAGE={package}", cwd=self.project)

    def history(self, image: str) -> list[tuple[int, str]]:
        """Return bytes and origin of each of an image's layers, newest first."""
        form = "{{.Size}} {{.CreatedBy}}"
        words = ("history", "--no-trunc", "--human=false", "--format", form, image)
        lines = self.docker(*words).splitlines()
        parts = (line.partition(" ") for line in lines)
        return [(int(size), origin) for size, _, origin in parts]

    def kept(self) -> list[dict[str, str]]:
        """Return what the engine's build cache holds, one record for each step."""
        form = "{{json .BuildCache}}"
        told = self.docker("system", "df", "--verbose", "--format", form)
        records: list[dict[str, str]] = json.loads(told) or []
        return records

    def remove(self) -> None:
        """Remove the images, also those that lost their name, and the cached steps."""
        label = f"label={TITLE}={self.slug}"
        images = self.docker("images", "--quiet", "--no-trunc", "--filter", label)
        if images:
            self.docker("rmi", "--force", *dict.fromkeys(images.split()))
        new = [each for each in self.kept() if each["ID"] not in self.known]
        if steps := related(new, self.slug):
            pattern = f"id=^({'|'.join(sorted(steps))})$"
            self.docker("builder", "prune", "--all", "--force", "--filter", pattern)


def related(records: Collection[Mapping[str, str]], slug: str) -> set[str]:
    """Return the steps that name a project, what they build on, what builds on that.

    Args:
        records: of the build cache, without what is common to several projects.
    """
    parents = {each["ID"]: {*each["Parent"].split(", ")} for each in records}
    found = {each["ID"] for each in records if slug in each["Description"]}
    before: set[str] = set()
    while found != before:
        before = found
        above = {parent for each in found for parent in parents[each]}
        found = {
            each for each in parents if {each, *parents[each]} & found or each in above
        }
    return found


def sizes(
    image: Sequence[tuple[int, str]], base: Sequence[tuple[int, str]]
) -> tuple[int, int, int]:
    """Return the bytes of an image: all of it, its dependencies, what else is added.

    Args:
        image: bytes and origin of its layers, newest first.
        base: those of the image that it begins with.
    """
    added = image[: len(image) - len(base)]
    layers = [size for size, origin in added if origin.startswith(DEPENDENCIES)]
    if len(layers) != 1:
        raise CommandError(f"one layer with the dependencies was sought: {image}")
    whole = sum(size for size, _ in image)
    return whole, layers[0], sum(size for size, _ in added) - layers[0]


@contextlib.contextmanager
def images_of_a_project(shop: Workshop, starter: str) -> Iterator[Images]:
    """Make a project whose images go away."""
    images = Images(shop, f"cds-bench-{uuid.uuid4().hex[:8]}")
    try:
        images.make_project(starter)
        yield images
    finally:
        images.remove()


def measure(images: Images, options: argparse.Namespace) -> list[Comparison]:
    """Build after one change and another, and look at what was built."""
    cold, warm, unchanged, edited, added = [], [], [], [], []
    caches = ""
    for turn in range(options.builds):
        caches = f"caches-{turn}"
        cold.append(images.build(caches, "--no-cache"))
        if options.again:
            warm.append(images.build(caches, "--no-cache"))
    whole, dependencies, rest = sizes(
        images.history(f"{images.slug}:prod"), images.history(images.base)
    )
    for turn in range(options.edits + 1):
        images.edit(f"edit {turn}")
        edited.append(images.build(caches))
        unchanged.append(images.build(caches))
    for package in SMALL_PACKAGES[: options.packages]:
        images.add(package)
        added.append(images.build(caches))
    # The first turn of edits is not counted: it may find less in the caches.
    edited, unchanged = edited[1:], unchanged[1:]
    first = ("cold build", cold)
    in_mb = [size / MEGABYTE for size in (whole, dependencies, rest)]
    lines = [
        Comparison("all steps again, packages there", "s", warm, *first),
        Comparison("nothing changed", "s", unchanged, *first),
        Comparison("after an edit in src", "s", edited, *first, 1, True),
        Comparison("    beside no edit", "s", edited, "nothing changed", unchanged),
        Comparison("after a new dependency", "s", added, *first),
        Comparison("prod: dependencies", "MB", in_mb[1:2], "prod", in_mb[:1]),
        Comparison("prod: the rest", "MB", in_mb[2:], "prod", in_mb[:1], 5, True),
    ]
    return [line for line in lines if line.values]


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, most = parser.add_argument, len(SMALL_PACKAGES)
    add("--starter", default="service", help="what the project is made of (service)")
    add("--builds", type=int, default=2, help="from nothing, a cold build each (2)")
    again = "all steps again, with the packages that a cold build has downloaded"
    add("--again", action=argparse.BooleanOptionalAction, default=True, help=again)
    add("--edits", type=int, default=7, help="each followed by a build without one (7)")
    add("--packages", type=int, default=most, help=f"to be added, {most} at the most")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measure, print the table and return the exit status."""
    options = arguments(words)
    # docker's settings and plugins are the user's own, whatever HOME the rest has.
    config = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
    try:
        with open_workshop() as shop, shop.setting({"DOCKER_CONFIG": config}):
            asked = ("docker", "version", "--format", "{{.Server.Version}}")
            try:
                figures = Figures(
                    {**described_machine(shop), "Docker": shop.run(*asked)}
                )
            except (CommandError, OSError):
                raise CommandError(NO_ENGINE) from None
            with images_of_a_project(shop, options.starter) as images:
                figures.comparisons = measure(images, options)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    print(as_markdown(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
