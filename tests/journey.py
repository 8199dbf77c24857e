"""What the tests of set-up and faults share: the roads to a finished project."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
import sys
import time
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Machine, Project, default_context, run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MANAGERS: list[str] = default_context()["environment_manager"]

STEPS = ("files", "environment", "kernel", "repository")

# Where everything else that a project's tests ask of its environment is proved with the
# same files: the commands run, which need all that it must have.
QUICKLY = "ARGS=--no-cov tests/test_cli.py"

CHECK_KERNEL = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], as_version=4)
code = "import sys; print(sys.prefix)\\nimport " + sys.argv[3]
notebook.cells.append(nbformat.v4.new_code_cell(code))
client = nbclient.NotebookClient(notebook, timeout=300, kernel_name=sys.argv[2])
client.execute()
print("prefix:", notebook.cells[-1].outputs[0].text.strip())
"""


def named_command(output: str) -> str:
    """Return the command line that the hook's output names to resume with."""
    lines = output.splitlines()
    (title,) = (n for n, line in enumerate(lines) if line.endswith("To resume:"))
    return lines[title + 1].strip()


def resume(machine: Machine, output: str) -> str:
    """Run the command that the output names, where the person stands, and return it."""
    command = named_command(output)
    machine.run("sh", "-c", command)
    return command


def has_repository(project: Project) -> None:
    """Assert a clean work tree on main with nothing but the first commit."""
    assert project.git("status", "--porcelain") == ""
    assert project.git("branch", "--show-current") == "main"
    assert project.git("log", "--format=%s") == f"Start {project.path.name}"
    assert (project / ".git/hooks/pre-commit").is_file()
    tracked = {*project.git("ls-files").splitlines()}
    assert "pyproject.toml" in tracked
    assert tracked >= {*lock_files(project)}


def has_environment(machine: Machine, project: Project) -> None:
    """Assert that the environment is whole, with the package, and its kernel known.

    To import what has never been imported takes seconds; each package says itself which
    files it has, and how long they are.
    """
    package = project.path.name.replace("-", "_")
    python = project.bin / "python"
    code = f"import {package}, sys; print(sys.prefix)"
    prefix = project.run(python, "-c", code).stdout.strip()
    assert Path(prefix).samefile(project / ".venv")
    needed = map(Requirement, project.manifest["project"]["dependencies"])
    names = {canonicalize_name(each.name) for each in needed}
    assert names
    assert names <= {*versions_in(project / ".venv")}
    assert damaged_files(project / ".venv") == []
    argv = machine.kernels[project.path.name]["argv"]
    assert argv[0] == str(python)


def is_finished(machine: Machine, project: Project) -> None:
    """Assert all that set-up promises."""
    has_repository(project)
    has_environment(machine, project)


def run_notebook(machine: Machine, project: Project) -> str:
    """Run the notebook in the registered kernel, by the Jupyter of the tests.

    Returns:
        ``sys.prefix`` in that kernel.
    """
    slug, package = project.path.name, project.path.name.replace("-", "_")
    (notebook,) = (path.name for path in project.path.glob("notebooks/*.ipynb"))
    python = [sys.executable, "-c", CHECK_KERNEL, notebook]
    done = machine.run(*python, slug, package, cwd=project / "notebooks")
    (prefix,) = re.findall(r"^prefix: (.*)$", done.stdout, re.MULTILINE)
    return str(prefix)


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


# Lock files, and what should not be in them


def locked(project: Project) -> dict[str, set[str]]:
    """Return what the lock files say: names to versions, the project left out.

    Several versions of a package are there for several platforms or Pythons.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for name, version in (
        *locked_in_toml(project),
        *locked_in_requirements(project),
        *locked_in_pipfile(project),
    ):
        found[canonicalize_name(name)].add(version)
    assert len(found) > 50
    return {name: found[name] for name in found if name != project.path.name}


def locked_in_toml(project: Project) -> list[tuple[str, str]]:
    """Return the pins of uv.lock, poetry.lock and pip's pylock files."""
    files = [project / "uv.lock", project / "poetry.lock"]
    pins = []
    for path in [*files, *project.path.glob("pylock*.toml")]:
        if path.exists():
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            packages = content["packages" if "pylock" in path.name else "package"]
            pins += [(each["name"], each["version"]) for each in packages]
    return pins


