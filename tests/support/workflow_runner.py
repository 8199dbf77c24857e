"""Runs the generated workflows for GitHub and GitLab on this machine.

Each job gets a clone of its own, and each `run:` or `script:` a shell, in the order and
under the conditions that the file states. Actions are simulated: a checkout is the
clone, a cache does nothing, artifacts are copied. An unknown action fails.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import yaml
from jinja2 import ChainableUndefined, Environment

from support.machine import Machine
from support.project import Project, run

Context = dict[str, Any]

JINJA = Environment(undefined=ChainableUndefined)
JINJA.tests["matching"] = lambda text, pattern: re.search(pattern, str(text))
WITHOUT_EFFECT = (
    "actions/attest-build-provenance",
    "actions/cache",
    "actions/checkout",
    "pypa/gh-action-pypi-publish",
)


class Step(NamedTuple):
    """A step that was reached, and how it ended."""

    name: str
    result: str  # success, failure, skipped or, on GitLab, warning
    output: str = ""


def parse(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file."""
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def clone(machine: Machine, project: Project, name: str) -> Project:
    """Return a new clone of a project, on that machine."""
    path = machine.home.parent / "clones" / name / project.path.name
    shutil.rmtree(path, ignore_errors=True)
    run("git", "clone", "--quiet", project.path, path, env=machine.env)
    return Project(path, machine.env)


def run_script(
    workspace: Project, script: str, env: Mapping[str, str]
) -> tuple[int, str]:
    """Run a script in bash; return its exit status and its output."""
    env = {**workspace.env, **env, "CI": "true"}
    bash = ("bash", "--noprofile", "--norc", "-e", "-c", script)
    done = run(*bash, cwd=workspace.path, env=env, check=False)
    return done.returncode, done.stdout


# GitHub


def evaluate(expression: str, context: Context) -> Any:
    """Return the value of an expression, which becomes one of Jinja's."""
    for operator, word in ((r"&&", "and"), (r"\|\|", "or"), (r"!(?!=)", "not")):
        expression = re.sub(operator, f" {word} ", expression)
    return JINJA.compile_expression(expression, undefined_to_none=False)(context)


def expand(values: Mapping[str, object], context: Context) -> dict[str, str]:
    """Return the values with each expression replaced by its value."""

    def value(match: re.Match[str]) -> str:
        return str(evaluate(match[1], context))

    return {
        name: re.sub(r"\$\{\{(.*?)\}\}", value, str(text))
        for name, text in values.items()
    }


def applies(condition: str | None, context: Context) -> bool:
    """Return whether the `if:` of a job or step holds, if all before it succeeded."""
    text = (condition or "true").removeprefix("${{").removesuffix("}}")
    return bool(evaluate(text, context))


