"""The template's own files for GitHub are valid, ask for little, and spare forks."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, Machine, follow_schema

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
# Without those that a fork has taken away.
OWN = {"template.yml", "use-template.yml", "newest.yml", "examples.yml"} & {
    path.name for path in WORKFLOWS
}
FORMS = ".github/ISSUE_TEMPLATE"
ONLY_HERE = "github.event.repository.is_template && !github.event.repository.fork"

each_workflow = pytest.mark.parametrize(
    "path", WORKFLOWS, ids=[path.name for path in WORKFLOWS]
)


def parsed(path: Path) -> dict[str, Any]:
    """Return what a workflow says; `on` stays a text."""
    workflow: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
    return workflow


def steps(path: Path) -> list[dict[str, Any]]:
    """Return the steps of all jobs."""
    return [step for job in parsed(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", f"{FORMS}/[!c]*.yml"),
        ("github-issue-config", f"{FORMS}/config.yml"),
        ("citation-file-format", "CITATION.cff"),
    ],
)
def test_each_file_has_the_form_that_its_reader_wants(
    schema: str, pattern: str
) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    follow_schema(schema, *files)


@each_workflow
def test_a_workflow_has_no_right_but_those_that_a_job_names(path: Path) -> None:
    workflow = parsed(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert isinstance(job["permissions"], dict), name
        assert int(job["timeout-minutes"]) <= 120, name
    assert "concurrency" in workflow
    assert "pull_request_target" not in workflow["on"]


@each_workflow
def test_an_action_is_pinned_by_commit_and_its_version_is_said(path: Path) -> None:
    for line in re.findall(r"uses: (.*)", path.read_text("utf-8")):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} +# v\d+\.\d+\.\d+", line), line


@each_workflow
def test_no_clone_keeps_a_token(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@each_workflow
def test_no_expression_meets_a_shell(path: Path) -> None:
    assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_workflow_of_the_template_works_without_secrets(name: str) -> None:
    text = (ROOT / ".github/workflows" / name).read_text("utf-8")
    assert "secrets." not in text


def test_what_writes_by_itself_does_so_only_in_the_template() -> None:
    for path in (ROOT / ".github/workflows" / name for name in sorted(OWN)):
        workflow = parsed(path)
        by_hand = {*workflow["on"]} == {"workflow_dispatch"}
        for job in workflow["jobs"].values():
            writes = "write" in job["permissions"].values()
            if writes and not by_hand:
                first = workflow["jobs"][job.get("needs", job["name"])]
                assert ONLY_HERE in first["if"], path.name


@each_workflow
def test_what_a_workflow_asks_of_make_is_there(path: Path) -> None:
    """The projects' workflows stand here too, so the template has their verbs."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)}
    guarded = {"image", "publish"}  # asked for where there is something to do it with
    for step in steps(path):
        for words in re.findall(
            r"^\s*make ([^|>\n]*)", step.get("run", ""), re.MULTILINE
        ):
            verbs = re.findall(r"(?<!\S)[a-z][a-z-]*(?!\S)", words)
            assert verbs, words
            assert {*verbs} <= targets | guarded, words


def test_the_form_for_bugs_names_every_environment_manager() -> None:
    questions = yaml.safe_load((ROOT / FORMS / "bug.yml").read_text("utf-8"))["body"]
    (listed,) = (
        question["attributes"]["options"]
        for question in questions
        if question.get("id") == "manager"
    )
    context = (ROOT / "cookiecutter.json").read_text("utf-8")
    assert all(f'"{name}": {{' in context for name in listed)


# The weekly run


FAKE_MAKE = """#!/bin/sh
case $1 in
  lock) echo 'ruff==2.0 \\' > requirements-dev.txt;;
  test) echo 'FAILED tests/test_x.py::test_y - it broke'; exit 3;;
esac
"""


@pytest.fixture
def weekly(machine: Machine) -> Path:
    """A clone in which make pins one thing and one test fails."""
    clone = machine.work / "clone"
    (clone / ".ci").mkdir(parents=True)
    script = clone / ".ci/newest"
    script.write_bytes((ROOT / ".ci/newest").read_bytes())
    script.chmod(0o755)
    (clone / "requirements-dev.txt").write_text("ruff==1.0 \\\n")
    for command in ("init --quiet", "add --all", "commit --quiet --message A"):
        machine.run("git", *command.split(), cwd=clone)
    programs = machine.home / "bin"
    programs.mkdir()
    (programs / "make").write_text(FAKE_MAKE)
    (programs / "make").chmod(0o755)
    machine.env["PATH"] = f"{programs}:{machine.env['PATH']}"
    machine.env["GITHUB_OUTPUT"] = str(machine.home / "output")
    return clone


@pytest.mark.skipif(sys.platform == "win32", reason="it runs on Linux")
def test_the_weekly_run_reports_what_moved_and_what_broke(
    machine: Machine, weekly: Path
) -> None:
    done = machine.run(".ci/newest", cwd=weekly, check=False)
    assert done.returncode == 3
    first, *lines, last = (machine.home / "output").read_text("utf-8").splitlines()
    assert first == f"report<<{last}"
    assert "FAILED tests/test_x.py::test_y - it broke" in lines
    assert {"-ruff==1.0", "+ruff==2.0"} < {*lines}


@pytest.mark.skipif(sys.platform == "win32", reason="it runs on Linux")
def test_a_weekly_run_that_ends_before_the_tests_reports_its_last_lines(
    machine: Machine, weekly: Path
) -> None:
    (machine.home / "bin/make").write_text("#!/bin/sh\necho 'no index'\nexit 2\n")
    done = machine.run(".ci/newest", cwd=weekly, check=False)
    assert done.returncode == 2
    assert "\nno index\n" in (machine.home / "output").read_text("utf-8")