def locked_in_requirements(project: Project) -> list[tuple[str, str]]:
    """Return the pins of pip-tools' requirements files, each of which has hashes."""
    pins = []
    for path in project.path.glob("requirements*.txt"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line and not line.lstrip().startswith("#"):
                pin, _, hashes = line.partition(" --hash=")
                requirement = Requirement(pin)
                assert hashes, line
                pins.append(
                    (requirement.name, str(requirement.specifier).removeprefix("=="))
                )
    return pins


def locked_in_pipfile(project: Project) -> list[tuple[str, str]]:
    """Return the pins of Pipfile.lock, each of which has hashes."""
    path = project / "Pipfile.lock"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pins = []
    for section in ("default", "develop"):
        for name, entry in content.get(section, {}).items():
            if "path" not in entry and "file" not in entry:
                assert entry["hashes"], name
                pins.append((name, entry["version"].removeprefix("==")))
    return pins


def site_packages(environment: Path) -> Path:
    """Return where an environment's packages are."""
    (found,) = {
        *environment.glob("lib/python*/site-packages"),
        *environment.glob("Lib/site-packages"),
    }
    return found


def damaged_files(environment: Path) -> list[str]:
    """Return the files of an environment's packages that are not there, or not whole.

    Bytecode is left out: nobody needs it, and not everyone keeps it.
    """
    site = site_packages(environment)
    records = [path.read_text("utf-8") for path in site.glob("*.dist-info/RECORD")]
    assert len(records) > 20
    rows = (row for text in records for row in csv.reader(text.splitlines()))
    wanted = {name: size for name, _, size in rows if not name.endswith(".pyc")}
    return [name for name in wanted if not is_whole(site / name, wanted[name])]


def is_whole(path: Path, size: str) -> bool:
    """Tell whether a file is there, as long as a RECORD says, if it says that."""
    try:
        found = path.stat()
    except OSError:
        return False
    return size in ("", str(found.st_size))


def versions_in(environment: Path) -> dict[str, str]:
    """Return what is installed in an environment: names to versions.

    Installers name the directory of a package's metadata after both.
    """
    found = [path.stem for path in site_packages(environment).glob("*.dist-info")]
    pairs = (stem.split("-") for stem in found)
    return {canonicalize_name(name): version for name, version in pairs}


def write_wheel(directory: Path, name: str, version: str) -> None:
    """Write a wheel that holds nothing but its name and version."""
    directory.mkdir(parents=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(
        directory / f"{name}-{version}-py3-none-any.whl", "w"
    ) as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")


def give_habits(machine: Machine) -> None:
    """Let a machine lead pip and uv to packages that are on no other one.

    There are a directory of wheels and an index of its own, each with a version that is
    newer than any other; settings and environment variables name them.
    """
    wheels, index = machine.home / "wheels", machine.home / "index"
    write_wheel(wheels, "iniconfig", "999.0")
    write_wheel(index / "wcwidth", "wcwidth", "999.0")
    (wheel,) = (index / "wcwidth").glob("*.whl")
    page = f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>'
    (index / "wcwidth/index.html").write_text(page, encoding="utf-8")
    settings = machine.home / ".config/pip/pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[global]\nfind-links = {wheels}\nextra-index-url = {index.as_uri()}\n",
        encoding="utf-8",
    )
    settings = machine.home / ".config/uv/uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        'exclude-newer = "2025-06-01T00:00:00Z"\nprerelease = "allow"\n'
        'resolution = "lowest"\n',
        encoding="utf-8",
    )
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        machine.env[name] = str(wheels)
    for name in ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        machine.env[name] = index.as_uri()


def holds_nothing_of_the_machine(machine: Machine, project: Project) -> None:
    """Assert that the lock files tell nobody where and how they were made."""
    names = lock_files(project)
    assert names
    for name in names:
        text = project.text(name).replace(
            machine.env.get("PIPENV_PYPI_MIRROR", " "), ""
        )
        for trace in ("file:/", "127.0.0.1", "localhost", str(machine.home.parent)):
            assert trace not in text, (name, trace)
    assert not {"999.0"} & {*locked(project)["iniconfig"], *locked(project)["wcwidth"]}


def lock_files(project: Project) -> list[str]:
    """Return the names of the files that `make lock` writes."""
    kinds = ("*.lock", "pylock*.toml", "requirements*.txt")
    return sorted(path.name for kind in kinds for path in project.path.glob(kind))
