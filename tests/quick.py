"""Cookiecutter as quick as tests want it: the same code, started from a warm process.

Half of a rendering's time is Python's start, and templates that are compiled again
though they are the same. Where there is fork, a copy of the tests' process does the
work, for which all that is read and compiled already. Tests of set-up start a program.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

import cookiecutter.cli  # type: ignore[import-untyped]
import cookiecutter.config  # type: ignore[import-untyped]
import cookiecutter.hooks  # type: ignore[import-untyped]
import jinja2

CAN_FORK = hasattr(os, "fork")

compile_anew = jinja2.Environment.compile


def remember_templates() -> None:
    """Let Jinja compile a text once, whichever environment asks for it."""
    known: dict[tuple[Any, ...], CodeType] = {}

    def compiled(
        self: jinja2.Environment, source: Any, name: str | None = None, *rest: Any
    ) -> Any:
        if not isinstance(source, str) or any(rest[1:]):
            return compile_anew(self, source, name, *rest)
        spaces = (self.keep_trailing_newline, self.trim_blocks, self.lstrip_blocks)
        key = (source, name, *spaces)
        if key not in known:
            known[key] = compile_anew(self, source, name, *rest)
        return known[key]

    jinja2.Environment.compile = compiled  # type: ignore[assignment,method-assign]


def in_a_copy(work: Callable[[], object]) -> int:
    """Do work in a copy of this process, and return the status that it ends with."""
    with warnings.catch_warnings():  # of other threads, which do not touch the copy
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        end_with(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def end_with(work: Callable[[], object]) -> NoReturn:
    """Do work as a program's main part, and end the process as Python would."""
    status: object = 0
    try:
        work()
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(int(status))  # type: ignore[call-overload]


def print_as_a_program() -> None:
    """Print to the streams of the process, past pytest's own."""
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def run_hook(script: str, cwd: Path | str = ".") -> None:
    """Run a hook as cookiecutter does, without starting Python.

    Raises:
        FailedHookException: if the hook ends with a failure.
    """

    def work() -> None:
        os.chdir(cwd)
        print_as_a_program()
        sys.argv = [script]
        runpy.run_path(script, run_name="__main__")

    status = in_a_copy(work)
    if status:
        message = f"Hook script failed (exit status: {status})"
        raise cookiecutter.hooks.FailedHookException(message)


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter with these words, as a person in that directory would."""

    def work() -> None:
        os.setsid()
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        tempfile.tempdir = None
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        print_as_a_program()
        sys.argv = ["cookiecutter", *words]
        importlib.reload(cookiecutter.config)  # which looks for HOME as it is imported
        cookiecutter.cli.main(list(words))

    with tempfile.TemporaryFile() as output:
        status = in_a_copy(work)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return subprocess.CompletedProcess(["cookiecutter", *words], status, said)


remember_templates()
if CAN_FORK:
    cookiecutter.hooks.run_script = run_hook
