"""The production image, built from nothing and after an edit of the source."""

from __future__ import annotations

import contextlib
import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from sandbox import Sandbox


def docker(sandbox: Sandbox, *words: str) -> str:
    """Return the output of docker, which may fail."""
    command = ["docker", *words]
    return subprocess.run(
        command, env=sandbox.env, capture_output=True, text=True
    ).stdout


def cached_steps(sandbox: Sandbox) -> set[str]:
    """Return the IDs of the steps in the engine's build cache."""
    words = ("system", "df", "--verbose", "--format", "{{json .BuildCache}}")
    return {each["ID"] for each in json.loads(docker(sandbox, *words)) or []}


@contextlib.contextmanager
def image_project(sandbox: Sandbox) -> Iterator[Path]:
    """Make a project; at the end delete its images and their steps in the cache."""
    name = f"benchmark-{uuid.uuid4().hex[:8]}"
    answers = {"starter": "service", "environment_manager": "uv", "docker": "yes"}
    sandbox.render(sandbox.template, sandbox.root, project_slug=name, **answers)
    before = cached_steps(sandbox)
    try:
        yield sandbox.root / name
    finally:
        docker(sandbox, "rmi", "--force", f"{name}:prod")
        label = f"label=org.opencontainers.image.title={name}"
        docker(sandbox, "image", "prune", "--force", "--filter", label)
        if steps := cached_steps(sandbox) - before:
            pattern = f"id=^({'|'.join(sorted(steps))})$"
            docker(sandbox, "builder", "prune", "--all", "--force", "--filter", pattern)


def build(sandbox: Sandbox, project: Path, options: str = "") -> float:
    """Build the image and return the seconds that `make image` took."""
    return sandbox.run("make", "image", f"ARGS={options}", cwd=project).seconds


def rebuild(sandbox: Sandbox, project: Path) -> float:
    """Edit a module of the package and build the image."""
    module = next(project.glob("src/*/config.py"))
    with module.open("a", encoding="utf-8") as file:
        file.write(f"# {uuid.uuid4()}\n")
    return build(sandbox, project)
