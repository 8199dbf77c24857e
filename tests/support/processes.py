"""Processes, and requirements of the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import run


def wait_until(
    condition: Callable[[], object], seconds: float, what: str, pause: float = 0.005
) -> None:
    """Return as soon as the condition holds; fail if it never does.

    Args:
        condition: the function to call until its result is true.
        seconds: the time limit.
        what: a name of the condition for the error message.
        pause: seconds between two calls.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in {seconds} s, not: {what}"
        time.sleep(pause)


def children(pid: int) -> list[int]:
    """Return the descendants of this process, the nearest first (Linux)."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # or one of its threads has
                found += map(int, path.read_text().split())
    return found + [below for each in found for below in children(each)]


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def other_python() -> tuple[str, Path]:
    """Return the version and path of a Python that does not run the tests.

    Only such a Python can be hidden: the template always finds the running one.
    """
    own = "{}.{}".format(*sys.version_info)
    pyenv = Path(os.environ.get("PYENV_ROOT", "/nowhere"), "versions")
    check = (
        "import ensurepip, sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"
    )
    for version in ("3.13", "3.12", "3.14", "3.11"):
        on_path = shutil.which(f"python{version}")
        for python in [*pyenv.glob(f"{version}.*/bin/python{version}"), on_path]:
            if version == own or python is None:
                continue
            done = run(python, "-c", check, check=False)
            if done.returncode == 0 and done.stdout.split()[-1] == version:
                return version, Path(done.stdout.split()[0]).resolve()
    pytest.skip("there is no second Python with ensurepip on this machine")


def needs_unshare(*options: str) -> list[str]:
    """Return the command that runs a program in its own namespace, or skip."""
    command = ["unshare", *options]
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("unshare, a program of Linux, is missing")
    done = run(*command, "true", check=False)
    if done.returncode != 0:
        pytest.skip(f"unshare failed: {done.stdout.strip()}")
    return command


def needs_linux() -> None:
    """Skip if /proc does not show the children of processes."""
    if sys.platform != "linux":
        pytest.skip("child processes are read from Linux's /proc")


def put_first_on_path(machine: Machine, name: str, script: str) -> Path:
    """Add a program to the machine's PATH, and return its path."""
    directory = machine.home.parent / "own-programs"
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    others = machine.env["PATH"].removeprefix(f"{directory}{os.pathsep}")
    machine.env["PATH"] = f"{directory}{os.pathsep}{others}"
    return program
