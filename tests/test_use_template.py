"""A repository made with "Use this template" becomes the project, once, in one commit.

GitHub is played by a bare repository on the disk. Its hook refuses what GitHub refuses:
pushes that are forced, that add or change a workflow file, or that go to a protected
branch. Everything else is real: git, cookiecutter, and in the slow test make and uv.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import hostile
import pytest
import yaml
from conftest import ROOT, Bake, Machine, Project, default_context, run
from github_files import FORM, FORM_FILE, TREE, WORKFLOWS, project_workflows, with_form
from hub import (
    FIRST_COMMIT,
    HERE,
    OWN_WORKFLOW,
    SERVER,
    Hub,
    bare_with,
    form_of,
    with_a_workflow,
)
from journey import QUICKLY
from repository import GitError, Repository, last_lines

CONTEXT = default_context()

slow = pytest.mark.slow


@pytest.fixture(scope="session")
def bare(
    tmp_path_factory: pytest.TempPathFactory, template: Path, shared_machine: Machine
) -> Path:
    """What GitHub makes of the template when the button is pressed."""
    return bare_with(tmp_path_factory.mktemp("hub"), template, shared_machine.env)


@pytest.fixture
def hub(machine: Machine, bare: Path) -> Hub:
    """A new repository that was made with the button."""
    path = machine.home.parent / "hub.git"
    shutil.copytree(bare, path)
    return Hub(machine, path)


def is_untouched(hub: Hub, before: dict[str, str]) -> bool:
    """Tell whether every branch is where it was."""
    return hub.branches == before


# The form


def test_the_form_asks_what_the_template_asks() -> None:
    questions = form_of(ROOT)
    assert list(questions) == [key for key in FORM if key in CONTEXT]
    for key, question in questions.items():
        default = CONTEXT[key]
        if isinstance(default, list):
            assert question["type"] == "choice"
            assert question["options"] == default
            assert question["default"] == default[0]
        elif isinstance(default, bool):
            assert question["type"] == "boolean"
            assert question["default"] == json.dumps(default)
        else:
            assert question["type"] == "string"
            assert question["default"] in ("", default)


def test_make_workflows_has_nothing_left_to_do() -> None:
    text = (ROOT / FORM_FILE).read_text("utf-8")
    assert with_form(text, CONTEXT) == text


def test_the_form_follows_the_questions() -> None:
    changed = {**CONTEXT, "license": ["no", "Ours: all"], "docker": True}
    changed["__prompts__"] = {**CONTEXT["__prompts__"], "docker": "An image?"}
    text = with_form((ROOT / FORM_FILE).read_text("utf-8"), changed)
    inputs = yaml.safe_load(text)[True]["workflow_dispatch"]["inputs"]
    assert inputs["license"]["options"] == ["no", "Ours: all"]
    assert inputs["license"]["default"] == "no"
    assert inputs["docker"]["default"] is True
    assert list(inputs) == list(FORM)


def test_the_workflow_files_of_projects_stand_in_the_template_under_their_names() -> (
    None
):
    for name, content in project_workflows().items():
        assert (ROOT / WORKFLOWS / name).read_bytes().decode() == content, name


def test_a_workflow_of_projects_is_taken_as_it_is_rendered(tmp_path: Path) -> None:
    directory = tmp_path / TREE / WORKFLOWS
    directory.mkdir(parents=True)
    name = "{% if cookiecutter.ci == 'github' %}ci.yml{% endif %}"
    (directory / name).write_text("{% raw %}on: ${{ x }}\n{% endraw %}", "utf-8")
    assert project_workflows(tmp_path) == {"ci.yml": "on: ${{ x }}\n"}


def test_no_answer_meets_a_shell_or_an_expression() -> None:
    text = (ROOT / FORM_FILE).read_text("utf-8")
    assert re.findall(r"\$\{\{\s*(.*?)\s*\}\}", text) == ["github.token"]


# The project


def test_the_repository_becomes_the_project_in_one_commit(hub: Hub, bake: Bake) -> None:
    before = hub.branches["main"]
    title = "Penguin bills, measured"
    done = hub.start(
        project_name=title,
        description="How long, how deep?",
        starter="model",
        environment_manager="poetry",
        license="Apache-2.0",
    )
    assert done.status == 0, done
    assert hub.subjects == ["Start penguin-bills-measured", FIRST_COMMIT]
    assert hub.git("rev-parse", "main^") == before
    assert {*hub.branches} == {"main"}
    expected = bake(
        project_name=title,
        description="How long, how deep?",
        starter="model",
        environment_manager="poetry",
        license="Apache-2.0",
        author_name="ada-l",
        author_email="1815+ada-l@users.noreply.github.com",
        repository_url=f"{SERVER}/{HERE}",
        python_version=CONTEXT["python_version"][0],
    )
    assert [*hub.files()] == expected.files
    for name in hub.files():
        assert hub.text(name) == (expected / name).read_bytes().decode(), name
    assert f"Commit {hub.branches['main'][:7]} on `main`" in done.summary


@slow
def test_the_modes_of_files_are_kept(hub: Hub, bake: Bake) -> None:
    hub.start()
    listed = hub.git("ls-tree", "-r", "main").splitlines()
    executable = {line.split("\t")[1] for line in listed if line.startswith("100755")}
    project = bake()
    assert executable == {
        name for name in project.files if (project / name).stat().st_mode & 0o100
    }


@slow
def test_the_commit_is_by_who_started_the_run_and_made_by_the_bot(hub: Hub) -> None:
    hub.start()
    who = hub.git("log", "-1", "--format=%an <%ae>%n%cn", "main").splitlines()
    address = "1815+ada-l@users.noreply.github.com"
    assert who == [f"ada-l <{address}>", "github-actions[bot]"]


@slow
def test_without_a_name_the_repository_gives_it(hub: Hub) -> None:
    assert hub.start(project_name="").status == 0
    assert hub.manifest["project"]["name"] == "penguin-bills"
    assert hub.text("README.md").startswith("# penguin-bills\n")


@slow
@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Größe & Gewicht: 2026!", "grosse-gewicht-2026"),
        ("数据", "shu-ju"),
        ('Ada\'s "best" $(touch owned)', "ada-s-best-touch-owned"),
    ],
)
def test_a_name_becomes_a_slug(hub: Hub, name: str, slug: str) -> None:
    assert hub.start(project_name=name).status == 0
    assert hub.manifest["project"]["name"] == slug
    assert hub.subjects[0] == f"Start {slug}"
    assert hub.text("README.md").startswith(f"# {name}\n")


@slow
@pytest.mark.parametrize(
    "name",
    [
        "three quotes",
        "a last backslash",
        "a command",
        "closing template marks",
        "an answer of the shell",
        "very long",
    ],
)
def test_a_hostile_text_comes_back_as_it_was_given(hub: Hub, name: str) -> None:
    text = hostile.TEXTS[name]
    done = hub.start(description=text)
    assert done.status == 0, done
    assert hub.manifest["project"]["description"] == text
    assert not [*hub.machine.work.glob("**/owned")]


@slow
def test_what_somebody_has_added_stays(hub: Hub) -> None:
    mine = {
        "data/raw/bills.csv": "a\n1\n",
        "notes/idea.md": "# Idea\n",
        ".github/workflows/mine.yml": OWN_WORKFLOW,
    }
    hub.commit({**mine, "README.md": "mine as well\n"})
    done = hub.start()
    assert done.status == 0
    assert "had been changed here" in done.summary
    assert "\n    README.md\n" in done.summary
    assert {name: hub.text(name) for name in mine} == mine
    assert hub.text("README.md").startswith("# penguin-bills\n")
    assert hub.subjects == ["Start penguin-bills", "Mine", FIRST_COMMIT]


@slow
def test_a_file_that_is_in_the_way_of_the_project_stays_in_the_history(
    hub: Hub,
) -> None:
    hub.commit({"pyproject.toml": None, "pyproject.toml/a": "b\n", "src": "a file\n"})
    assert hub.start().status == 0
    assert "src" not in hub.files()
    assert hub.text("src", "main^") == "a file\n"


@slow
def test_without_a_lock_the_summary_says_how_to_get_one(hub: Hub) -> None:
    done = hub.start()
    assert "`make lock` writes it" in done.summary
    assert "uv.lock" not in hub.files()


# The workflows of the project


@pytest.fixture
def with_ci(machine: Machine, template: Path, tmp_path: Path) -> Hub:
    """A repository of a template whose projects have a workflow of their own."""
    source = with_a_workflow(template, tmp_path / "with-ci")
    return Hub(machine, bare_with(tmp_path / "made", source, machine.env))


@slow
def test_a_workflow_that_projects_have_is_in_place(with_ci: Hub) -> None:
    assert with_ci.start().status == 0
    found = {name for name in with_ci.files() if name.startswith(WORKFLOWS)}
    assert f"{WORKFLOWS}/checks.yml" in found
    assert f"{WORKFLOWS}/use-template.yml" not in found
    assert with_ci.text(f"{WORKFLOWS}/checks.yml") == OWN_WORKFLOW


@slow
@pytest.mark.parametrize("text", ["on: pull_request\njobs: {}\n", None])
def test_a_workflow_that_somebody_has_changed_stays_as_it_is(
    with_ci: Hub, text: str | None
) -> None:
    name = f"{WORKFLOWS}/checks.yml"
    with_ci.commit({name: text})
    done = with_ci.start()
    assert done.status == 0, done
    assert f"`{name}` is not the template's" in done.summary
    assert (with_ci.text(name) if name in with_ci.files() else None) == text


# The link


@pytest.fixture
def published(hub: Hub) -> Path:
    """The template's repository: the commit that was copied, between two others."""
    template = hub.machine.home.parent / "template"
    shutil.copytree(hub.clone(), template)
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")

    def commit(message: str) -> None:
        hub.machine.run("git", "add", "--all", cwd=template)
        words = ("commit", "--quiet", "--allow-empty", "--message", message)
        hub.machine.run(*git, *words, cwd=template)

    shutil.rmtree(template / ".git")
    hub.machine.run("git", "init", "--quiet", cwd=template)
    readme = (template / "README.md").read_text("utf-8")
    for text in ("older\n", readme, "newer\n"):
        (template / "README.md").write_text(text, encoding="utf-8")
        commit(text[:5])
    return template


