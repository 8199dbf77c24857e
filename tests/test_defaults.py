"""The defaults fit the machine on which the questions are asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Machine, Project, default_context

sys.path.insert(0, str(ROOT / "hooks"))

import pre_prompt

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


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a person who has no program and no setting."""
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE", "PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def program(path: Path) -> None:
    """Put a program there."""
    path.parent.mkdir(exist_ok=True)
    path.touch(0o755)


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("", ".pyenv/versions/9.8.1"),
        ("PYENV_ROOT", "set/versions/9.8.1"),
        ("", ".local/share/uv/python/cpython-9.8.1-linux"),
        ("XDG_DATA_HOME", "set/uv/python/cpython-9.8.1-linux"),
        ("UV_PYTHON_INSTALL_DIR", "set/cpython-9.8.1-linux"),
    ],
)
def test_a_python_is_known_where_pyenv_and_uv_keep_them(
    bare: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str
) -> None:
    if setting:
        monkeypatch.setenv(setting, str(bare / "set"))
    assert not pre_prompt.has_python("9.8")
    (bare / place).mkdir(parents=True)
    assert pre_prompt.has_python("9.8")
    assert not pre_prompt.has_python("9.80")


@pytest.mark.skipif(os.name == "nt", reason="programs have other names")
def test_a_python_on_path_is_known_but_for_what_pyenv_puts_there_for_all(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pre_prompt.has_python(HERE)  # that runs this
    program(bare / "shims" / "python9.8")
    monkeypatch.setenv("PATH", str(bare / "shims"))
    assert not pre_prompt.has_python("9.8")
    program(bare / "bin" / "python9.8")
    monkeypatch.setenv("PATH", str(bare / "bin"))
    assert pre_prompt.has_python("9.8")


@pytest.mark.skipif(os.name == "nt", reason="programs have other names")
def test_a_manager_is_known_by_its_program(bare: Path) -> None:
    managers = CONTEXT["environment_manager"]
    assert [name for name in managers if pre_prompt.has_manager(name)] == ["pip"]
    for name in ("uv", "poetry", "pip-compile", "pipenv"):
        program(bare / name)
    assert all(map(pre_prompt.has_manager, managers))


def test_the_first_that_is_here_comes_first_and_the_others_stay_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {"3.11", "pipenv", "pip"}
    monkeypatch.setattr(pre_prompt, "has_python", here.__contains__)
    monkeypatch.setattr(pre_prompt, "has_manager", here.__contains__)
    monkeypatch.setattr(pre_prompt, "git_identity", dict)
    fit = pre_prompt.fitted(CONTEXT)
    for key, first in (("python_version", "3.11"), ("environment_manager", "pipenv")):
        others = [choice for choice in CONTEXT[key] if choice != first]
        assert fit[key] == [first, *others]
    here.clear()
    assert pre_prompt.fitted(CONTEXT) == CONTEXT


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
