"""Projects that were made from an older template, and what becomes of them.

The templates are git repositories of this machine, the projects have histories of
their own, and cruft is the real one. Where an environment plays no part, none is made:
make is then a program that does nothing.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Machine, MachineNamed, Project, default_context, run
from journey import QUICKLY, has_environment
from test_starters import PENGUIN, ask, serving
from warm_cache import give_bytecode

MANAGERS = list(default_context()["_managers"])
TREE = "{{cookiecutter.__project_dir}}"

slow = pytest.mark.slow


class Template:
    """A template in a git repository, which can be changed."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path

    def git(self, *words: str) -> str:
        """Return what git prints in it."""
        return self.machine.run("git", *words, cwd=self.path).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        """The newest commit."""
        return self.git("rev-parse", "HEAD")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file of the project tree."""
        path = self.path / TREE / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def template_repository(machine: Machine) -> Template:
    """The template as a repository with one commit."""
    return committed(machine)


@pytest.fixture(scope="module")
def unchanged(new_machine: MachineNamed) -> Template:
    """The same, which no test changes, on a machine where nothing is made by make."""
    machine = new_machine("unchanged")
    machine.env["MAKE"] = "true"
    return committed(machine)


def committed(machine: Machine) -> Template:
    """Put the template into a repository with one commit."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    repository = Template(machine, path)
    repository.git("init", "--quiet")
    repository.commit("A")
    return repository


def linked(project: Project) -> dict[str, Any]:
    """Return what .cruft.json says."""
    state: dict[str, Any] = json.loads(project.text(".cruft.json"))
    return state


def bear(machine: Machine, *words: str | Path, **answers: object) -> Project:
    """Make files by plain cookiecutter, as a person calls it."""
    given = [f"{key}={value}" for key, value in {"set_up": "no", **answers}.items()]
    machine.call_cookiecutter("--no-input", *map(str, words), *given)
    return machine.project()


def keep(project: Project, message: str = "Mine") -> None:
    """Commit what is in the project, into a repository if there is none."""
    if not (project / ".git").exists():
        project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--no-verify", "--message", message)


@pytest.fixture
def born(template_repository: Template) -> Project:
    """A committed project of the template's first commit, without an environment."""
    machine = template_repository.machine
    project = bear(machine, template_repository.path)
    keep(project, "Start")
    machine.env["MAKE"] = "true"
    return project


def update(
    project: Project, *words: str, check: bool = True
) -> tuple[int, str, list[str]]:
    """Run the update as make does, without what comes after the files.

    Returns:
        The exit status, what was printed, and the files that differ from the commit.
    """
    command = [sys.executable, "scripts/update.py", "--cruft", "cruft"]
    done = project.run(*command, *words, check=check)
    changed = project.git("diff", "--name-only", "HEAD").splitlines()
    return done.returncode, done.stdout, changed


# Born linked


def is_in_step(project: Project) -> None:
    """Assert that cruft finds the template and sees no difference."""
    assert "SUCCESS" in project.run("cruft", "check").stdout
    assert project.run("cruft", "diff").stdout == ""


@slow
def test_a_local_repository_is_linked_by_its_path(
    template_repository: Template,
) -> None:
    machine = template_repository.machine
    origin = template_repository.path
    project = bear(machine, Path("..") / origin.relative_to(machine.work.parent))
    state = linked(project)
    assert state["template"] == str(origin)
    assert state["commit"] == template_repository.head
    assert state["checkout"] is None
    assert state["directory"] is None
    is_in_step(project)


@slow
def test_the_link_holds_the_answers_and_no_temporary_path(
    template_repository: Template,
) -> None:
    machine = template_repository.machine
    title = "„Größe“ \\ 'x' & <y>"
    project = bear(machine, template_repository.path, description=title)
    context = linked(project)["context"]["cookiecutter"]
    public = {key for key in default_context() if not key.startswith("_")}
    assert set(context) == public | {"_template", "_commit"}
    assert context["description"] == title
    assert context["set_up"] is False
    assert "cookiecutter" not in re.sub(r'"cookiecutter": {', "", str(context))
    is_in_step(project)


