"""A cache of uv's for the tests alone, with bytecode of what the projects import.

uv links what lies in its cache into new environments, bytecode too. To compile it takes
longer than all else that is done with most of the environments that tests make. Those
that others than uv have made are given the same bytecode when they are finished.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import (
    ROOT,
    Project,
    made_once,
    needs,
    python_of_projects,
    run,
)
from journey import site_packages

ARCHIVE = "cache.tar"


def kept(project: Project) -> Path:
    """Return where the cache is that has all that a project needs, in one archive.

    It is kept with the tests' own tools. What lies in ten thousands of files takes a
    disk many times as long to read as one that is as large.

    Args:
        project: the largest one there is, as no other needs more.
    """
    managers = (ROOT / "requirements-managers.txt").read_text(encoding="utf-8")
    # The second is what continuous integration is followed on, besides the first.
    pythons = list(dict.fromkeys([python_of_projects(), sys.executable]))
    words = [*needs(project), managers, *pythons, Path(__file__).read_text("utf-8")]
    key = hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]

    def fill(made: Path) -> None:
        made.mkdir()
        with ThreadPoolExecutor() as pool:
            done = [pool.submit(at_work, made / "cache", project, p) for p in pythons]
            for each in done:
                each.result()
        form = ("--format=posix", "--file", str(made / ARCHIVE))
        run("tar", "--create", *form, "--directory", made, "cache")
        shutil.rmtree(made / "cache")

    return made_once(Path(sys.prefix) / "stacks" / f"uv-{key}", fill)


def at_work(cache: Path, project: Project, python: str) -> None:
    """Let uv load what a project and the managers need; compile what is imported.

    The project is at work for that: what it imports is known when it has done it all.
    """
    environment = {**os.environ, "UV_CACHE_DIR": str(cache)}
    pip = ("uv", "pip", "install", "--quiet", "--python")
    pinned = ("--require-hashes", "-r", str(ROOT / "requirements-managers.txt"))
    with tempfile.TemporaryDirectory(dir=cache.parent) as directory:
        tools, work = Path(directory, "tools"), Path(directory, project.path.name)
        shutil.copytree(project.path, work)
        for each in (tools, work / ".venv"):
            run("uv", "venv", "--quiet", "--python", python, each, env=environment)
        run(*pip, str(tools), *pinned, env=environment)
        own = (*needs(project), "--editable", str(work))
        run(*pip, str(work / ".venv"), *own, env=environment)
        run("git", "init", "--quiet", cwd=work, env=environment)
        run("git", "add", "--all", cwd=work, env=environment)
        verbs = ("check", "test", "notebooks", "build")
        run("make", *verbs, cwd=work, env=environment)
        link_bytecode(work / ".venv", cache)


def source_of(bytecode: Path) -> Path:
    """Return the file that bytecode is made of."""
    return bytecode.parent.parent / f"{bytecode.name.partition('.')[0]}.py"


def link_bytecode(environment: Path, cache: Path) -> None:
    """Link an environment's bytecode to where uv keeps the sources, which it links."""
    sources = {path.stat().st_ino: path for path in cache.glob("archive-v*/*/**/*.py")}
    for bytecode in environment.glob("lib/**/__pycache__/*.pyc"):
        source = source_of(bytecode)
        if source.exists() and source.stat().st_ino in sources:
            beside = sources[source.stat().st_ino].parent / "__pycache__"
            beside.mkdir(exist_ok=True)
            if not (beside / bytecode.name).exists():  # of the other Python
                (beside / bytecode.name).hardlink_to(bytecode)


def unpack(kept: Path, place: Path) -> None:
    """Unpack a cache, and the times of files, by which Python knows its bytecode."""
    place.mkdir()
    archive = ("--file", str(kept / ARCHIVE), "--strip-components=1")
    run("tar", "--extract", *archive, "--directory", place)


def wheel_of(info: Path) -> tuple[str, str]:
    """Return a package's name and version, and the tags of its wheel.

    Wheels of one release for two Pythons have the same name when they are unpacked.
    """
    return info.name, (info / "WHEEL").read_text("utf-8")


@functools.cache
def packages_in(cache: Path) -> dict[tuple[str, str], Path]:
    """Return where uv's cache has each wheel unpacked."""
    found = cache.glob("archive-v*/*/*.dist-info/WHEEL")
    return {wheel_of(path.parent): path.parent.parent for path in found}


@functools.cache
def bytecode_in(package: Path, tag: str) -> list[Path]:
    """Return a Python's bytecode that lies with a package in uv's cache."""
    return [*package.rglob(f"__pycache__/*.{tag}.pyc")]


def give_bytecode(environment: Path) -> None:
    """Put bytecode where Python would write it, for packages that uv's cache has, too.

    Python knows by a source's time and size that bytecode is made of it: the time
    becomes that of the source in the cache, which is the same file of the same wheel.
    """
    known = packages_in(Path(os.environ["UV_CACHE_DIR"]))
    site = site_packages(environment)
    tag = site.parent.name.replace("python", "cpython-").replace(".", "")
    wheels = {wheel_of(path.parent) for path in site.glob("*.dist-info/WHEEL")}
    for package in (known[wheel] for wheel in wheels & known.keys()):
        for bytecode in bytecode_in(package, tag):
            beside = site / bytecode.relative_to(package)
            source = source_of(bytecode).stat()
            own = source_of(beside)
            if (
                not beside.exists()
                and own.exists()
                and own.stat().st_size == source.st_size
            ):
                os.utime(own, ns=(source.st_atime_ns, source.st_mtime_ns))
                beside.parent.mkdir(exist_ok=True)
                beside.hardlink_to(bytecode)