@slow
def test_the_project_is_linked_to_the_commit_that_it_was_made_from(
    hub: Hub, published: Path
) -> None:
    hub.machine.env["TEMPLATE"] = str(published)
    done = hub.start()
    assert "not linked" not in done.summary
    state = json.loads(hub.text(".cruft.json"))
    made_from = hub.machine.run("git", "rev-parse", "HEAD~1", cwd=published)
    assert state["commit"] == made_from.stdout.strip()
    assert state["template"] == str(published)
    project = hub.clone()
    hub.machine.run("git", "reset", "--quiet", "--hard", "HEAD~1", cwd=published)
    assert "SUCCESS" in hub.machine.run("cruft", "check", cwd=project).stdout
    assert hub.machine.run("cruft", "diff", cwd=project).stdout == ""


@slow
@pytest.mark.parametrize("address", ["", "/nowhere/template.git", "--upload-pack=x"])
def test_without_the_template_there_is_no_link_and_the_summary_says_so(
    hub: Hub, address: str
) -> None:
    hub.machine.env["TEMPLATE"] = address
    done = hub.start()
    assert done.status == 0, done
    assert ".cruft.json" not in hub.files()
    assert f"`uvx cruft link {address or 'ADDRESS'}`" in done.summary


# Refused


@slow
@pytest.mark.parametrize(
    "text", hostile.WORST_TEXTS.values(), ids=list(hostile.WORST_TEXTS)
)
def test_a_text_that_the_gate_refuses_changes_nothing(hub: Hub, text: str) -> None:
    before = hub.branches
    done = hub.start(description=text)
    assert done.status == 1
    (line,) = re.findall(r"^    (description .*)$", done.summary, re.MULTILINE)
    assert "; try " in line
    assert is_untouched(hub, before)


