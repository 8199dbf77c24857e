"""Bugs reported for other tools do not occur in a project.

The id of a case, or a comment next to it, names the report. Variables and settings of
the managers are in ``support.finished_project``, which test_managers_journey.py uses.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.machine import Machine, MachineWith
from support.project import Project

pytestmark = pytest.mark.slow
NO_ENVIRONMENT = "There is no environment for this directory in .venv: run"


@pytest.fixture(scope="module")
def original(machine_with: MachineWith) -> Project:
    """A project that is set up; tests only change copies of it."""
    machine = machine_with("uv")
    machine.cookiecutter(environment_manager="uv", starter="analysis", sample=True)
    return machine.project()


@pytest.fixture
def project(original: Project, machine: Machine, stack: Path) -> Project:
    """A copy of the project's files, with another environment that has its tools."""
    path = machine.work / "my-analysis"
    shutil.copytree(original.path, path, ignore=shutil.ignore_patterns(".venv", ".git"))
    return Project(path, {**machine.env, "VENV": str(stack)})


# Copies


def package_of(project: Project) -> Path:
    code = "import my_analysis; print(my_analysis.__file__)"
    return Path(project.run(project.bin / "python", "-c", code).stdout.strip())


def test_a_copy_or_a_moved_project_never_uses_the_original(original: Project) -> None:
    before = {path for path in original.path.rglob("*") if ".git" not in path.parts}
    copy = original
    for way in ("cp -r", "mv"):  # uv#13196
        target = copy.path.with_name(f"{way[:2]} target")
        copy.run("sh", "-c", f'{way} "$1" "$2"', "sh", copy.path, target)
        copy = Project(target, original.env)
        assert NO_ENVIRONMENT in copy.make("test", check=False).stdout
        hook = copy.run("sh", "make/tool", "black", "--version", check=False)
        assert NO_ENVIRONMENT in hook.stdout
        assert hook.returncode == 1
        doctor = copy.make("doctor", check=False).stdout
        assert re.search("✗ environment .*\n *→ make install\n", doctor)
        copy.make("install", "check")
        assert package_of(copy).is_relative_to(target)
        copy.git("commit", "--allow-empty", "--quiet", "--message", "With hooks")
    theirs = f"VENV={original / '.venv'}"  # Makefile.venv#12
    assert "choose another VENV" in copy.make("install", theirs, check=False).stdout
    after = {path for path in original.path.rglob("*") if ".git" not in path.parts}
    assert after == before
    assert package_of(original).is_relative_to(original.path)

    (copy.bin / "python").unlink()
    (copy.bin / "python").symlink_to("/gone/bin/python")
    assert NO_ENVIRONMENT in copy.make("test", check=False).stdout
    assert NO_ENVIRONMENT in copy.run("sh", "make/tool", "black", check=False).stdout
    copy.make("install", "test")

    (copy / ".env").write_text("X=ä", encoding="utf-16")  # pydantic#1615
    done = copy.run(copy.bin / "python", "-m", "my_analysis", "figures", check=False)
    assert ".env is not UTF-8" in done.stdout
    (copy / "uv.lock").write_text("<<<<<<< HEAD\n")  # uv#9671
    said = copy.make("install", check=False).stdout
    assert "git checkout HEAD -- uv.lock && make lock" in said


# Variables and settings


