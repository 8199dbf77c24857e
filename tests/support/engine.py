"""Helpers for tests that use a container engine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from support.project import run


def missing(reason: str) -> NoReturn:
    """Skip with this reason, or fail if REQUIRE_ENGINE is set."""
    if os.environ.get("REQUIRE_ENGINE"):
        pytest.fail(f"REQUIRE_ENGINE is set, but {reason}")
    pytest.skip(reason)


def needs_engine() -> None:
    """Skip, or fail, without a container engine with buildx and compose."""
    if shutil.which("docker") is None:
        missing("docker is missing")
    for words in (["info"], ["buildx", "version"], ["compose", "version"]):
        done = run("docker", *words, check=False)
        if done.returncode != 0:
            missing(f"'docker {words[0]}' failed: {done.stdout.strip()[-200:]}")


def docker(*words: str | Path, check: bool = True) -> str:
    return run("docker", *words, check=check).stdout.strip()


def inspect(name: str, template: str) -> str:
    return docker("inspect", "--format", template, name)