@slow
@pytest.mark.parametrize("reference", ["v1", "stable"])
def test_an_abbreviation_is_expanded_and_a_checkout_kept(
    template_repository: Template, reference: str
) -> None:
    machine = template_repository.machine
    first = template_repository.head
    template_repository.git("tag", "v1")
    template_repository.git("branch", "stable")
    template_repository.replace("README.md", "## Start\n", "## Begin\n")
    template_repository.commit("B")
    config = machine.home / "config.yaml"
    address = f"file://{template_repository.path.parent}"
    config.write_text(f'abbreviations:\n  our: "{address}/{{0}}"\n')
    machine.env["COOKIECUTTER_CONFIG"] = str(config)
    project = bear(machine, "our:template", "--checkout", reference)
    state = linked(project)
    assert state["template"] == f"{address}/template"
    assert state["commit"] == first
    assert state["checkout"] == reference
    assert "## Start\n" in project.text("README.md")
    assert project.run("cruft", "diff").stdout == ""
    assert "FAILURE" in project.run("cruft", "check", check=False).stdout


@slow
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_template_in_a_directory_of_a_repository_is_linked_with_it(
    machine: Machine, scheme: str
) -> None:
    top = machine.home.parent / "git" / "templates"
    shutil.copytree(machine.template, top / "python" / "science")
    repository = Template(machine, top)
    repository.git("init", "--quiet")
    repository.commit("A")
    directory = ("--directory", "python/science")
    project = bear(machine, f"{scheme}{top}", *directory)
    state = linked(project)
    assert state["template"] == f"{scheme}{top}"
    assert state["directory"] == "python/science"
    assert state["commit"] == repository.head
    is_in_step(project)


@slow
def test_a_plain_directory_and_a_zip_link_nothing(machine: Machine) -> None:
    project = bear(machine, machine.template)
    assert not (project / ".cruft.json").exists()
    shutil.rmtree(project.path)
    archive = shutil.make_archive(
        str(machine.home.parent / "template"),
        "zip",
        machine.template.parent,
        machine.template.name,
    )
    project = bear(machine, archive)
    assert not (project / ".cruft.json").exists()


@slow
def test_a_plain_directory_inside_of_somebodys_repository_links_nothing(
    machine: Machine,
) -> None:
    outer = machine.home.parent / "dotfiles"
    shutil.copytree(machine.template, outer / "template")
    repository = Template(machine, outer)
    repository.git("init", "--quiet")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "Begin")
    project = bear(machine, outer / "template")
    assert not (project / ".cruft.json").exists()


@slow
def test_the_link_is_in_the_first_commit_and_make_updates_the_environment_too(
    template_repository: Template,
) -> None:
    machine = template_repository.machine
    project = bear(machine, template_repository.path, set_up="yes")
    assert project.git("log", "--format=%s", "--", ".cruft.json") == "Start my-analysis"
    template_repository.replace(
        "../cookiecutter.json", '"rich>=13.9"', '"humanize>=4", "rich>=13.9"'
    )
    template_repository.commit("B")
    output = project.make("update").stdout
    assert "git diff HEAD shows how" in output
    project.run(project.bin / "python", "-c", "import humanize")
    assert "humanize" in project.text("uv.lock")
    has_environment(machine, project)
    project.make("check", "test", QUICKLY)
    keep(project, "Update")
    assert "up to date" in project.make("update").stdout


# Updates


@slow
def test_everything_that_was_edited_stays(
    born: Project, template_repository: Template
) -> None:
    module = born / "src/my_analysis/data.py"
    module.write_text(module.read_text("utf-8") + "\nMINE = 1\n", "utf-8")
    path = born / "notebooks/01-explore.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][-1]["source"] = ["What I found.\n"]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (born / "tests/test_plots.py").unlink()
    manifest = born.text("pyproject.toml").replace(
        '    "typer>', '    "tabulate>=0.9",\n    "typer>'
    )
    (born / "pyproject.toml").write_text(manifest, "utf-8")
    (born / "src/my_analysis/own.py").write_text('"""Mine."""\n')
    keep(born)

    package = "src/{{cookiecutter.package_name}}"
    template_repository.replace(
        f"{package}/data.py",
        '"""',
        '"""Theirs. ',
    )
    template_repository.replace("tests/test_plots.py", '"""', '"""Theirs. ')
    template_repository.replace("../cookiecutter.json", "numpy>=2.1", "numpy>=2.2")
    (template_repository.path / TREE / package / "more.py").write_text('"""New."""\n')
    newest = template_repository.commit("B")

    _, output, changed = update(born)
    assert "files are updated" in output
    assert linked(born)["commit"] == newest
    data = born.text("src/my_analysis/data.py")
    assert data.startswith('"""Theirs. ')
    assert data.endswith("\nMINE = 1\n")
    assert "What I found." in born.text("notebooks/01-explore.ipynb")
    assert not (born / "tests/test_plots.py").exists()
    assert '"tabulate>=0.9"' in born.text("pyproject.toml")
    assert '"numpy>=2.2"' in born.text("pyproject.toml")
    assert born.text("src/my_analysis/more.py") == '"""New."""\n'
    assert born.text("src/my_analysis/own.py") == '"""Mine."""\n'
    assert sorted(changed) == [
        ".cruft.json",
        "pyproject.toml",
        "src/my_analysis/data.py",
        "src/my_analysis/more.py",
    ]
    keep(born, "Update")
    assert "SUCCESS" in born.run("cruft", "check").stdout