@slow
@pytest.mark.parametrize(
    ("answers", "keys"),
    [
        ({"project_name": "pandas"}, ["project_slug", "package_name"]),
        ({"project_name": "🐧"}, ["project_slug", "package_name"]),
        ({"project_name": "../../etc"}, ["project_name"]),
        (
            {"project_name": "{{ 7 * 191 }}", "description": ""},
            ["project_name", "description"],
        ),
        ({"license": "WTFPL", "starter": "novel"}, ["license", "starter"]),
    ],
    ids=["a dependency", "no letters", "a way out", "two at once", "choices"],
)
def test_all_that_the_gate_refuses_is_in_the_summary(
    hub: Hub, answers: dict[str, Any], keys: list[str]
) -> None:
    before = hub.branches
    done = hub.start(**answers)
    assert done.status == 1
    lines = re.findall(r"^    (\w+) .*; try ", done.summary, re.MULTILINE)
    assert {*keys} <= {*lines} <= {*keys, "project_slug", "package_name"}
    assert "1337" not in done.summary
    assert is_untouched(hub, before)


def test_markup_in_a_refused_answer_is_shown_and_not_read(hub: Hub) -> None:
    done = hub.start(description="```\n# <img src=x> ::error::{{")
    (line,) = [each for each in done.summary.splitlines() if "<img" in each]
    assert line.startswith("    description ")
    assert "<img" not in done.log


