"""The production image, built from nothing and after an edit of the source."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sandbox import Sandbox


def docker(sandbox: Sandbox, *words: str) -> str:
    """Return the output of docker, which may fail."""
    command = ("docker", *words)
    done = subprocess.run(command, env=sandbox.env, capture_output=True, text=True)
    return done.stdout


def engine_answers(sandbox: Sandbox) -> bool:
    version = ("version", "--format", "{{.Server.Version}}")
    return bool(shutil.which("docker") and docker(sandbox, *version).strip())


@contextlib.contextmanager
def image_project(sandbox: Sandbox) -> Iterator[Path]:
    """Make a project, and delete its images at the end."""
    name = f"benchmark-{uuid.uuid4().hex[:8]}"
    sandbox.make_project(sandbox.root / name, starter="service", docker="yes")
    try:
        yield sandbox.root / name
    finally:
        docker(sandbox, "rmi", "--force", f"{name}:prod")
        label = f"label=org.opencontainers.image.title={name}"
        docker(sandbox, "image", "prune", "--force", "--filter", label)


def edit(project: Path) -> None:
    """Change a module of the package."""
    module = next(project.glob("src/*/config.py"))
    with module.open("a", encoding="utf-8") as file:
        file.write(f"# {uuid.uuid4()}\n")
