"""Updates from the template keep the user's edits.

The templates are git repositories on this machine, and cruft is real. Most tests need
no environment: make is then a program that does nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable

import pytest

from support.finished_project import has_environment
from support.machine import Machine
from support.project import ROOT, Project
from support.template_repository import (
    END,
    PACKAGE,
    SAMPLE,
    TREE,
    Template,
    link,
    update,
)

VERSION_1 = "018824e1cdebca0b949870aceb71386b9b33d6df"

pytestmark = pytest.mark.slow
# cruft#76, patch-package#56, pre-commit#177, brave-browser#55015
DIFF_SETTINGS = {
    "diff.noprefix": "true",
    "diff.external": "/bin/true",
    "color.diff": "always",
    "diff.context": "0",
}


@pytest.fixture
def project(make_committed: Callable[[str], Project]) -> Project:
    """A committed project of the template's first commit, without an environment."""
    return make_committed("analysis")


# Without an environment


def test_everything_that_was_edited_stays(
    project: Project, template_repository: Template
) -> None:
    project.append("src/my_analysis/data.py", "\nMINE = 1\n")
    path = project / "notebooks/01-explore.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][-1]["source"] = ["What I found.\n"]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (project / "tests/test_plots.py").unlink()
    project.append("pyproject.toml", "\n[tool.mine]\nvalue = 1\n")
    project.write("src/my_analysis/own.py", '"""Mine."""\n')
    project.commit()
    head = project.git("rev-parse", "HEAD")

    template = template_repository
    template.replace(f"{PACKAGE}/{SAMPLE}data.py{END}", '"""', '"""Theirs. ')
    test = f"{TREE}/tests/{SAMPLE}test_plots.py{END}"
    template.replace(test, '"""', '"""Theirs. ')
    strict = "xfail_strict = true"
    template.replace(f"{TREE}/pyproject.toml", strict, "xfail_strict = false")
    template.write(f"{PACKAGE}/more.py", '"""New."""\n')
    template.commit("B")

    for setting, value in DIFF_SETTINGS.items():
        project.git("config", "--global", setting, value)
    update(project)
    data = project.text("src/my_analysis/data.py")
    assert data.startswith('"""Theirs. ')
    assert data.endswith("\nMINE = 1\n")
    assert project.manifest["tool"]["mine"] == {"value": 1}
    assert project.manifest["tool"]["pytest"]["ini_options"]["xfail_strict"] is False
    assert project.text("src/my_analysis/more.py") == '"""New."""\n'
    assert project.git("rev-parse", "HEAD") == head
    assert project.git("diff", "--name-only", "HEAD").splitlines() == [
        ".cruft.json",
        "pyproject.toml",
        "src/my_analysis/data.py",
        "src/my_analysis/more.py",
    ]
    project.commit("Update")
    _, output = update(project)
    assert output == "The project is up to date with its template.\n"


def test_an_analysis_becomes_a_model_and_a_service_and_keeps_its_edits(
    project: Project,
) -> None:
    project.append("src/my_analysis/plots.py", "\n\nMINE = 1\n")
    last = '    "numpy>=2.1",\n'
    project.replace("pyproject.toml", last, f'{last}    "tabulate",\n')
    project.commit()
    for starter in ("model", "service"):
        update(project, SET=f"starter={starter}")
        project.commit(f"Become a {starter}")
        assert link(project)["context"]["cookiecutter"]["starter"] == starter
        assert project.text("src/my_analysis/plots.py").endswith("\nMINE = 1\n")
        assert "tabulate" in project.manifest["project"]["dependencies"]
    assert "species" in project.text("src/my_analysis/features.py")


def test_cruft_diff_and_check_only_render(
    project: Project, template_repository: Template
) -> None:
    assert "SUCCESS" in project.run("cruft", "check").stdout
    assert project.run("cruft", "diff").stdout == ""
    template_repository.replace(f"{TREE}/README.md", "## Start\n", "## Begin\n")
    template_repository.commit("B")
    assert "FAILURE" in project.run("cruft", "check", check=False).stdout
    assert project.git("status", "--porcelain") == ""
    assert not (project / ".venv").exists()
    assert template_repository.machine.kernels == {}


def test_conflicts_are_listed_and_the_named_command_undoes_the_update(
    project: Project, template_repository: Template
) -> None:
    project.replace("README.md", "## Start", "## Mine")
    project.append("Dockerfile", "# Mine\n")
    project.commit()
    before = project.git("rev-parse", "HEAD^{tree}")

    def undo(output: str) -> None:
        (command,) = re.findall(r"^To undo the update: (.*)$", output, re.MULTILINE)
        project.run("sh", "-c", command)
        assert project.git("status", "--porcelain") == ""
        assert project.git("rev-parse", "HEAD^{tree}") == before

    status, output = update(project, SET="docker=no", check=False)
    assert status == 1
    assert "\n  Dockerfile (not in the template)\n" in output
    assert project.text("Dockerfile").endswith("# Mine\n")
    undo(output)

    template_repository.replace(f"{TREE}/README.md", "## Start\n", "## Theirs\n")
    template_repository.commit("B")
    status, output = update(project, check=False)
    assert status == 1
    assert "\n  README.md\n" in output
    assert {"## Mine", "## Theirs"} <= {*project.text("README.md").splitlines()}
    undo(output)