# Where nothing is done


@slow
def test_a_second_run_says_so_and_changes_nothing(hub: Hub) -> None:
    checkout = hub.clone()
    assert hub.start(project_name="One").status == 0
    after = hub.branches
    assert "tools/use_template.py" not in hub.files()
    # GitHub can run the same run again: it checks out the commit of the first time.
    done = hub.start(at=checkout, project_name="Two")
    assert done.status == 0
    assert "is a project already" in done.summary
    assert is_untouched(hub, after)


@slow
@pytest.mark.parametrize("about", ["fork", "is_template"])
def test_nothing_is_done_in_a_fork_or_in_the_template(hub: Hub, about: str) -> None:
    before = hub.branches
    hub.event[about] = True
    done = hub.start()
    assert done.status == 0
    assert "Nothing is done here" in done.summary
    assert is_untouched(hub, before)


@slow
def test_nothing_is_done_in_a_repository_of_the_templates_name(hub: Hub) -> None:
    before = hub.branches
    hub.name = "acme/cookiecutter-ds-package"
    assert "this is the template itself" in hub.start().summary
    assert is_untouched(hub, before)


@slow
def test_nothing_is_done_where_the_templates_own_history_is(hub: Hub) -> None:
    checkout = hub.clone()
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")
    hub.machine.run("git", "checkout", "--quiet", "--orphan", "own", cwd=checkout)
    hub.machine.run("git", "rm", "--quiet", "--cached", "-r", "tools", cwd=checkout)
    hub.machine.run(*git, "commit", "--quiet", "-m", "Begin", cwd=checkout)
    hub.machine.run("git", "add", "tools", cwd=checkout)
    hub.machine.run(*git, "commit", "--quiet", "-m", "Add", cwd=checkout)
    fetch = ("git", "fetch", "--quiet", str(checkout), "+HEAD:refs/heads/main")
    hub.machine.run(*fetch, cwd=hub.path)
    before = hub.branches
    done = hub.start()
    assert done.status == 0
    assert "this is the template itself" in done.summary
    assert is_untouched(hub, before)


