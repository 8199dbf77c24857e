"""The weekly job of a project's CI proposes an update of the template once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from support.processes import put_first_on_path
from support.project import Project, run
from support.template_repository import TREE, Template

ADDRESS = "https://ci:s3cret@gitlab.example.com/ada/x.git"
VARIABLES = {
    "BRANCH": "template-update",
    "CI_PROJECT_PATH": "ada/x",
    "CI_SERVER_HOST": "gitlab.example.com",
    "CREDENTIALS": "",
}


def script_of(project: Project, ci: str) -> str:
    if ci == "gitlab":
        job = yaml.safe_load(project.text(".gitlab-ci.yml"))["template"]
        return "\n".join(job["script"])
    workflow = yaml.safe_load(project.text(".github/workflows/ci.yml"))
    return str(workflow["jobs"]["template"]["steps"][-1]["run"])


@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_weekly_job_proposes_an_update_once(
    make_project: Callable[..., Project], template_repository: Template, ci: str
) -> None:
    machine = template_repository.machine
    project = make_project(set_up="no", environment_manager="uv", ci=ci)
    project.make("lock")
    project.commit()
    for program in ("pip", "pipx"):
        put_first_on_path(machine, program, "")
    calls, summary = machine.home / "calls", machine.home / "summary"
    put_first_on_path(machine, "gh", f'echo "$@" >>"{calls}"')
    project.git("config", "receive.advertisePushOptions", "true")
    push = f'echo "$GIT_PUSH_OPTION_0" >>"{calls}"'
    hook = put_first_on_path(machine, "pre-receive", push)
    (project / ".git/hooks").mkdir(exist_ok=True)
    hook.rename(project / ".git/hooks/pre-receive")
    project.git("config", "--global", f"url.{project.path}.insteadOf", ADDRESS)

    def run_job(token: str) -> int:
        number = len([*machine.work.iterdir()])
        clone = machine.work / f"clone-{number}"
        machine.run("git", "clone", "--quiet", project.path, clone)
        env = {**machine.env, **VARIABLES, "GITHUB_STEP_SUMMARY": str(summary)}
        env |= {"GH_TOKEN": token, "UPDATE_TOKEN": token}
        script = ("bash", "-eo", "pipefail", "-c", script_of(project, ci))
        done = run(*script, cwd=clone, env=env, check=False)
        assert done.returncode in (0, 80), done.stdout
        return done.returncode

    assert run_job("s3cret") == 0
    template_repository.write(f"{TREE}/README.md", "New.\n")
    template_repository.commit("B")
    assert run_job("") == (80 if ci == "gitlab" else 0)
    assert summary.exists() == (ci == "github")
    assert project.git("branch", "--list", "template-update") == ""
    assert run_job("s3cret") == 0
    assert project.git("show", "template-update:README.md") == "New."
    assert run_job("s3cret") == 0  # the proposal is still open
    proposed = "merge_request.create" if ci == "gitlab" else "pr create --head"
    assert calls.read_text("utf-8").count(proposed) == 1