class Runner:
    """Runs the jobs of a workflow.

    Attributes:
        context: the contexts `github`, `vars` and so on, as far as they are the same
            for every job.
        artifacts: the directory of the uploaded artifacts.
        summary: the file of the run's summary.
        steps: the steps that were reached.
    """

    def __init__(
        self, machine: Machine, project: Project, **contexts: dict[str, Any]
    ) -> None:
        self.machine, self.project = machine, project
        self.artifacts = machine.home.parent / "artifacts"
        self.summary = machine.home.parent / "summary.md"
        self.steps: list[Step] = []
        github = {
            "repository": "ada/x",
            "server_url": "https://github.example.com",
            "step_summary": str(self.summary),
            **contexts.pop("github", {}),
        }
        self.context: Context = {"github": github, **contexts}
        self.summary.unlink(missing_ok=True)
        shutil.rmtree(self.artifacts, ignore_errors=True)

    def workflow(self, document: dict[str, Any]) -> dict[str, str]:
        """Run the jobs, those after one that failed excepted; return their results."""
        results: dict[str, str] = {}
        for name, job in document["jobs"].items():  # in the order of their needs
            is_ready = results.get(job.get("needs"), "success") == "success"
            is_run = is_ready and applies(job.get("if"), self.context)
            results[name] = self.job(name, job) if is_run else "skipped"
        return results

    def job(self, name: str, job: dict[str, Any]) -> str:
        """Run a job in a new clone for each entry of its matrix; return its result."""
        results = []
        for python in job.get("strategy", {}).get("matrix", {}).get("python", [""]):
            workspace = clone(self.machine, self.project, f"{name}-{python}")
            results.append(self.run_steps(job, workspace, python))
        return "failure" if "failure" in results else "success"

    def run_steps(
        self, job: dict[str, Any], workspace: Project, python: str = ""
    ) -> str:
        """Run the steps of a job up to the first that fails; return the result."""

        def hash_files(*names: str) -> str:
            found = [path for each in names for path in workspace.path.glob(each)]
            return " ".join(path.name for path in found)

        functions = {"format": str.format, "hashFiles": hash_files}
        context = {**self.context, "matrix": {"python": python}, **functions}
        github = context["github"].items()
        variables = {f"GITHUB_{key.upper()}": str(value) for key, value in github}
        variables |= expand(job.get("env", {}), context)
        for step in job["steps"]:
            title = step.get("name") or step.get("run") or step["uses"].split("@")[0]
            result, output = "success", ""
            if not applies(step.get("if"), context):
                result = "skipped"
            elif "uses" in step:
                self.use_action(step, context, workspace)
            else:
                env = {**variables, **expand(step.get("env", {}), context)}
                status, output = run_script(workspace, step["run"], env)
                result = "failure" if status else "success"
            self.steps.append(Step(title, result, output))
            if result == "failure":
                return result
        return "success"

    def use_action(
        self, step: dict[str, Any], context: Context, workspace: Project
    ) -> None:
        """Do as much of an action as later steps depend on."""
        action = step["uses"].split("@")[0]
        given = expand(step.get("with", {}), context)
        if action == "actions/upload-artifact":
            shutil.copytree(workspace / given["path"], self.artifacts / given["name"])
        elif action == "actions/download-artifact":
            shutil.copytree(self.artifacts / given["name"], workspace / given["path"])
        elif action == "actions/setup-python":
            default = workspace / ".python-version"  # which the action reads by itself
            assert given.get("python-version") or default.is_file()
        else:
            assert action in WITHOUT_EFFECT, action


# GitLab


def matches(condition: str, variables: Mapping[str, str]) -> bool:
    """Return whether the `if:` of a rule holds."""
    search = r"(\$\w+) =~ /(.+?)/"
    text = re.sub(search, r"\1 is matching('\2')", condition).replace("$", "")
    return bool(evaluate(text, dict(variables)))


def is_allowed(rules: list[dict[str, str]], variables: Mapping[str, str]) -> bool:
    """Return whether the first rule that matches allows a job; no rules allow it."""
    for rule in rules:
        if matches(rule["if"], variables):
            return rule.get("when") != "never"
    return not rules


def jobs_of_pipeline(project: Project, variables: Mapping[str, str]) -> list[str]:
    """Return the names of the jobs that a pipeline with these variables has."""
    document = parse(project / ".gitlab-ci.yml")
    if not is_allowed(document["workflow"]["rules"], variables):
        return []
    return [
        name
        for stage in document["stages"]
        for name, job in document.items()
        if isinstance(job, dict) and job.get("stage") == stage
        if is_allowed(job.get("rules", []), variables)
    ]


def run_gitlab_job(
    machine: Machine, project: Project, name: str, variables: Mapping[str, str]
) -> Step:
    """Run a job in a new clone that has the artifacts of the jobs before it.

    The exit status that `allow_failure` names makes it a warning, as on GitLab.
    """
    document = parse(project / ".gitlab-ci.yml")
    job = document[name]
    workspace = clone(machine, project, name)
    artifacts = machine.home.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    shutil.copytree(artifacts, workspace.path, dirs_exist_ok=True)
    env = {**document["variables"], **job.get("variables", {}), **variables}
    env["CI_PROJECT_DIR"] = str(workspace.path)
    env = {key: Template(value).safe_substitute(env) for key, value in env.items()}
    lines = ["set -o pipefail", *document["default"]["before_script"], *job["script"]]
    status, output = run_script(workspace, "\n".join(lines), env)
    if status:
        is_allowed_to = job.get("allow_failure", {}).get("exit_codes") == status
        return Step(name, "warning" if is_allowed_to else "failure", output)
    for path in job.get("artifacts", {}).get("paths", []):
        shutil.copytree(workspace / path, artifacts / path, dirs_exist_ok=True)
    return Step(name, "success", output)