def test_nothing_is_done_outside_of_github(hub: Hub) -> None:
    before = hub.branches
    script = (sys.executable, "tools/use_template.py")
    done = run(*script, cwd=hub.clone(), env=hub.machine.env, check=False)
    assert done.returncode == 1
    assert done.stdout == "This runs on GitHub's Actions page: start it there.\n"
    assert is_untouched(hub, before)


def test_a_tag_does_not_become_a_project(hub: Hub) -> None:
    before = hub.branches
    assert hub.start(reference="refs/tags/v1").status == 1
    assert is_untouched(hub, before)


@slow
def test_what_was_pushed_meanwhile_is_not_lost(hub: Hub) -> None:
    checkout = hub.clone()
    hub.commit({"mine.txt": "mine\n"})
    before = hub.branches
    done = hub.start(at=checkout)
    assert done.status == 1
    assert "has gone on since" in done.summary
    assert is_untouched(hub, before)


# A protected branch


@slow
def test_on_a_protected_branch_the_project_waits_on_another(hub: Hub) -> None:
    (hub.path / "protected").write_text("refs/heads/main\n")
    before = hub.branches["main"]
    done = hub.start()
    assert done.status == 0, done
    assert hub.branches["main"] == before
    assert hub.git("rev-parse", "use-template^") == before
    assert "src/penguin_bills/__init__.py" in hub.files("use-template")
    link = f"{SERVER}/{HERE}/compare/main...use-template?expand=1"
    assert f"[Open a pull request]({link})" in done.summary
    after = hub.branches
    again = hub.start()
    assert again.status == 0
    assert "waits on the branch `use-template` already" in again.summary
    assert link in again.summary
    assert is_untouched(hub, after)


@slow
def test_where_nothing_may_be_pushed_the_summary_has_the_reason(hub: Hub) -> None:
    protected = "refs/heads/main\nrefs/heads/use-template\n"
    (hub.path / "protected").write_text(protected)
    before = hub.branches
    done = hub.start()
    assert done.status == 1
    assert "GH006: Protected branch update failed" in done.summary
    assert is_untouched(hub, before)


# The hook of the tests, and the token


def test_the_hub_refuses_a_workflow_that_is_new(hub: Hub) -> None:
    clone = hub.clone()
    (clone / ".github/workflows/new.yml").write_text(OWN_WORKFLOW)
    hub.machine.run("git", "add", "--all", cwd=clone)
    hub.machine.run("git", "commit", "--quiet", "-m", "New", cwd=clone)
    done = hub.machine.run("git", "push", cwd=clone, check=False)
    assert "refusing to allow a GitHub App" in done.stdout


def test_the_token_is_a_setting_for_its_server_and_no_argument(tmp_path: Path) -> None:
    repository = Repository(tmp_path, "t0ken", "https://git.example.com")
    repository.git("init", "--quiet")
    key = "http.https://git.example.com/x.git"
    value = repository.git("config", "--get-urlmatch", *key.split(".", 1))
    login = base64.b64encode(b"x-access-token:t0ken").decode()
    assert f"basic {login}" in value
    elsewhere = ("config", "--get-urlmatch", "http", "https://example.org/x.git")
    with pytest.raises(GitError):
        repository.git(*elsewhere)


def test_what_git_says_is_shown_without_control_characters() -> None:
    assert last_lines("a\n\n\x1b[31mb\n") == ["a", " [31mb"]


# The whole way


@slow
def test_the_project_that_make_makes_works(hub: Hub) -> None:
    del hub.machine.env["MAKE"]
    tools = hub.machine.home.parent / "tools"
    done = hub.start("make", "use-template", f"VENV={tools}")
    assert done.status == 0, done
    assert "uv.lock" in hub.files()
    assert "no lock file" not in done.summary
    clone = hub.clone()
    assert hub.machine.run("git", "status", "--porcelain", cwd=clone).stdout == ""
    project = Project(clone, hub.machine.env)
    project.make("install", "check")
    project.make("test", QUICKLY)
    assert project.git("status", "--porcelain") == ""
