"""Runs the generated workflows for GitHub and GitLab on this machine.

Each job gets a clone of its own and each `run:` or `script:` a shell, in the order and
under the conditions that the file states. Actions are simulated: a checkout is the
clone, a cache does nothing, artifacts are copied. An unknown action fails.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import yaml
from conftest import Machine, Project, run

Context = dict[str, Any]

TOKEN = re.compile(
    r"""(?P<string>'(?:[^']|'')*') | (?P<operator>&&|\|\||[!=]=|[!(),]) |
    (?P<name>[A-Za-z_][\w.*-]*) | (?P<blank>\s+) | (?P<wrong>.)""",
    re.VERBOSE,
)
OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}
SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
WITHOUT_EFFECT = (
    "actions/attest-build-provenance",
    "actions/cache",
    "actions/checkout",
    "pypa/gh-action-pypi-publish",
)


class Step(NamedTuple):
    """A step that was reached, and how it ended."""

    job: str
    name: str
    result: str  # success, failure, skipped or left out
    output: str = ""


def parse(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file; the key `on` stays a string."""
    content = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def clone(machine: Machine, project: Project, name: str) -> Project:
    """Return a new clone of a project, on that machine."""
    path = machine.home.parent / "clones" / name / project.path.name
    run("git", "clone", "--quiet", project.path, path, env=machine.env)
    return Project(path, machine.env)


