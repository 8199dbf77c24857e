"""The defaults fit the machine."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from support.machine import Machine
from support.processes import put_first_on_path
from support.project import OWN_PYTHON, ROOT, Project

AUTHOR = ("Your Name", "you@example.com")
OTHER = "3.99"
MANAGERS = ["uv", "pip-tools", "pip"]
CONTEXT = {
    "author_name": AUTHOR[0],
    "author_email": AUTHOR[1],
    "python_version": [OTHER, OWN_PYTHON],
    "environment_manager": MANAGERS,
}


def defaults(machine: Machine) -> dict[str, Any]:
    """Return CONTEXT as the pre-prompt hook changes it on this machine."""
    path = machine.home / "cookiecutter.json"
    path.write_text(json.dumps(CONTEXT), encoding="utf-8")
    machine.run(sys.executable, ROOT / "hooks/pre_prompt.py", cwd=machine.home)
    context: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return context


def author(machine: Machine) -> tuple[str, str]:
    context = defaults(machine)
    return context["author_name"], context["author_email"]


def test_the_author_is_the_identity_in_git(machine: Machine) -> None:
    machine.configure_git('Ada O\'Neill \\"Countess\\"', "ada@example.org")
    assert author(machine) == ('Ada O\'Neill "Countess"', "ada@example.org")


def test_without_git_or_an_identity_the_defaults_stay(machine: Machine) -> None:
    (machine.home / ".gitconfig").unlink()
    assert author(machine) == AUTHOR
    machine.configure_git("Ada", "ada@example.org")
    machine.hide("git")
    assert author(machine) == AUTHOR


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("{{ 7 * 7 }}", "ada@example.org", (AUTHOR[0], "ada@example.org")),
        ("Ada\\t Lovelace", "ada@localhost", ("Ada Lovelace", AUTHOR[1])),
        ("Ada", "ada..l@example.org", ("Ada", AUTHOR[1])),
        ("Ada", f"{'a' * 250}@example.org", ("Ada", AUTHOR[1])),
    ],
)
def test_an_identity_that_would_be_refused_is_not_proposed(
    machine: Machine, name: str, email: str, expected: tuple[str, str]
) -> None:
    machine.configure_git(name, email)
    assert author(machine) == expected


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """A machine without environment managers and with only the tests' Python."""
    machine.hide("uv", "pip-compile")
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        machine.env[name] = str(machine.home / name)
    return machine


@pytest.mark.parametrize(
    "place",
    [
        "PYENV_ROOT/versions/{}.1",
        "UV_PYTHON_INSTALL_DIR/cpython-{}.1-linux",
        ".local/share/uv/python/cpython-{}.1-linux",
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="programs have other names")
def test_the_first_python_version_is_one_that_is_installed(
    bare: Machine, place: str
) -> None:
    shim = put_first_on_path(bare, f"python{OTHER}", "")
    assert defaults(bare)["python_version"] == [OTHER, OWN_PYTHON]
    shims = shim.parent.rename(shim.parent.parent / "shims")  # like pyenv's
    bare.env["PATH"] = bare.env["PATH"].replace(str(shim.parent), str(shims))
    assert defaults(bare)["python_version"] == [OWN_PYTHON, OTHER]
    if place.startswith(".local"):
        del bare.env["UV_PYTHON_INSTALL_DIR"]
    (bare.home / place.format(OTHER)).mkdir(parents=True)
    assert defaults(bare)["python_version"] == [OTHER, OWN_PYTHON]


@pytest.mark.skipif(os.name == "nt", reason="programs have other names")
def test_the_first_manager_is_one_that_is_installed(bare: Machine) -> None:
    assert defaults(bare)["environment_manager"] == ["pip", "uv", "pip-tools"]
    put_first_on_path(bare, "pip-compile", "")
    assert defaults(bare)["environment_manager"] == ["pip-tools", "uv", "pip"]
    put_first_on_path(bare, "uv", "")
    assert defaults(bare)["environment_manager"] == MANAGERS


def test_enter_throughout_makes_a_project_with_these_defaults(machine: Machine) -> None:
    before = (machine.template / "cookiecutter.json").read_bytes()
    machine.configure_git("Somebody Else", "else@example.org")
    machine.call_cookiecutter(str(machine.template), "--no-input", "set_up=no")
    (path,) = machine.work.iterdir()
    project = Project(path, machine.env)
    (only,) = project.manifest["project"]["authors"]
    assert only == {"name": "Somebody Else", "email": "else@example.org"}
    assert (machine.template / "cookiecutter.json").read_bytes() == before


def test_make_new_makes_a_project_and_leaves_nothing_else(
    machine: Machine, scratch: Path
) -> None:
    options = ["--no-input", "--output-dir", str(machine.work), "set_up=no"]
    machine.run(sys.executable, ROOT / "tools/new.py", *options)
    (project,) = machine.work.iterdir()
    assert (project / "README.md").is_file()
    assert not [*scratch.iterdir()]


def test_make_new_repeats_refused_answers_without_a_traceback(machine: Machine) -> None:
    tool = str(ROOT / "tools/new.py")
    new = [sys.executable, tool, "--output-dir", str(machine.work)]
    choice = machine.run(*new, "license=WTFPL", "set_up=no", check=False)
    assert choice.stdout.splitlines()[1].startswith("  license 'WTFPL' is not one of")
    assert choice.stdout.splitlines()[-1].endswith(" license=FIXME set_up=no")
    names = ("--no-input", "project_slug=pandas", "package_name=pandas")
    name = machine.run(*new, *names, "set_up=no", check=False)
    for done in (choice, name):
        assert done.returncode == 1
        assert "Traceback" not in done.stdout
    command = next(line for line in name.stdout.splitlines() if "new.py" in line)
    good = command.replace("slug=FIXME", "slug=ours").replace("name=FIXME", "name=ours")
    machine.run(*shlex.split(good))
    assert (machine.project("ours") / "README.md").is_file()
