"""Programs that run, and what a test needs of the system."""

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
        condition: is asked again and again.
        seconds: when to give up.
        what: what is waited for, as the failure tells it.
        pause: seconds between two questions; longer where to ask takes a program.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in {seconds} s, not: {what}"
        time.sleep(pause)


def children(pid: int) -> list[int]:
    """Return the processes below this one, the nearest first (on Linux)."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # or a thread of it has
                found += map(int, path.read_text().split())
    return found + [below for each in found for below in children(each)]


def is_running(pid: int) -> bool:
    """Tell whether the process is there and not only waiting to be reaped."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def other_python() -> tuple[str, Path]:
    """Return the version and place of a Python that the tests do not run on.

    Only such a one can be hidden: the template always finds the one that it runs on.
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
    """Return the command that gives a program a namespace of its own, or skip."""
    command = ["unshare", *options]
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("namespaces are made by Linux's unshare, which is not here")
    done = run(*command, "true", check=False)
    if done.returncode != 0:
        pytest.skip(f"no namespace may be made here: {done.stdout.strip()}")
    return command


def needs_linux() -> None:
    """Skip where /proc does not tell which processes belong together."""
    if sys.platform != "linux":
        pytest.skip("whose child a process is, is read from Linux's /proc")


def put_first_on_path(machine: Machine, name: str, script: str) -> Path:
    """Give the machine a program of its own and return where it is."""
    directory = machine.home.parent / "own-programs"
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    others = machine.env["PATH"].removeprefix(f"{directory}{os.pathsep}")
    machine.env["PATH"] = f"{directory}{os.pathsep}{others}"
    return program
