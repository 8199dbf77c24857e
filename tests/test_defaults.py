"""The defaults fit the machine on which the questions are asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import Machine, Project, default_context

HERE = "{}.{}".format(*sys.version_info)
NO_UV = ("uv", "uvx", "uv.exe", "uvx.exe")
CONTEXT = default_context()  # a fork may have defaults of its own
NAME, EMAIL = CONTEXT["author_name"], CONTEXT["author_email"]
FIRST_PYTHON = CONTEXT["python_version"][0]


def made(machine: Machine, *answers: str) -> Project:
    """Make the default project, files only, but for answers such as ``license=MIT``."""
    machine.cookiecutter(*answers, set_up="no")
    return machine.project()


def author(project: Project) -> dict[str, str]:
    """Return the author in the project's manifest."""
    (only,) = project.manifest["project"]["authors"]
    assert isinstance(only, dict)
    return only


def test_the_author_is_whom_git_knows(machine: Machine) -> None:
    machine.configure_git('Ada O\'Neill \\"Countess\\"', "ada@example.org")
    assert author(made(machine)) == {
        "name": 'Ada O\'Neill "Countess"',
        "email": "ada@example.org",
    }


def test_without_an_identity_the_author_is_to_be_filled_in(machine: Machine) -> None:
    (machine.home / ".gitconfig").unlink()
    assert author(made(machine)) == {"name": NAME, "email": EMAIL}


def test_without_git_the_author_is_to_be_filled_in(machine: Machine) -> None:
    machine.hide("git")
    assert author(made(machine))["name"] == NAME


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("{{ 7 * 7 }}", "ada@example.org"),
        ("Ada", f"{'a' * 250}@example.org"),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                ("Ada\\tLovelace", "ada@example.org"),
                ("Ada  Lovelace", "ada@example.org"),
                ("Ada", "ada@localhost"),
                ("Ada", "not one"),
                ("Ada", "ada..l@example.org"),
                ("Ada", ".ada@example.org"),
                ("Ada", "ada@my_host.org"),
                ("Ada", "ada@-host.org"),
            )
        ),
    ],
)
def test_an_identity_that_the_gate_would_refuse_is_not_proposed(
    machine: Machine, name: str, email: str
) -> None:
    machine.configure_git(name, email)
    proposed = author(made(machine))
    assert proposed["name"] in ("Ada", "Ada Lovelace", NAME)
    assert proposed["email"] in ("ada@example.org", EMAIL)


def test_an_answer_wins_over_the_machine(machine: Machine) -> None:
    assert author(made(machine, "author_name=Grace"))["name"] == "Grace"


@pytest.mark.slow
def test_uv_comes_first_where_there_is_one(machine: Machine) -> None:
    machine.hide("poetry", "pipenv")  # a fork may offer these first
    assert "uv.lock" in made(machine).text("Makefile")


@pytest.mark.slow
def test_pip_comes_first_where_there_is_no_other(machine: Machine) -> None:
    machine.hide(*NO_UV, "poetry", "pip-compile", "pipenv")
    assert "pylock.dev.toml" in made(machine).text("Makefile")


def test_the_python_version_is_one_that_this_machine_has(machine: Machine) -> None:
    pythons = [f"python{version}" for version in CONTEXT["python_version"]]
    machine.hide(*pythons)
    machine.env["PYENV_ROOT"] = str(machine.home / "no-pyenv")
    assert made(machine).text(".python-version").strip() == HERE


def test_a_python_that_pyenv_holds_is_one_that_this_machine_has(
    machine: Machine,
) -> None:
    machine.hide(f"python{FIRST_PYTHON}")
    pyenv = machine.home / ".pyenv"
    (pyenv / "versions" / f"{FIRST_PYTHON}.0").mkdir(parents=True)
    machine.env["PYENV_ROOT"] = str(pyenv)
    assert made(machine).text(".python-version").strip() == FIRST_PYTHON


def test_a_python_that_uv_holds_is_one_that_this_machine_has(machine: Machine) -> None:
    machine.hide(f"python{FIRST_PYTHON}")
    machine.env["PYENV_ROOT"] = str(machine.home / "no-pyenv")
    managed = machine.home / "managed"
    (managed / f"cpython-{FIRST_PYTHON}.7-linux-x86_64-gnu").mkdir(parents=True)
    machine.env["UV_PYTHON_INSTALL_DIR"] = str(managed)
    assert made(machine).text(".python-version").strip() == FIRST_PYTHON


def test_the_template_itself_is_left_as_it_was(machine: Machine) -> None:
    before = (machine.template / "cookiecutter.json").read_bytes()
    machine.configure_git("Somebody Else", "else@example.org")
    made(machine)
    assert (machine.template / "cookiecutter.json").read_bytes() == before


def test_every_question_and_every_choice_is_said_in_words() -> None:
    questions = CONTEXT["__prompts__"]
    for name, default in CONTEXT.items():
        if name.startswith("_"):
            continue
        question = questions[name]
        if isinstance(default, list):
            assert {"__prompt__", *default} == set(question)
        else:
            assert isinstance(question, str)


def test_make_new_makes_a_project_and_leaves_nothing_else(machine: Machine) -> None:
    scratch = machine.home / "scratch"
    scratch.mkdir()
    machine.env["TMPDIR"] = str(scratch)
    new = Path(__file__).parent.parent / "tools" / "new.py"
    options = ["--no-input", "--output-dir", str(machine.work), "set_up=no"]
    machine.run(sys.executable, str(new), *options)
    assert (machine.project() / "README.md").is_file()
    assert not list(scratch.iterdir())
