"""What holds for a project whose set-up succeeded."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.environments import (
    damaged_files,
    versions_in,
    write_wheel,
)
from support.index_proxy import FRESH_VERSION
from support.locks import (
    lock_files,
    locked,
)
from support.machine import Machine
from support.project import Project

STEPS = ("files", "environment", "kernel", "repository")
# Variables that change what is installed or where: uv, pip, poetry#2562, pipenv#568.
ELSEWHERE = """
    UV_PROJECT UV_WORKING_DIRECTORY UV_PROJECT_ENVIRONMENT PIP_TARGET PIP_PREFIX
    PIPENV_PIPFILE WORKON_HOME POETRY_VIRTUALENVS_PATH POETRY_HOME VIRTUAL_ENV
    CONDA_PREFIX
"""
SWITCHES = """
    UV_NO_DEV UV_NO_INSTALL_PROJECT UV_NO_EDITABLE UV_FROZEN UV_NO_SOURCES PIP_USER
    PIP_NO_DEPS PIPENV_SKIP_LOCK PIPENV_IGNORE_PIPFILE POETRY_INSTALLER_NO_BINARY
    PYTHONOPTIMIZE PYTHONSAFEPATH
"""
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
    """Return the command line in the output that resumes."""
    lines = output.splitlines()
    (title,) = (n for n, line in enumerate(lines) if line.endswith("To resume:"))
    return lines[title + 1].strip()


def resume(machine: Machine, output: str) -> str:
    """Run the command line in the output that resumes, and return it."""
    command = named_command(output)
    machine.run("sh", "-c", command)
    return command


def has_repository(project: Project) -> None:
    """Assert a clean work tree on main with only the first commit."""
    assert project.git("status", "--porcelain") == ""
    assert project.git("branch", "--show-current") == "main"
    assert project.git("log", "--format=%s") == f"Start {project.path.name}"
    assert os.access(project / ".git/hooks/pre-commit", os.X_OK)  # else git skips it
    tracked = {*project.git("ls-files").splitlines()}
    assert "pyproject.toml" in tracked
    assert tracked >= {*lock_files(project)}


def has_environment(machine: Machine, project: Project) -> None:
    """Assert that the environment is complete and that its kernel is registered.

    The files are compared with each package's own list, as importing them takes
    seconds.
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
    has_repository(project)
    has_environment(machine, project)


def run_notebook(machine: Machine, project: Project) -> str:
    """Run the notebook in the registered kernel, with the Jupyter of the tests.

    Returns:
        ``sys.prefix`` in that kernel.
    """
    slug, package = project.path.name, project.path.name.replace("-", "_")
    (notebook,) = (path.name for path in project.path.glob("notebooks/*.ipynb"))
    python = [sys.executable, "-c", CHECK_KERNEL, notebook]
    done = machine.run(*python, slug, package, cwd=project / "notebooks")
    (prefix,) = re.findall(r"^prefix: (.*)$", done.stdout, re.MULTILINE)
    return str(prefix)


def add_misleading_settings(machine: Machine) -> None:
    """Add settings to a machine that change what is installed, and where.

    They name a directory of wheels and an index, each with a version that is newer than
    any other, and another environment. A project must use none of these.
    """
    wheels, index = machine.home / "wheels", machine.home / "index"
    write_wheel(wheels, "iniconfig", "999.0")
    write_wheel(index / "wcwidth", "wcwidth", "999.0")
    (wheel,) = (index / "wcwidth").glob("*.whl")
    page = f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>'
    (index / "wcwidth/index.html").write_text(page, encoding="utf-8")
    for name, text in {
        "pip/pip.conf": f"[global]\nfind-links = {wheels}\n"
        f"extra-index-url = {index.as_uri()}\n[install]\nuser = true\n",  # pip#8977
        "uv/uv.toml": 'exclude-newer = "2025-06-01T00:00:00Z"\n'  # uv#17206, uv#19198
        'prerelease = "allow"\nresolution = "lowest"\n',
    }.items():
        settings = machine.home / ".config" / name
        settings.parent.mkdir(parents=True)
        settings.write_text(text, encoding="utf-8")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        machine.env[name] = str(wheels)
    for name in ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        machine.env[name] = index.as_uri()
    machine.env |= dict.fromkeys(ELSEWHERE.split(), str(other_environment(machine)))
    machine.env |= dict.fromkeys(SWITCHES.split(), "1")
    machine.env |= {"CONDA_DEFAULT_ENV": "base", "CDPATH": str(machine.home)}


def other_environment(machine: Machine) -> Path:
    """Return the directory that the misleading variables name."""
    return machine.home / "other"


def assert_locks_are_portable(machine: Machine, project: Project) -> None:
    """Assert that the lock files contain nothing of this machine and its settings."""
    names = lock_files(project)
    assert names
    assert not other_environment(machine).exists()
    for name in names:
        text = project.text(name).replace(
            machine.env.get("PIPENV_PYPI_MIRROR", " "), ""
        )
        for trace in ("file:/", "127.0.0.1", "localhost", str(machine.home.parent)):
            assert trace not in text, (name, trace)
    found = {*locked(project)["iniconfig"], *locked(project)["wcwidth"]}
    assert not {"999.0", FRESH_VERSION} & found
