"""What GitHub's runners and GitLab's do with a file, as far as its shell goes.

Each job gets a clone of its own and each `run:` or `script:` a shell, in the order and
under the conditions that the file states. Actions are stood in for: a checkout is the
clone, a cache is nothing, artifacts are copied. An action that is not known here fails.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
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


class Ran(NamedTuple):
    """A step that was come to: its job, its name, how it ended, what it printed."""

    job: str
    step: str
    result: str  # success, failure, skipped or left out
    output: str = ""


def parse(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file, whose key `on` is the text it looks like."""
    content = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def clone(machine: Machine, project: Project, name: str) -> Project:
    """Return a new clone of a project, on that machine."""
    path = machine.home.parent / "clones" / name / project.path.name
    run("git", "clone", "--quiet", project.path, path, env=machine.env)
    return Project(path, machine.env)


# GitHub's expressions


def look_up(context: Context, name: str) -> Any:
    """Return what a name such as `matrix.python` stands for, '' if for nothing."""
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
    """Return the value of an expression, as GitHub has it."""
    before = context.get("before")  # of a job's steps, those that were come to
    if before is None:
        before = [each["result"] for each in context.get("needs", {}).values()]
    workspace = Path(context["github"]["workspace"])
    functions: dict[str, Callable[..., Any]] = {
        "always": lambda: True,
        "cancelled": lambda: False,
        "failure": lambda: "failure" in before,
        "success": lambda: {*before} <= {"success"},
        "format": lambda text, *words: text.format(*words),
        "hashFiles": lambda *names: "".join(
            path.name for name in names for path in sorted(workspace.glob(name))
        ),
        "join": lambda words, between: between.join(words),
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


def filled_in(text: object, context: Context) -> str:
    """Return a text with the values of the expressions in it."""

    def value(match: re.Match[str]) -> str:
        found = evaluate(match[1], context)
        return str(found).lower() if isinstance(found, bool) else str(found)

    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


def holds(condition: str | None, context: Context) -> bool:
    """Tell whether the `if:` of a job or step holds."""
    text = (condition or "success()").removeprefix("${{").removesuffix("}}")
    if not re.search(r"\b(always|failure|cancelled|success)\(\)", text):
        text = f"success() && ({text})"
    return bool(evaluate(text, context))


# GitHub's jobs


class Runner:
    """Runs the jobs of a workflow.

    Attributes:
        github: the context of that name, as far as the workflow asks for it.
        variables: the repository's variables.
        leave_out: names of steps that are not run, though their turn has come.
        artifacts: where what is uploaded is kept.
    """

    def __init__(
        self,
        machine: Machine,
        project: Project,
        *,
        github: Context | None = None,
        variables: Mapping[str, str] | None = None,
        leave_out: Iterable[str] = (),
    ) -> None:
        self.machine, self.project = machine, project
        self.github = {"token": "token", "repository": "ada/x", **(github or {})}
        self.variables = dict(variables or {})
        self.leave_out = {*leave_out}
        self.artifacts = machine.home.parent / "artifacts"
        self.temp = machine.home.parent / "runner-temp"
        self.uses: list[str] = []
        for directory in (self.artifacts, self.temp):
            directory.mkdir(exist_ok=True)

    def workflow(self, document: dict[str, Any]) -> list[Ran]:
        """Run every job, those that are needed before those that need them."""
        results: dict[str, dict[str, str]] = {}
        ran: list[Ran] = []
        for name, job in document["jobs"].items():  # they stand in this order
            needs = job.get("needs", [])
            needed = {
                each: results[each]
                for each in ([needs] if isinstance(needs, str) else needs)
            }
            steps = self.job(name, job, needed)
            ended = [step.result for step in steps]
            result = "failure" if "failure" in ended else "success"
            results[name] = {"result": result if steps else "skipped"}
            ran += steps or [Ran(name, "", "skipped")]
        return ran

    def job(self, name: str, job: dict[str, Any], needs: Context) -> list[Ran]:
        """Run a job for each entry of its matrix; return no step if it is skipped."""
        context: Context = {"needs": needs, "vars": self.variables, "secrets": {}}
        context["github"] = {**self.github, "workspace": str(self.project.path)}
        context["runner"] = {"os": "Linux", "temp": str(self.temp)}
        if not holds(job.get("if"), context):
            return []
        ran = []
        for number, entry in enumerate(
            job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        ):
            if not entry.get("system", "ubuntu-latest").startswith("ubuntu"):
                continue
            workspace = clone(self.machine, self.project, f"{name}-{number}")
            context |= {"matrix": entry, "before": []}
            context["github"] = {**self.github, "workspace": str(workspace.path)}
            ran += self.steps(name, job["steps"], context, workspace)
        return ran

    def steps(
        self,
        job: str,
        steps: list[dict[str, Any]],
        context: Context,
        workspace: Project,
    ) -> list[Ran]:
        """Run the steps of a job in a workspace, up to one that fails."""
        ran: list[Ran] = []
        for step in steps:
            name = step.get("name") or step["uses"].partition("@")[0]
            if not holds(step.get("if"), context):
                ran.append(Ran(job, name, "skipped"))
            elif name in self.leave_out:
                ran.append(Ran(job, name, "left out"))
            elif "uses" in step:
                self.action(step, context, workspace)
                ran.append(Ran(job, name, "success"))
            else:
                given = step.get("env", {}).items()
                env = {key: filled_in(value, context) for key, value in given}
                env |= {"RUNNER_TEMP": str(self.temp), "CI": "true"}
                ran.append(Ran(job, name, *shell(workspace, step["run"], env)))
            if ran[-1].result == "failure":
                break
        return ran

    def action(
        self, step: dict[str, Any], context: Context, workspace: Project
    ) -> None:
        """Do what an action does, as far as later steps depend on it."""
        name = step["uses"].partition("@")[0]
        inputs = step.get("with", {}).items()
        given = {key: filled_in(value, context) for key, value in inputs}
        self.uses.append(name)
        if name == "actions/setup-python":
            assert given.get("python-version") or workspace.text(
                given["python-version-file"]
            )
        elif name == "actions/upload-artifact":
            kept = self.artifacts / given["name"]
            paths = [workspace / path for path in given["path"].split()]
            for path in paths:
                assert path.exists(), f"{path} is uploaded and not there"
                below = kept if len(paths) == 1 else kept / path.name
                put(path, below if path.is_dir() else kept / path.name)
        elif name == "actions/download-artifact":
            put(self.artifacts / given["name"], workspace / given["path"])
        else:
            assert name in (
                "actions/attest-build-provenance",
                "actions/cache",
                "actions/checkout",
                "pypa/gh-action-pypi-publish",
            ), name


def put(source: Path, target: Path) -> None:
    """Copy a file or a directory's contents to a place, beside what is there."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def shell(workspace: Project, script: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Run a script as both services do; return how it ended and what it printed."""
    done = run(
        *SHELL,
        script,
        cwd=workspace.path,
        env={**workspace.env, **env},
        check=False,
    )
    return "success" if done.returncode == 0 else "failure", done.stdout


# GitLab


def gitlab_holds(condition: str, variables: Mapping[str, str]) -> bool:
    """Tell whether the `if:` of a rule holds."""
    return all(
        gitlab_compares(part.strip(), variables) for part in condition.split("&&")
    )


def gitlab_compares(comparison: str, variables: Mapping[str, str]) -> bool:
    """Tell whether one comparison of a rule holds."""
    match = re.fullmatch(r"\$(\w+)(?:\s*(==|!=|=~)\s*(.+))?", comparison)
    assert match, comparison
    left, operator, right = variables.get(match[1], ""), match[2], match[3]
    if operator is None:
        return bool(left)
    if operator == "=~":
        return re.search(right.strip("/"), left) is not None
    other = variables.get(right[1:], "") if right[0] == "$" else right.strip('"')
    return (left == other) == (operator == "==")


def gitlab_applies(
    rules: list[Any] | None, variables: Mapping[str, str], project: Project
) -> bool:
    """Tell whether the first rule that fits lets a job run; no rules let it."""
    for rule in rules or ():
        there = [(project / name).exists() for name in rule.get("exists", [])]
        fits = gitlab_holds(rule.get("if", "$TRUE"), {**variables, "TRUE": "1"})
        if fits and (not there or any(there)):
            return bool(rule.get("when") != "never")
    return rules is None


def gitlab_pipeline(
    machine: Machine,
    project: Project,
    variables: Mapping[str, str],
    leave_out: Iterable[str] = (),
) -> list[Ran]:
    """Run the jobs of .gitlab-ci.yml by stage, up to a stage that fails."""
    document = parse(project / ".gitlab-ci.yml")
    given = {**document["variables"], **variables}
    if not gitlab_applies(document["workflow"]["rules"], given, project):
        return []
    artifacts = machine.home.parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    ran: list[Ran] = []
    for stage in document["stages"]:
        for name, job in document.items():
            if not isinstance(job, dict) or job.get("stage") != stage:
                continue
            if not gitlab_applies(job.get("rules"), given, project):
                ran.append(Ran(name, "", "skipped"))
            elif name in leave_out:
                ran.append(Ran(name, "", "left out"))
            else:
                ran += gitlab_job(machine, project, name, job, given)
        if any(step.result == "failure" for step in ran):
            break
    return ran


def expanded(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables with the values of those that they name."""
    return {
        key: re.sub(r"\$(\w+)", lambda match: variables.get(match[1], match[0]), value)
        for key, value in variables.items()
    }


def gitlab_job(
    machine: Machine,
    project: Project,
    name: str,
    job: dict[str, Any],
    variables: Mapping[str, str],
) -> list[Ran]:
    """Run one job line by line in a new clone, with what earlier stages have left."""
    workspace = clone(machine, project, name)
    artifacts = machine.home.parent / "artifacts"
    put(artifacts, workspace.path)
    env = {**variables, **job.get("variables", {})}
    env |= {"CI_PROJECT_DIR": str(workspace.path), "CI": "true"}
    for _ in range(2):  # a variable may name another one
        env = expanded(env)
    for cache in ("UV", "PIP", "POETRY", "PIPENV"):
        env[f"{cache}_CACHE_DIR"] = os.environ[f"{cache}_CACHE_DIR"]
    ran: list[Ran] = []
    for line in job["script"]:
        ran.append(Ran(name, line, *shell(workspace, line, env)))
        if ran[-1].result == "failure":
            return ran
    for path in job.get("artifacts", {}).get("paths", []):
        assert (workspace / path).exists(), path
        put(workspace / path, artifacts / path)
    description = job.get("release", {}).get("description", "CHANGELOG.md")
    assert (workspace / description).is_file()
    return ran