def test_variables_of_uv_python_and_the_shell_change_nothing(
    original: Project, tmp_path: Path
) -> None:
    (tmp_path / "pandas.py").write_text("1 / 0\n")
    (tmp_path / "uv.toml").write_text('exclude-newer = "2025-06-01T00:00:00Z"\n')
    env = {"UV_CONFIG_FILE": str(tmp_path / "uv.toml"), "UV_LOCKED": "1"}
    env |= {"UV_NO_CONFIG": "1", "CDPATH": ".:/", "LANG": "C"}
    env |= {"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "error"}
    env |= {"PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1", "PYTHONSTARTUP": "/gone.py"}
    env |= {"PYTHONWARNDEFAULTENCODING": "1"}  # setuptools#3810
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # mwclient#340
    project = Project(original.path, {**original.env, **env, "MAKEFLAGS": "-j4"})
    project.make("lock", "install", "check", "test")
    project.git("config", "core.excludesFile", str(tmp_path / "ignored"))
    (tmp_path / "ignored").write_text("src/\n")
    (project / "src/my_analysis/bad.py").write_text("import os\n")  # ruff#6335
    assert "F401" in project.make("check", check=False).stdout
    (project / "src/my_analysis/bad.py").unlink()
    project.git("config", "--unset", "core.excludesFile")
    assert project.git("status", "--porcelain") == ""


def test_a_persons_matplotlibrc_changes_no_figure(
    original: Project, tmp_path: Path
) -> None:
    def draw(project: Project, target: str) -> bytes:
        run = (project.bin / "python", "-m", "my_analysis")
        project.run(*run, "prepare", "--output", tmp_path / "cleaned.parquet")
        source = ("--input", tmp_path / "cleaned.parquet")
        project.run(*run, "figures", *source, "--output", tmp_path / target)
        return (tmp_path / target / "bill-shape.png").read_bytes()

    style = tmp_path / "matplotlibrc"
    style.write_text("axes.facecolor: black\nfont.size: 30\ntext.usetex: true\n")
    personal = Project(original.path, {**original.env, "MATPLOTLIBRC": str(style)})
    assert draw(personal, "a") == draw(original, "b")


# git


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        pytest.param("core.autocrlf", "true", "", id="cookiecutter-django#4675"),
        ("core.safecrlf", "true", ""),
        ("core.hooksPath", ".git/hooks", "git uses these hooks"),
        ("core.hooksPath", "", "git uses these hooks"),
        ("core.excludesFile", "{}/ignore", "git ignores uv.lock ({}/ignore)"),
        ("status.showUntrackedFiles", "no", ""),
    ],
)
def test_the_first_commit_works_with_any_git_settings(
    project: Project, machine: Machine, setting: str, value: str, said: str
) -> None:
    (machine.home / "ignore").write_text("*.lock\nREADME.md\n")
    value = value.format(machine.home)
    machine.run("git", "config", "--global", setting, value)
    assert said.format(machine.home) in project.make("repository").stdout
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""
    clone = machine.work / "clone"
    machine.run("git", "clone", "--quiet", project.path, clone)
    assert b"\r" not in (clone / "make/tool").read_bytes()


def test_a_repository_that_git_refuses_is_named(project: Project) -> None:
    project.make("repository")
    (project / ".git").rename(project / "moved")
    (project / ".git").write_text("gitdir: /gone\n")  # a worktree in a container
    done = project.make("check", check=False)  # devcontainers/cli#796
    assert "fatal: not a git repository: /gone" in done.stdout
    assert "Traceback" not in done.stdout
    assert "No git hooks" in project.make("hooks").stdout


def test_git_works_in_the_project_alone(project: Project, machine: Machine) -> None:
    dotfiles = machine.home / "dotfiles"
    machine.run("git", "init", "--quiet", "--bare", dotfiles)
    variables = {"GIT_DIR": str(dotfiles), "GIT_WORK_TREE": str(machine.home)}
    mine = Project(project.path, {**project.env, **variables})
    mine.make("repository")
    assert not any((dotfiles / "refs/heads").iterdir())
    assert project.git("log", "--format=%s") == "Start my-analysis"


# Directories


@pytest.mark.parametrize("name", ["a:b", "a\\b"])
def test_a_directory_that_tools_cannot_hold_is_refused(
    machine: Machine, name: str
) -> None:
    place = machine.work / name
    place.mkdir()
    words = machine.command(environment_manager="uv")
    done = machine.run(*words, cwd=place, check=False)
    assert done.returncode != 0
    assert f"A directory with {name[1]!r} in its name breaks PATH" in done.stdout
    assert [*place.iterdir()] == []
