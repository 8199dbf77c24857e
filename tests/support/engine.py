"""Helpers for tests that use a container engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from support.project import run


def missing(reason: str) -> NoReturn:
    """Skip with this reason, or fail where REQUIRE_ENGINE is set."""
    if os.environ.get("REQUIRE_ENGINE"):
        pytest.fail(f"REQUIRE_ENGINE is set, but {reason}")
    pytest.skip(reason)


def needs_engine() -> None:
    """Skip, or fail, where there is no container engine with buildx and compose."""
    if shutil.which("docker") is None:
        missing("docker is not on this machine")
    for words in (["info"], ["buildx", "version"], ["compose", "version"]):
        done = run("docker", *words, check=False)
        if done.returncode != 0:
            missing(f"'docker {words[0]}' failed: {done.stdout.strip()[-200:]}")


def docker(*words: str | Path, check: bool = True) -> str:
    """Return the output of docker."""
    return run("docker", *words, check=check).stdout.strip()


def inspect(name: str, template: str) -> str:
    """Return what docker inspect prints for an image or a container."""
    return docker("inspect", "--format", template, name)


def found_in_image(image: str, *texts: str) -> set[str]:
    """Return which of these texts are anywhere in an image: in a file or a setting."""
    saved = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    assert saved.stdout is not None
    longest = max(map(len, texts))
    before, found = b"", set[str]()
    while block := saved.stdout.read(1 << 20):
        seen = before + block
        found |= {text for text in texts if text.encode() in seen}
        before = seen[-longest:]
    saved.stdout.close()
    assert saved.wait(60) == 0
    return found
