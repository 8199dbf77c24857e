"""Measure what the template costs, as ratios of two things measured in one run.

The two sides of a comparison take turns, after a turn that is not counted. README.md
beside this file describes the comparisons.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import by_hand
import images
import service
from rich import box
from rich.console import Console
from rich.table import Table
from sandbox import PYTHON, CommandError, Sandbox, open_sandbox

PARTS = ("rendering", "kernel", "service", "image")
MANAGERS = ("uv", "poetry", "pip-tools", "pipenv", "pip")
BLOCK = 512  # bytes, the unit of st_blocks

Row = list[str]
Side = Callable[[int], tuple[float, ...]]  # from a turn to a value for each row


def rows(
    turns: int, names: list[tuple[str, str]], reference: str, ours: Side, theirs: Side
) -> Iterator[Row]:
    """Measure both sides in turns and return rows of the table.

    Args:
        turns: counted ones, after turn 0, which warms the caches.
        names: for each value that a side returns, its name and its unit.
        reference: name of the other side.
        ours: the template's side, first in turn 0; each side is first in every other.
        theirs: the other side.
    """
    pairs = []
    for turn in range(turns + 1):
        if turn % 2:
            other, own = theirs(turn), ours(turn)
        else:
            own, other = ours(turn), theirs(turn)
        pairs.append(list(zip(own, other, strict=True)))
    for (name, unit), values in zip(names, zip(*pairs[1:], strict=True), strict=True):
        own, other = zip(*values, strict=True)
        ratios = [a / b for a, b in values]
        low, high = min(ratios), max(ratios)
        if len(ratios) >= 4:
            low, _, high = statistics.quantiles(ratios, n=4)
        medians = [f"{shown(statistics.median(each))} {unit}" for each in (own, other)]
        spread = f"{shown(low)} to {shown(high)}"
        ratio = shown(statistics.median(ratios))
        yield [name, reference, *medians, ratio, spread, str(turns)]


def shown(value: float) -> str:
    """Return a value with about three digits."""
    digits = next((n for n in range(4) if value >= 10 ** (2 - n)), 4)
    return f"{value:.{digits}f}"


def measure_rendering(sandbox: Sandbox, turns: int) -> Iterator[Row]:
    """Compare rendering with an empty template, by processor time."""
    parent = sandbox.root / "rendering"

    def processor(template: Path, **answers: str) -> tuple[float]:
        usage = sandbox.render(template, parent, **answers)
        shutil.rmtree(parent)
        return (usage.processor,)

    return rows(
        turns * 4,
        [("rendering, processor time", "s")],
        "empty template and hooks",
        lambda turn: processor(sandbox.template, set_up="no"),
        lambda turn: processor(sandbox.empty_template),
    )


def measure_kernel(sandbox: Sandbox, turns: int, manager: str) -> Iterator[Row]:
    """Compare a project, from answers to kernel, with the same work by hand."""
    parent = sandbox.root / f"kernel-{manager}"
    first = parent / "ours-0"  # its Python makes environments by hand

    def result(project: Path, seconds: float) -> tuple[float, float]:
        kernels = sandbox.home.glob(f"**/jupyter/kernels/{project.name}/kernel.json")
        if not (any(kernels) and (project / ".git/hooks/pre-commit").exists()):
            raise CommandError(f"the set-up of {project.name} with {manager} failed")
        size = own_bytes(project) / 1_000_000
        if project != first:
            shutil.rmtree(project)
        return seconds, size

    def ours(turn: int) -> tuple[float, float]:
        project = parent / f"ours-{turn}"
        answers = {"project_slug": project.name, "environment_manager": manager}
        usage = sandbox.render(sandbox.template, parent, **answers, set_up="yes")
        return result(project, usage.seconds)

    def theirs(turn: int) -> tuple[float, float]:
        project = parent / f"by-hand-{turn}"
        seconds = sandbox.render(sandbox.empty_template, parent / "empty").seconds
        shutil.rmtree(parent / "empty")
        # The time to put the files in place is not counted.
        answers = {"project_slug": project.name, "environment_manager": manager}
        sandbox.render(sandbox.template, parent, **answers, set_up="no")
        for command in by_hand.commands(manager, project, first / PYTHON):
            seconds += sandbox.run(*command, cwd=project).seconds
        return result(project, seconds)

    title = f"a further project, {manager}"
    names = [(f"{title}: answers to kernel", "s"), (f"{title}: disk", "MB")]
    yield from rows(turns, names, "by hand", ours, theirs)
    shutil.rmtree(parent)


def own_bytes(top: Path) -> int:
    """Return the bytes on the disk that a tree shares with no other, such as a cache.

    A file with several hard links is shared. Clones (APFS, btrfs, XFS) cannot be told
    from copies and are counted.
    """
    entries = [top, *top.rglob("*")]
    states = [each.lstat() for each in entries]
    own = [each for each in states if each.st_nlink == 1 or each.st_mode & 0o040000]
    return (
        sum(getattr(each, "st_blocks", each.st_size // BLOCK) for each in own) * BLOCK
    )


def measure_service(sandbox: Sandbox, turns: int) -> Iterator[Row]:
    """Compare the service with a FastAPI route that returns a constant."""
    answers = {"starter": "service", "environment_manager": "uv"}
    sandbox.render(sandbox.template, sandbox.root, project_slug="service", **answers)
    project, bare = sandbox.root / "service", sandbox.root / "bare.py"
    sandbox.run(project / PYTHON, "-m", "service", "train", cwd=project)
    bare.write_text(service.BARE, encoding="utf-8")

    def requests(*words: str | Path) -> tuple[float]:
        return (service.requests_per_second(sandbox, project, *words),)

    return rows(
        turns,
        [("service, one prediction", "requests/s")],
        "bare FastAPI route",
        lambda turn: requests("-m", "service", "serve", "--port"),
        lambda turn: requests(bare),
    )


def measure_image(sandbox: Sandbox, turns: int) -> Iterator[Row]:
    """Compare an image built after an edit with one built from nothing."""
    if shutil.which("docker") is None or not images.docker(sandbox, "version"):
        print("image: skipped, no container engine answers", file=sys.stderr)
        return
    with images.image_project(sandbox) as project:
        yield from rows(
            min(turns, 3),
            [("image after an edit of the source", "s")],
            "first build, packages cached",
            lambda turn: (images.rebuild(sandbox, project),),
            lambda turn: (images.build(sandbox, project, "--no-cache"),),
        )


def measure(sandbox: Sandbox, options: argparse.Namespace) -> Iterator[Row]:
    """Measure what the options ask for."""
    if "rendering" in options.only:
        yield from measure_rendering(sandbox, options.turns)
    for manager in options.managers if "kernel" in options.only else ():
        yield from measure_kernel(sandbox, options.turns, manager)
    if "service" in options.only:
        yield from measure_service(sandbox, options.turns)
    if "image" in options.only:
        yield from measure_image(sandbox, options.turns)


def main() -> int:
    """Measure, print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--turns", type=int, default=5, help="counted repetitions (5; rendering: 20)")
    add("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    add("--managers", nargs="+", choices=MANAGERS, default=["uv"], help="(uv)")
    options = parser.parse_args()
    heads = ("measured", "against", "ours", "theirs", "ratio", "spread", "n")
    table = Table(*heads, box=box.MARKDOWN)
    try:
        with open_sandbox() as sandbox:
            for row in measure(sandbox, options):
                table.add_row(*row)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    Console(width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
