"""A container engine: whether there is one, and what the tests ask of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from conftest import run


def missing(what: str) -> NoReturn:
    """Skip with this reason, or fail where everything must be there."""
    if os.environ.get("REQUIRE_ENGINE"):
        pytest.fail(f"REQUIRE_ENGINE is set, but {what}")
    pytest.skip(what)


def lacking() -> str:
    """Return what an engine with buildx and compose lacks here, if anything."""
    if shutil.which("docker") is None:
        return "docker is not on this machine"
    for words in (["info"], ["buildx", "version"], ["compose", "version"]):
        done = run("docker", *words, check=False)
        if done.returncode != 0:
            told = done.stdout.strip()[-200:]
            return f"'docker {words[0]}' does not answer: {told}"
    return ""


def needs_engine() -> None:
    """Skip, or fail, where there is no container engine with buildx and compose."""
    lack = lacking()
    if lack:
        missing(lack)


def docker(*words: str | Path, check: bool = True) -> str:
    """Return what docker prints."""
    return run("docker", *words, check=check).stdout.strip()


def inspected(what: str, form: str) -> str:
    """Return what the engine knows of an image or a container."""
    return docker("inspect", "--format", form, what)


def held_by_layers(image: str, *texts: str) -> set[str]:
    """Return which of these texts are anywhere in an image: its files, its settings."""
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


@contextlib.contextmanager
def container(*words: str | Path) -> Iterator[str]:
    """Start a container in the background, give its name, and remove it."""
    name = f"cds-test-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, *words)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)
