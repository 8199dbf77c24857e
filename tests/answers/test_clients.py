"""Every way to make a project writes the same files.

journeys/test_managers_journey.py answers the questions at a terminal.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import Project, default_context

CONTEXT = default_context()
OLDEST = "2.4.0"
TOO_OLD = "2.3.1"
ANSWERS: dict[str, str] = {
    "project_name": "Penguin bills",
    "project_slug": "penguin-bills",
    "package_name": "penguin_bills",
    "license": CONTEXT["license"][-1],
    "starter": CONTEXT["starter"][-1],
}
WORDS = ("--no-input", *(f"{name}={answer}" for name, answer in ANSWERS.items()))
PYTHON_API = """
import json, sys
from cookiecutter.main import cookiecutter
answers = json.loads(sys.argv[2])
print(cookiecutter(sys.argv[1], no_input=True, extra_context=answers))
"""

pytestmark = pytest.mark.slow
Contents = dict[str, bytes]


def contents(project: Project) -> Contents:
    """Return the project's files except the link to its template."""
    names = {*project.files} - {".cruft.json"}
    return {name: (project / name).read_bytes() for name in names}


class Client:
    """Makes projects on a machine without setting them up.

    Uses the tests' own cookiecutter, or another release.
    """

    def __init__(self, machine: Machine, release: str = "") -> None:
        self.machine = machine
        self.python: list[str] = [sys.executable]
        if release:
            uvx = ("uvx", "--quiet", "--python", sys.executable, "--with")
            self.python = [*uvx, f"cookiecutter=={release}", "python"]
        config = "default_context:\n  set_up: no\n"
        (machine.home / ".cookiecutterrc").write_text(config, "utf-8")

    def make(
        self, template: Path | str, *words: str | Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = (*self.python, "-m", "cookiecutter", template, *words)
        return self.machine.run(*command, check=check)

    def made(self) -> Contents:
        """Return the files of the new project, and delete it."""
        project = self.machine.project("penguin-bills")
        found = contents(project)
        shutil.rmtree(project.path)
        return found


@pytest.fixture(params=["", OLDEST])
def client(request: pytest.FixtureRequest, machine: Machine) -> Client:
    """The tests' own cookiecutter, and the oldest supported release."""
    return Client(machine, request.param)


@pytest.fixture(scope="module")
def expected_project(shared_machine: Machine) -> Project:
    """The project whose files every client must write."""
    template = str(shared_machine.template)
    shared_machine.call_cookiecutter(template, *WORDS, "set_up=no")
    return shared_machine.project("penguin-bills")


@pytest.fixture(scope="module")
def expected(expected_project: Project) -> Contents:
    return contents(expected_project)


@pytest.fixture
def repository(machine: Machine) -> Path:
    """The template as a repository with a commit after the tag v1."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    for words in (
        "init --quiet",
        "add --all",
        "commit --quiet --message=First",
        "tag v1",
        "rm --quiet {{cookiecutter.__project_dir}}/README.md",
        "commit --quiet --message=Second",
    ):
        machine.run("git", *words.split(), cwd=path)
    return path


def test_answers_given_in_any_way_make_the_same_files(
    client: Client, expected: Contents
) -> None:
    machine, template = client.machine, client.machine.template
    client.make(template, *WORDS)
    assert client.made() == expected
    client.make(template, "--replay")
    assert client.made() == expected

    answers = {**ANSWERS, "set_up": False}
    config = machine.home / "team.yaml"
    config.write_text(json.dumps({"default_context": answers}), "utf-8")
    client.make(template, "--no-input", "--config-file", config)
    assert client.made() == expected

    call = [*client.python, "-c", PYTHON_API, str(template), json.dumps(answers)]
    done = machine.run(*call)
    assert done.stdout.splitlines()[-1] == str(machine.work / "penguin-bills")
    assert client.made() == expected


def test_a_zip_in_a_path_with_blanks_makes_the_same_files(
    client: Client, expected: Contents
) -> None:
    template = client.machine.template
    packed = client.machine.home / "Ada's templates" / "größer 分析"
    root, name = template.parent, template.name
    client.make(shutil.make_archive(str(packed), "zip", root, name), *WORDS)
    assert not (client.machine.work / "penguin-bills/.cruft.json").exists()
    assert client.made() == expected


def test_a_tag_of_a_repository_makes_the_same_files_and_a_link(
    client: Client, repository: Path, expected: Contents
) -> None:
    client.make(f"file://{repository}", *WORDS, "--checkout", "v1")
    link = json.loads(client.machine.project("penguin-bills").text(".cruft.json"))
    assert (link["template"], link["checkout"]) == (f"file://{repository}", "v1")
    assert client.made() == expected


def test_the_link_holds_no_token(machine: Machine) -> None:
    address = "https://example.com/acme/template"
    link = {"template": address.replace("//", "//ada:s3cret@"), "commit": "1" * 40}
    machine.env["COOKIECUTTER_DS_PACKAGE_ORIGIN"] = json.dumps(link)
    Client(machine).make(machine.template, *WORDS)
    text = machine.project("penguin-bills").text(".cruft.json")
    assert "s3cret" not in text
    assert json.loads(text)["template"] == address


def cruft_create(
    machine: Machine, repository: Path, answers: dict[str, str], check: bool = True
) -> str:
    context = json.dumps({**answers, "set_up": False})
    words = ("--no-input", "--checkout", "v1", "--extra-context", context)
    done = machine.run("cruft", "create", repository, *words, check=check)
    assert done.returncode == (0 if check else 1)
    return done.stdout


def test_cruft_makes_the_same_files(
    machine: Machine, repository: Path, expected_project: Project, expected: Contents
) -> None:
    answers = {
        **ANSWERS,
        "python_version": expected_project.text(".python-version").strip(),
        "environment_manager": CONTEXT["environment_manager"][0],
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.org",
    }
    cruft_create(machine, repository, answers)
    project = machine.project("penguin-bills")
    assert contents(project) == expected
    assert json.loads(project.text(".cruft.json"))["checkout"] == "v1"


def test_cruft_repeats_refused_answers(machine: Machine, repository: Path) -> None:
    answers = {"description": "It's so.", "author_email": "nobody"}
    output = cruft_create(machine, repository, answers, check=False)
    (line,) = re.findall(r"^  (cookiecutter .*)", output, re.MULTILINE)
    given = dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
    assert shlex.split(line)[1] == str(repository)
    assert given["description"] == "It's so."
    assert given["author_email"] == "FIXME"


def test_an_older_cookiecutter_is_refused_in_one_line(machine: Machine) -> None:
    done = Client(machine, TOO_OLD).make(machine.template, *WORDS, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].removeprefix("ERROR: ") == (
        f"cookiecutter {TOO_OLD} is too old: this template needs"
        f" {OLDEST[:3]} or newer: pipx install --force cookiecutter"
    )
    assert [*machine.work.iterdir()] == []