@slow
def test_a_project_that_is_up_to_date_is_left_as_it_is(born: Project) -> None:
    _, output, changed = update(born)
    assert output == "The project is up to date with its template.\n"
    assert changed == []


@slow
def test_a_conflict_is_listed_and_the_way_back_leads_back(
    born: Project, template_repository: Template
) -> None:
    for place, text in (
        (born.path, "Mine"),
        (template_repository.path / TREE, "Theirs"),
    ):
        readme = place / "README.md"
        readme.write_text(readme.read_text("utf-8").replace("## Start", f"## {text}"))
    keep(born)
    template_repository.commit("B")
    before = born.git("rev-parse", "HEAD^{tree}")
    status, output, _ = update(born, check=False)
    assert status == 1
    assert "\n  README.md\n" in output
    assert "## Mine" in born.text("README.md")
    assert "## Theirs" in born.text("README.md")
    (way_back,) = re.findall(r"^The way back: (.*)$", output, re.MULTILINE)
    born.run("sh", "-c", way_back)
    assert born.git("status", "--porcelain") == ""
    assert born.git("rev-parse", "HEAD^{tree}") == before


@slow
def test_an_edited_file_that_is_to_go_is_listed_and_stays(born: Project) -> None:
    text = born.text("Dockerfile") + "# Mine\n"
    (born / "Dockerfile").write_text(text, "utf-8")
    keep(born)
    status, output, changed = update(born, "docker=no", check=False)
    assert status == 1
    assert "\n  Dockerfile (the template no longer has it)\n" in output
    assert born.text("Dockerfile") == text
    assert "compose.yaml" in changed


def refused(project: Project, *words: str) -> str:
    """Return the one line with which an update is refused, and nothing changes."""
    before = {name: (project / name).read_bytes() for name in project.files}
    status, output, _ = update(project, *words, check=False)
    assert status == 1
    assert {name: (project / name).read_bytes() for name in project.files} == before
    (line,) = output.splitlines()
    return line


@slow
def test_a_value_that_is_not_on_offer_is_refused(born: Project) -> None:
    assert "conda" in refused(born, "environment_manager=conda")


@slow
def test_a_template_that_has_moved_is_followed_when_its_address_is_given(
    born: Project, template_repository: Template
) -> None:
    there = template_repository.path.with_name("moved")
    template_repository.path.rename(there)
    line = refused(born)
    assert str(template_repository.path) in line
    assert "make update TEMPLATE=<its address>" in line
    moved = Template(template_repository.machine, there)
    moved.replace("README.md", "## Start\n", "## Begin\n")
    moved.commit("B")
    update(born, "--template", str(there))
    assert "## Begin" in born.text("README.md")
    assert linked(born)["template"] == str(there)
    keep(born)
    is_in_step(born)


@slow
def test_a_branch_of_the_template_can_be_tried(
    born: Project, template_repository: Template
) -> None:
    template_repository.git("checkout", "--quiet", "-b", "trial")
    template_repository.replace("README.md", "## Start\n", "## Begin\n")
    template_repository.commit("B")
    template_repository.git("checkout", "--quiet", "-")
    assert "up to date" in update(born)[1]
    update(born, "--to", "trial")
    assert "## Begin" in born.text("README.md")
    assert linked(born)["checkout"] == "trial"


# Other answers


def other_answers() -> list[tuple[str, str, str]]:
    """Return each choice of the template with each of its other values.

    Managers change from each to each other, everything else from its default. Whether
    to set up is no answer that a project keeps.
    """
    found = [
        ("environment_manager", old, new)
        for old, new in itertools.permutations(MANAGERS, 2)
    ]
    for name, value in default_context().items():
        if isinstance(value, bool) and name != "set_up":
            found.append((name, "yes" if value else "no", "no" if value else "yes"))
        elif isinstance(value, list) and name[0] != "_" and value != MANAGERS:
            found += [(name, value[0], other) for other in value[1:]]
    return found