def copy_into(source: Path, target: Path) -> None:
    """Copy a file or a directory's contents."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run_script(
    workspace: Project, script: str, env: Mapping[str, str]
) -> tuple[str, str]:
    """Run a script as both services do; return its result and its output."""
    env = {**workspace.env, **env, "CI": "true"}
    done = run(*SHELL, script, cwd=workspace.path, env=env, check=False)
    return "success" if done.returncode == 0 else "failure", done.stdout


# GitHub's expressions


def look_up(context: Context, name: str) -> Any:
    """Return the value of a name such as `matrix.python`, '' if it has none."""
    found: Any = context
    for part in name.split("."):
        if part == "*":
            found = list(found.values())
        elif isinstance(found, list):
            found = [each[part] for each in found]
        else:
            found = found.get(part, "") if isinstance(found, dict) else ""
    return found


def evaluate(expression: str, context: Context) -> Any:
    """Return the value of an expression."""
    earlier = context.get("earlier")  # results of the job's steps so far
    if earlier is None:
        earlier = [each["result"] for each in context.get("needs", {}).values()]
    workspace = Path(look_up(context, "github.workspace"))
    functions: dict[str, Callable[..., Any]] = {
        "always": lambda: True,
        "cancelled": lambda: False,
        "failure": lambda: "failure" in earlier,
        "success": lambda: {*earlier} <= {"success"},
        "format": lambda text, *words: text.format(*words),
        "hashFiles": lambda *names: "".join(
            path.name for name in names for path in sorted(workspace.glob(name))
        ),
        "join": lambda words, separator: separator.join(words),
    }
    python = ""
    for match in TOKEN.finditer(expression):
        kind, text = match.lastgroup, match[0]
        assert kind != "wrong", expression
        if kind == "operator":
            python += OPERATORS.get(text, text)
        elif kind == "name" and text not in functions:
            python += f"look_up({text!r})"
        else:
            python += text
    names = {**functions, "look_up": lambda name: look_up(context, name)}
    return eval(python.strip(), {"__builtins__": {}}, names)  # of our own file


def expand(text: object, context: Context) -> str:
    """Return a text in which each expression is replaced by its value."""

    def value(match: re.Match[str]) -> str:
        return str(evaluate(match[1], context))

    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


def applies(condition: str | None, context: Context) -> bool:
    """Return whether the `if:` of a job or step holds."""
    text = (condition or "success()").removeprefix("${{").removesuffix("}}")
    if not re.search(r"\b(always|failure|cancelled|success)\(\)", text):
        text = f"success() && ({text})"
    return bool(evaluate(text, context))


# GitHub's jobs


def run_jobs(
    document: dict[str, Any],
    context: Context,
    run_job: Callable[[str, dict[str, Any], Context], str],
) -> dict[str, str]:
    """Return the result of each job: what `run_job` returns, or that it is skipped."""
    results: dict[str, str] = {}
    for name, job in document["jobs"].items():  # which are in the order of their needs
        needs = job.get("needs", [])
        needed = [needs] if isinstance(needs, str) else needs
        own = {**context, "needs": {each: {"result": results[each]} for each in needed}}
        is_run = applies(job.get("if"), own)
        results[name] = run_job(name, job, own) if is_run else "skipped"
    return results


class Runner:
    """Runs the jobs of a workflow.

    Attributes:
        context: the contexts `github`, `vars` and so on, as far as they are the same
            for every job.
        leave_out: names of steps that are not run.
        artifacts: the directory of the uploaded artifacts.
        steps: the steps that were reached.
    """

    def __init__(
        self,
        machine: Machine,
        project: Project,
        *,
        leave_out: Iterable[str] = (),
        **github: object,
    ) -> None:
        self.machine, self.project = machine, project
        self.leave_out = {*leave_out}
        self.artifacts = machine.home.parent / "artifacts"
        self.temp = machine.home.parent / "runner-temp"
        self.steps: list[Step] = []
        self.context: Context = {
            "github": {"token": "token", "repository": "ada/x", **github},
            "runner": {"os": "Linux", "temp": str(self.temp)},
        }
        for directory in (machine.home.parent / "clones", self.artifacts, self.temp):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()

    @property
    def failed(self) -> list[Step]:
        """The steps that failed."""
        return [step for step in self.steps if step.result == "failure"]

    def workflow(self, document: dict[str, Any]) -> dict[str, str]:
        """Run every job and return their results."""
        return run_jobs(document, self.context, self.job)

    def job(self, name: str, job: dict[str, Any], context: Context) -> str:
        """Run a job in a new clone for each entry of its matrix; return its result."""
        pythons = job.get("strategy", {}).get("matrix", {}).get("python", [""])
        matrix = [{"python": version} for version in pythons]
        results = []
        for number, entry in enumerate(matrix):
            workspace = clone(self.machine, self.project, f"{name}-{number}")
            context = {**context, "matrix": entry}
            given = job.get("env", {}).items()
            workspace.env = {
                **workspace.env,
                **{key: expand(value, context) for key, value in given},
            }
            results.append(self.run_steps(name, job["steps"], context, workspace))
        return "failure" if "failure" in results else "success"

    def run_steps(
        self,
        job: str,
        steps: list[dict[str, Any]],
        context: Context,
        workspace: Project,
    ) -> str:
        """Run the steps of a job up to the first that fails; return the last result."""
        github = {**context["github"], "workspace": str(workspace.path)}
        context = {**context, "github": github, "earlier": []}
        result = "success"
        for step in steps:
            name = step.get("name") or step.get("run") or step["uses"].partition("@")[0]
            output = ""
            if not applies(step.get("if"), context):
                result = "skipped"
            elif name in self.leave_out:
                result = "left out"
            elif "uses" in step:
                self.use_action(step, context, workspace)
                result = "success"
            else:
                given = step.get("env", {}).items()
                env = {key: expand(value, context) for key, value in given}
                env["RUNNER_TEMP"] = str(self.temp)
                result, output = run_script(workspace, step["run"], env)
            self.steps.append(Step(job, name, result, output))
            if result == "failure":
                break
        return result

    def use_action(
        self, step: dict[str, Any], context: Context, workspace: Project
    ) -> None:
        """Do as much of an action as later steps depend on."""
        name = step["uses"].partition("@")[0]
        given = {k: expand(value, context) for k, value in step.get("with", {}).items()}
        if name == "actions/upload-artifact":
            stored = self.artifacts / given["name"]
            paths = [workspace / path for path in given["path"].split()]
            for path in paths:
                assert path.exists(), f"{path} is uploaded but missing"
                is_contents = path.is_dir() and len(paths) == 1
                copy_into(path, stored if is_contents else stored / path.name)
        elif name == "actions/download-artifact":
            copy_into(self.artifacts / given["name"], workspace / given["path"])
        elif name == "actions/setup-python":
            default = workspace / ".python-version"  # which the action reads by itself
            assert given.get("python-version") or default.is_file()
        else:
            assert name in WITHOUT_EFFECT, name


# GitLab


def matches(condition: str, variables: Mapping[str, str]) -> bool:
    """Return whether the `if:` of a rule holds."""
    for comparison in condition.split(" && "):
        match = re.fullmatch(r"\$(\w+)(?: (==|!=|=~) (.+))?", comparison)
        assert match, comparison
        left, operator, right = variables.get(match[1], ""), match[2], match[3]
        if operator is None:
            holds = bool(left)
        elif operator == "=~":
            holds = re.search(right.strip("/"), left) is not None
        else:
            other = variables.get(right[1:], "") if right[0] == "$" else right[1:-1]
            holds = (left == other) == (operator == "==")
        if not holds:
            return False
    return True


def is_allowed(
    rules: list[Any] | None, variables: Mapping[str, str], project: Project
) -> bool:
    """Return whether the first rule that matches allows a job; no rules allow it."""
    for rule in rules or ():
        there = [(project / name).exists() for name in rule.get("exists", [])]
        if ("if" not in rule or matches(rule["if"], variables)) and (
            not there or any(there)
        ):
            return bool(rule.get("when") != "never")
    return rules is None


def jobs_of_pipeline(project: Project, variables: Mapping[str, str]) -> list[str]:
    """Return the names of the jobs that a pipeline with these variables has."""
    document = parse(project / ".gitlab-ci.yml")
    given = {**document["variables"], **variables}
    if not is_allowed(document["workflow"]["rules"], given, project):
        return []
    return [
        name
        for stage in document["stages"]
        for name, job in document.items()
        if isinstance(job, dict) and job.get("stage") == stage
        if is_allowed(job.get("rules"), given, project)
    ]


def run_gitlab_job(
    machine: Machine, project: Project, name: str, variables: Mapping[str, str]
) -> list[Step]:
    """Run a job in a new clone that has the artifacts of the jobs before it."""
    document = parse(project / ".gitlab-ci.yml")
    job = document[name]
    workspace = clone(machine, project, name)
    artifacts = machine.home.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    copy_into(artifacts, workspace.path)
    env = {**document["variables"], **variables, **job.get("variables", {})}
    env = {key: Template(value).safe_substitute(env) for key, value in env.items()}
    for manager in ("UV", "PIP", "POETRY", "PIPENV"):
        env[f"{manager}_CACHE_DIR"] = os.environ[f"{manager}_CACHE_DIR"]
    steps: list[Step] = []
    for line in job["script"]:
        steps.append(Step(name, line, *run_script(workspace, line, env)))
        if steps[-1].result == "failure":
            return steps
    for path in job.get("artifacts", {}).get("paths", []):
        copy_into(workspace / path, artifacts / path)
    return steps