def refused(project: Project, **settings: str) -> str:
    """Return the line with which an update is refused; nothing is changed."""
    before = {name: (project / name).read_bytes() for name in project.files}
    status, output = update(project, check=False, **settings)
    assert status == 1
    assert {name: (project / name).read_bytes() for name in project.files} == before
    (line,) = output.splitlines()
    return line


def test_an_update_that_is_not_possible_is_refused_in_one_line(
    project: Project, template_repository: Template
) -> None:
    project.write("note.txt", "not committed\n")
    assert "commit or stash your changes first (note.txt)" in refused(project)
    project.commit()
    assert "conda" in refused(project, SET="environment_manager=conda")

    moved = template_repository.path.with_name("moved")
    template_repository.path.rename(moved)
    with_python = f"VENV={ROOT / '.venv'}"
    output = project.make("update", with_python, check=False).stdout
    assert f"'{template_repository.path}' does not exist" in output
    assert "No update: make update TEMPLATE=…" in output
    update(project, TEMPLATE=str(moved))
    assert link(project)["template"] == str(moved)


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
def test_edits_that_git_ignores_are_not_overwritten(  # cruft#91, cruft#95
    project: Project, template_repository: Template, mark: str
) -> None:
    project.git("config", "status.showUntrackedFiles", "no")
    project.write("note.txt", "not committed\n")
    assert "commit or stash your changes first (note.txt)" in refused(project)
    (project / "note.txt").rename(project / "data/raw/note.txt")
    project.git("update-index", f"--{mark}", "README.md")
    project.append("README.md", "Mine.\n")
    template_repository.replace(f"{TREE}/README.md", "## Start\n", "## Begin\n")
    template_repository.commit("B")
    line = refused(project, TO="typo")
    assert "typo" in line
    assert "git ignores your edits in README.md" in refused(project)


# With an environment


def test_a_project_of_version_1_with_edits_becomes_a_current_one(
    machine: Machine,
) -> None:
    """Where edits conflict with changed files, the user resolves the conflicts."""
    template = Template(machine, machine.home.parent / "template")
    machine.run("git", "clone", "--quiet", ROOT, template.path)
    if VERSION_1 not in template.git("log", "--format=%H"):
        pytest.skip("this clone of the template has no history")
    template.git("checkout", "--quiet", "-B", "main", VERSION_1)
    words = ("--no-input", "set_up=no", "starter=model", "environment_manager=uv")
    machine.run(sys.executable, "-m", "cookiecutter", template.path, *words)
    project = machine.project()
    project.commit("Start")
    project.append("Makefile", "\nmine: ## My own verb\n\t@echo mine\n")
    project.append("Dockerfile", "LABEL mine=mine\n")
    for name in ("data.py", "features.py", "train.py"):
        project.append(f"src/my_analysis/{name}", "\n\nMINE = 1\n")
    project.commit()

    template.git("rm", "--quiet", "-r", ".")
    shutil.copytree(machine.template, template.path, dirs_exist_ok=True)
    template.commit("Version 2")
    output = project.make("update", check=False).stdout
    assert "\n  Makefile\n" in output
    for name in project.git("diff", "--name-only", "--diff-filter=U").splitlines():
        text = project.text(name)
        assert re.search("^LABEL mine|^mine:|^MINE", text, re.MULTILINE), name
        marks = r"^<<<<<<< .*?^=======\n(.*?)^>>>>>>> .*?\n"
        if name.endswith(".py"):  # the template's new code, with the user's line
            text = re.sub(marks, r"\1", text, flags=re.DOTALL | re.MULTILINE)
            text += "" if "MINE" in text else "\n\nMINE = 1\n"
        else:  # both sides
            text = re.sub(
                r"^(<<<<<<<|=======|>>>>>>>).*\n", "", text, flags=re.MULTILINE
            )
            text = text.replace("include containers.mk\n", "")
        project.write(name, text)
    for name in ("data.py", "features.py", "train.py"):
        assert project.text(f"src/my_analysis/{name}").endswith("\nMINE = 1\n")
    project.git("add", "--all")
    assert project.make("install", "check", "test", "mine").stdout.endswith("mine\n")
    project.commit("Update")
    assert "up to date" in project.make("update").stdout


@pytest.mark.ci
def test_an_update_and_another_manager_bring_their_environment_and_keep_edits(
    make_project: Callable[..., Project],
    template_repository: Template,
    index_settings: dict[str, dict[str, str]],
) -> None:
    machine = template_repository.machine
    machine.env |= index_settings.get("pip", {})
    project = make_project(starter="notebook", environment_manager="uv")
    assert project.git("log", "--format=%s", "--", ".cruft.json") == "Start my-analysis"
    project.append("src/my_analysis/config.py", "\nMINE = 1\n")
    project.commit()

    more = "humanize>=4 matplotlib>=3.10"
    template_repository.replace("cookiecutter.json", "matplotlib>=3.10", more)
    template_repository.commit("B")
    project.make("update")
    assert "humanize" in project.text("uv.lock")
    project.run(project.bin / "python", "-c", "import humanize")
    project.commit("Update")

    project.make("update", "SET=environment_manager=pip")
    assert (project / "pylock.dev.toml").is_file()
    assert not (project / "uv.lock").exists()
    has_environment(machine, project)
    project.commit("Use pip")
    assert project.text("src/my_analysis/config.py").endswith("\nMINE = 1\n")
    project.make("check", "test")