@pytest.fixture(scope="module")
def answered(unchanged: Template) -> Callable[[str, str], Project]:
    """Make a committed project with one answer of its own, once; tests must copy it."""
    machine = unchanged.machine
    made: dict[tuple[str, str], Project] = {}

    def project(name: str, value: str) -> Project:
        if (name, value) not in made:
            bear(machine, unchanged.path, **{name: value})
            place = machine.work / f"{name}-{value}"
            place.mkdir()
            machine.project().path.rename(place / "my-analysis")
            made[name, value] = Project(place / "my-analysis", machine.env)
            keep(made[name, value])
        return made[name, value]

    return project


@slow
@pytest.mark.parametrize(("name", "old", "new"), other_answers())
def test_every_answer_gives_way_to_every_other(
    answered: Callable[[str, str], Project],
    copy: Callable[[Project], Project],
    name: str,
    old: str,
    new: str,
) -> None:
    project = copy(answered(name, old))
    if name == "environment_manager":
        for lock_file in default_context()["_managers"][old]["locks"]:
            (project / lock_file).write_text("locked\n")
    (project / "src/my_analysis/own.py").write_text('"""Mine."""\n')
    keep(project)
    update(project, f"{name}={new}")
    moved = {file: project.text(file) for file in project.files}
    assert moved.pop("src/my_analysis/own.py") == '"""Mine."""\n'
    fresh = answered(name, new)
    assert moved == {file: fresh.text(file) for file in fresh.files}


@slow
def test_a_project_that_moved_to_another_manager_works_under_it(
    template_repository: Template, index_settings: dict[str, dict[str, str]]
) -> None:
    machine = template_repository.machine
    machine.env |= index_settings.get("pip", {})
    project = bear(machine, template_repository.path, set_up="yes")
    project.make("update", "SET=environment_manager=pip")
    give_bytecode(project / ".venv")
    has_environment(machine, project)
    assert (project / "pylock.dev.toml").is_file()
    assert not (project / "uv.lock").exists()
    keep(project)
    project.make("check", "test", QUICKLY)
    project.make("update", "SET=environment_manager=uv")
    keep(project)
    assert (project / "uv.lock").is_file()
    assert not (project / "pylock.toml").exists()
    has_environment(machine, project)
    project.run(project.bin / "my-analysis", "--help")


@slow
def test_an_analysis_goes_on_to_a_model_and_to_a_service_with_its_edits(
    template_repository: Template, tmp_path: Path
) -> None:
    project = bear(template_repository.machine, template_repository.path, set_up="yes")
    module = project / "src/my_analysis/plots.py"
    module.write_text(module.read_text("utf-8") + "\n\nMINE = 1\n", "utf-8")
    (project / "tests/test_data.py").unlink()
    project.make("add", "PACKAGE=tabulate")
    keep(project)
    for starter in ("model", "service"):
        output = project.make("graduate", f"TO={starter}").stdout
        assert "The update is not finished" not in output
        keep(project, f"Go on to a {starter}")
        assert linked(project)["context"]["cookiecutter"]["starter"] == starter
        assert module.read_text("utf-8").endswith("\nMINE = 1\n")
        assert not (project / "tests/test_data.py").exists()
        assert "tabulate" in project.text("pyproject.toml")
    project.make("check", "train", "evaluate")
    project.make("test", f"{QUICKLY} tests/test_commands_service.py")
    assert project.git("status", "--porcelain") == ""
    with serving(project, tmp_path / "log") as (port, _):
        status, answer = ask(port, "POST", "/predict", json.dumps(PENGUIN))
    assert (status, answer["species"]) == (200, "Chinstrap")


@slow
def test_cruft_only_renders_where_it_compares(
    born: Project, template_repository: Template
) -> None:
    before = born.git("rev-parse", "HEAD")
    assert "SUCCESS" in born.run("cruft", "check").stdout
    assert born.run("cruft", "diff").stdout == ""
    template_repository.replace("README.md", "## Start\n", "## Begin\n")
    template_repository.commit("B")
    output = born.run("cruft", "update", "--skip-apply-ask").stdout
    assert "## Begin" in born.text("README.md")
    assert not re.search("environment|kernel|first commit|To set it up", output)
    assert born.git("rev-parse", "HEAD") == before
    assert template_repository.machine.kernels == {}
    assert not (born / ".venv").exists()


def test_make_update_and_graduate_say_what_they_need(born: Project) -> None:
    done = run("make", "graduate", cwd=born.path, env=born.env, check=False)
    assert done.stdout.splitlines()[0] == "To which? make graduate TO=model"
