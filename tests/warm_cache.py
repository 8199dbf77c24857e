"""A cache of uv's for the tests alone, with bytecode of what the projects import.

uv links what lies in its cache into new environments, bytecode too. To compile it takes
longer than all else that is done with most of the environments that tests make.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from conftest import (
    ROOT,
    Project,
    default_context,
    made_once,
    needs,
    programs_of,
    run,
)

# What each project runs, as far as it takes to import it.
COMMANDS = (
    ("pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider"),
    ("ipykernel", "--version"),
    ("nbclient", "--version"),
    ("black", "--version"),
    ("pre_commit", "--version"),
    ("detect_secrets", "--version"),
)


def kept(project: Project) -> Path:
    """Return the cache with all that a project needs; it is kept with the tests' tools.

    Args:
        project: the largest one there is, as no other needs more.
    """
    managers = (ROOT / "requirements-managers.txt").read_text(encoding="utf-8")
    python = python_of_projects()
    words = "\n".join([*needs(project), managers, python])
    key = hashlib.sha256(words.encode()).hexdigest()[:12]
    return made_once(
        Path(sys.prefix) / "stacks" / f"uv-{key}",
        lambda made: fill(made, project, python),
    )


def python_of_projects() -> str:
    """Return a Python of the version that projects have unless told otherwise."""
    version = default_context()["python_version"][0]
    pyenv = Path(os.environ.get("PYENV_ROOT", "/nowhere"), "versions")
    known = [str(path) for path in pyenv.glob(f"{version}.*/bin/python")]
    for python in filter(shutil.which, [*known, f"python{version}"]):
        if run(python, "-c", "import ensurepip", check=False).returncode == 0:
            return python
    return sys.executable


def fill(cache: Path, project: Project, python: str) -> None:
    """Let uv load what a project and the managers need; compile what is imported."""
    environment = {**os.environ, "UV_CACHE_DIR": str(cache)}
    pip = ("uv", "pip", "install", "--quiet", "--python")
    pinned = ("--require-hashes", "-r", str(ROOT / "requirements-managers.txt"))
    with tempfile.TemporaryDirectory(dir=cache.parent) as directory:
        venv, tools = Path(directory, "venv"), Path(directory, "tools")
        for each in (venv, tools):
            run("uv", "venv", "--quiet", "--python", python, each, env=environment)
        run(*pip, str(tools), *pinned, env=environment)
        run(*pip, str(venv), *needs(project), env=environment)
        sources = shutil.copytree(project.path, Path(directory, project.path.name))
        source = {**environment, "PYTHONPATH": str(sources / "src")}
        python = str(programs_of(venv) / "python")
        for command in COMMANDS:
            run(python, "-m", *command, cwd=sources, env=source, check=False)
        link_bytecode(venv, cache)


def link_bytecode(environment: Path, cache: Path) -> None:
    """Link an environment's bytecode to where uv keeps the sources, which it links."""
    sources = {path.stat().st_ino: path for path in cache.glob("archive-v*/*/**/*.py")}
    for bytecode in environment.glob("lib/**/__pycache__/*.pyc"):
        source = bytecode.parent.parent / f"{bytecode.name.partition('.')[0]}.py"
        if source.exists() and source.stat().st_ino in sources:
            place = sources[source.stat().st_ino].parent / "__pycache__"
            place.mkdir(exist_ok=True)
            (place / bytecode.name).hardlink_to(bytecode)


def copy(cache: Path, place: Path) -> None:
    """Copy a cache, and the times of its files, by which Python knows its bytecode."""
    shutil.copytree(cache, place, symlinks=True)
