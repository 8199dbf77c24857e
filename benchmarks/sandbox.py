"""A temporary HOME and directory to measure in, with the package caches of the user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from new import copy_template

BIN = Path(".venv", "Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
DIRECTORIES = {  # in the user's own HOME, where the environment names no other
    "DOCKER_CONFIG": ".docker",
    "PYENV_ROOT": ".pyenv",
    "UV_CACHE_DIR": ".cache/uv",
    "PIP_CACHE_DIR": ".cache/pip",
    "POETRY_CACHE_DIR": ".cache/pypoetry",
    "PIP_TOOLS_CACHE_DIR": ".cache/pip-tools",
    "PIPENV_CACHE_DIR": ".cache/pipenv",
}
# Prefixes of variables that lead tools away from the sandbox.
UNSET = (
    *("ARGS", "COOKIECUTTER", "GIT_", "JUPYTER", "MAKE", "MFLAGS", "PYTHON"),
    *("UV_PROJECT_ENVIRONMENT", "VENV", "VIRTUAL_ENV", "XDG_"),
)


class CommandError(Exception):
    """A command failed, or did not do what is measured."""


class Usage(NamedTuple):
    """What a command took: seconds from start to end, and seconds of processor time."""

    seconds: float
    processor: float


class Sandbox:
    """Runs commands in a directory that is deleted at the end, with a HOME in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.template = copy_template(root)
        self.empty_template = root / "empty"
        files = {
            "home/.gitconfig": "[user]\n\tname = Ada\n\temail = ada@example.org\n",
            "home/tmp/.keep": "",
            "empty/cookiecutter.json": '{"project_slug": "my-analysis"}\n',
            "empty/{{cookiecutter.project_slug}}/README.md": "# Empty\n",
        }
        for hook in ("pre_prompt", "pre_gen_project", "post_gen_project"):
            files[f"empty/hooks/{hook}.py"] = '"""Does nothing."""\n'
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        given = {k: v for k, v in os.environ.items() if not k.startswith(UNSET)}
        self.env = {k: str(Path.home() / v) for k, v in DIRECTORIES.items()} | given
        self.env |= dict.fromkeys(("HOME", "USERPROFILE"), str(self.home))
        self.env |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.home / "tmp"))
        self.env["PIPENV_VENV_IN_PROJECT"] = "1"
        tools = str(Path(sys.executable).parent)
        self.env["PATH"] = os.pathsep.join([tools, os.environ["PATH"]])

    def run(self, *command: str | Path, cwd: Path | None = None) -> Usage:
        """Run a command to its end and return what it took.

        Raises:
            CommandError: with the last lines of output, if the command fails.
        """
        before, start = psutil.Process().cpu_times(), time.perf_counter()
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        seconds, after = time.perf_counter() - start, psutil.Process().cpu_times()
        if done.returncode != 0:
            lines = done.stdout.decode("utf-8", "replace").splitlines()[-8:]
            words = " ".join(map(str, command))
            raise CommandError("\n    ".join([f"failed: {words}", *lines]))
        user = after.children_user - before.children_user
        return Usage(seconds, user + after.children_system - before.children_system)

    def render(self, template: Path, parent: Path, **answers: str) -> Usage:
        """Make a project in a directory, without questions."""
        given = [f"{name}={value}" for name, value in answers.items()]
        command = (sys.executable, "-m", "cookiecutter", template, "--no-input")
        return self.run(*command, "--output-dir", parent, *given)


@contextlib.contextmanager
def open_sandbox() -> Iterator[Sandbox]:
    """Make a sandbox where uv can hard-link files from its cache, and delete it."""
    cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache/uv"))
    parent = Path(tempfile.gettempdir())
    if cache.exists() and cache.stat().st_dev != parent.stat().st_dev:
        parent = cache.parent
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(tempfile.mkdtemp(prefix="benchmark-", dir=parent)).resolve()
    try:
        yield Sandbox(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
