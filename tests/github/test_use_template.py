"""A repository made with "Use this template" becomes the project, in one commit.

GitHub is simulated by a bare repository (support/github.py). Git and cookiecutter are
real; one test also runs make and uv.
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from github_files import FORM_FILE, with_form
from support.github import FIRST_COMMIT, NAME, SERVER, GitHub, make_bare_repository
from support.machine import Machine
from support.project import ROOT, Bake, default_context

CI = ".github/workflows/ci.yml"
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def bare_repository(
    tmp_path_factory: pytest.TempPathFactory, template: Path, shared_machine: Machine
) -> Path:
    """The new repository as "Use this template" makes it, for several tests."""
    directory = tmp_path_factory.mktemp("github")
    return make_bare_repository(directory, template, shared_machine)


@pytest.fixture
def github(machine: Machine, bare_repository: Path) -> GitHub:
    """A new repository that was made from the template."""
    path = machine.home.parent / "hub.git"
    shutil.copytree(bare_repository, path)
    return GitHub(machine, path)


def subjects(github: GitHub) -> list[str]:
    return github.git("log", "--format=%s", "main").splitlines()


def test_the_form_is_up_to_date_with_the_questions() -> None:
    text = (ROOT / FORM_FILE).read_text("utf-8")
    assert with_form(text, default_context()) == text, "run make workflows"


# The project


def test_the_repository_becomes_the_project_in_one_commit(
    github: GitHub, bake: Bake
) -> None:
    before = github.branches["main"]
    answers: dict[str, Any] = {
        "project_name": 'Ada\'s "größte" $(touch owned)',
        "description": "`touch owned` ; touch owned && '''a''' \"\"\"b\"\"\" }} %} \\",
        "starter": "model",
        "environment_manager": "poetry",
        "license": "Apache-2.0",
    }
    address = "1815+ada-l@users.noreply.github.com"
    expected = bake(
        **answers,
        author_name="ada-l",
        author_email=address,
        repository_url=f"{SERVER}/{NAME}",
        package_index_url=default_context()["package_index_url"],
        python_version=default_context()["python_version"][0],
    )
    done = github.start(**answers)
    assert done.status == 0, done
    assert not [*github.machine.work.glob("**/owned")]
    assert subjects(github) == [f"Start {expected.path.name}", FIRST_COMMIT]
    assert github.git("rev-parse", "main^") == before
    assert {*github.branches} == {"main"}
    assert f"Commit {github.branches['main'][:7]} on `main`" in done.summary
    assert "`make lock` writes it" in done.summary
    assert "`uvx cruft link ADDRESS`" in done.summary  # TEMPLATE is not set
    who = github.git("log", "-1", "--format=%an <%ae>, %cn", "main")
    assert who == f"ada-l <{address}>, github-actions[bot]"
    assert github.files() == expected.files
    for name in github.files():
        assert github.text(name) == (expected / name).read_bytes().decode(), name
    listed = github.git("ls-tree", "-r", "main").splitlines()
    assert {line.split("\t")[1] for line in listed if line.startswith("100755")} == {
        name for name in expected.files if (expected / name).stat().st_mode & 0o100
    }


@slow
def test_files_that_somebody_added_or_changed_stay(github: GitHub) -> None:
    mine = {
        "data/raw/bills.csv": "a\n1\n",
        "notes/idea.md": "# Idea\n",
        "src/penguin_bills/config.py": "MINE = 1\n",
        ".github/workflows/mine.yml": "on: push\njobs: {}\n",
        CI: "on: pull_request\njobs: {}\n",
    }
    github.commit({**mine, "README.md": "mine as well\n"})
    done = github.start(project_name="", ci="github")
    assert done.status == 0, done
    assert {name: github.text(name) for name in mine} == mine
    assert f"`{CI}` was left as it is" in done.summary
    assert "\n    src/penguin_bills/config.py\n" in done.summary
    assert "RAW_DIR" in github.text("src/penguin_bills/config.py.template")
    assert subjects(github) == ["Start penguin-bills", "Mine", FIRST_COMMIT]
    name = tomllib.loads(github.text("pyproject.toml"))["project"]["name"]
    assert name == "penguin-bills"
    # The project's version replaces a file that was edited, and the summary names it.
    assert "\n    README.md\n" in done.summary
    assert github.text("README.md").startswith("# penguin-bills\n")
    assert github.text("README.md", "main^") == "mine as well\n"


@slow
def test_the_project_is_linked_to_the_commit_that_it_was_made_from(
    github: GitHub,
) -> None:
    published = github.clone()
    git = github.machine
    original = git.run("git", "rev-parse", "HEAD", cwd=published).stdout.strip()
    (published / "README.md").write_text("newer\n", encoding="utf-8")
    git.run("git", "commit", "--quiet", "--all", "--message", "Newer", cwd=published)
    github.machine.env["TEMPLATE"] = str(published)
    assert "not linked" not in github.start().summary
    state = json.loads(github.text(".cruft.json"))
    assert (state["template"], state["commit"]) == (str(published), original)


@slow
def test_make_use_template_locks_the_project(github: GitHub) -> None:
    del github.machine.env["MAKE"]
    tools = github.machine.home.parent / "tools"
    command = ("make", "use-template", f"VENV={tools}")
    done = github.start(*command, environment_manager="uv")
    assert done.status == 0, done
    assert "no lock file" not in done.summary
    github.machine.run("uv", "lock", "--check", cwd=github.clone())


# No change


def test_refused_answers_are_listed_in_the_summary(github: GitHub) -> None:
    before = github.branches
    done = github.start(
        project_name="a/b",
        description="``` <img src=x> ::error::{{ 7 * 191 }}",
        license="WTFPL",
    )
    assert done.status == 1
    lines = re.findall(r"^    (\w+) ['\"]", done.summary, re.MULTILINE)
    assert {*lines} == {"project_name", "description", "license"}
    # Markup is shown as text, and the log contains no command for the runner.
    (line,) = (each for each in done.summary.splitlines() if "<img" in each)
    assert line.startswith("    description ")
    assert "1337" not in done.summary
    assert "::error::" not in done.log
    assert github.branches == before


@slow
def test_a_second_run_changes_nothing(github: GitHub) -> None:
    checkout = github.clone()
    assert github.start(project_name="One").status == 0
    after = github.branches
    # "Re-run" on GitHub checks out the commit of the first run.
    done = github.start(checkout=checkout, project_name="Two")
    assert done.status == 0
    assert "is a project already" in done.summary
    assert github.branches == after


@pytest.mark.parametrize(
    "event",
    [{"fork": True}, {"is_template": True}, {"name": "cookiecutter-ds-package"}],
)
def test_nothing_is_done_in_the_template_or_a_fork(
    github: GitHub, event: dict[str, Any]
) -> None:
    before = github.branches
    github.event |= event
    done = github.start()
    assert done.status == 0
    assert "Nothing is done here" in done.summary
    assert github.branches == before


@slow
def test_a_commit_pushed_during_the_run_is_not_lost(github: GitHub) -> None:
    checkout = github.clone()
    github.commit({"mine.txt": "mine\n"})
    before = github.branches
    done = github.start(checkout=checkout)
    assert done.status == 1
    assert "Start it again." in done.summary
    assert github.branches == before


@slow
def test_if_main_is_protected_the_project_goes_to_another_branch(
    github: GitHub,
) -> None:
    protected, branch = github.path / "protected", "refs/heads/use-template\n"
    before = github.branches
    protected.write_text(f"refs/heads/main\n{branch}")
    done = github.start()
    assert done.status == 1
    assert "GH006: Protected branch update failed" in done.summary
    assert github.branches == before

    protected.write_text("refs/heads/main\n")
    done = github.start(project_name="")
    assert done.status == 0, done
    assert github.branches["main"] == before["main"]
    assert github.git("rev-parse", "use-template^") == before["main"]
    assert "src/penguin_bills/__init__.py" in github.files("use-template")
    link = f"{SERVER}/{NAME}/compare/main...use-template?expand=1"
    assert f"[Open a pull request]({link})" in done.summary
    after = github.branches
    again = github.start()
    assert again.status == 0
    assert link in again.summary
    assert github.branches == after
