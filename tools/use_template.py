"""Turn a repository that was made with "Use this template" into the project.

The workflow use-template.yml runs this. The answers are read from the file in which
GitHub describes the run, so that no shell interprets them. The project is pushed as one
commit, so a failure (status 1) changes nothing. The run's summary shows the result.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cookiecutter import environment  # type: ignore[import-untyped]
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]

from new import NAME, TEMPLATE, copy_template, questions
from post_gen_project import ORIGIN  # in hooks/, which new.py makes importable
from pre_gen_project import validate_answers
from repository import DeclinedError, GitError, Person, Repository, foreign_workflows

Answers = dict[str, Any]
Event = dict[str, Any]  # GitHub's description of a run

BRANCH = "use-template"  # for the project if the run's own branch is protected
# The token, and what the calling make sets.
HIDDEN_FROM_MAKE = ("GITHUB_TOKEN", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV")


class NoProject(Exception):
    """No project is made: the exit status, and the reason for the summary."""

    def __init__(self, status: int, title: str, *paragraphs: str) -> None:
        super().__init__(title)
        self.status, self.paragraphs = status, paragraphs


def check_repository(event: Event, repository: Repository, branch: str) -> str:
    """Return the first commit, which has the template's files, or raise NoProject."""
    about = event["repository"]
    first = repository.git("rev-list", "--first-parent", "HEAD").split()[-1]
    is_origin = about["fork"] or about.get("is_template") or about["name"] == NAME
    if is_origin or "tools/use_template.py" not in repository.files(first):
        title = "Nothing is done here: this is the template or a fork of it."
        raise NoProject(
            0,
            title,
            "Press *Use this template*, and run this workflow in the new repository.",
        )
    tip = repository.fetch(branch)
    if "cookiecutter.json" not in repository.files(tip):
        raise NoProject(0, "This repository is a project already.")
    if tip != repository.git("rev-parse", "HEAD"):
        raise NoProject(1, f"`{branch}` has changed during the run.", "Start it again.")
    if repository.tips(BRANCH):
        title = f"The project is on the branch `{BRANCH}` already."
        raise NoProject(0, title, pull_request(event, branch))
    return first


def answers_of(event: Event) -> Answers:
    """Return the answers of the form and of GitHub, or raise NoProject."""
    context = questions()
    login, number = event["sender"]["login"], event["sender"]["id"]
    answers: Answers = {
        "author_name": login,
        "author_email": f"{number}+{login}@users.noreply.github.com",
        "repository_url": event["repository"]["html_url"],
        "python_version": context["python_version"][0],
        "set_up": False,
    }
    for key, answer in event["inputs"].items():
        is_bool = isinstance(context.get(key), bool)
        answers[key] = answer == "true" if is_bool else answer
    answers["project_name"] = answers.get("project_name") or event["repository"]["name"]
    # Only the template's text is rendered, never an answer.
    jinja = environment.StrictEnvironment(context={"cookiecutter": context})
    for key in ("project_slug", "package_name"):
        default = jinja.from_string(context[key])
        answers[key] = default.render(cookiecutter={**context, **answers})
    private = {key: context[key] for key in context if key.startswith("_")}
    about = {**private, "_repo_dir": str(TEMPLATE)}
    if errors := validate_answers({**about, **answers}):
        title = "These answers can't make a project. Nothing is changed."
        text = "project_slug and package_name are derived from project_name."
        raise NoProject(1, title, code(str(error) for error in errors), text)
    return answers


def find_origin(repository: Repository, address: str, first: str) -> dict[str, str]:
    """Return the template's commit with the files of the first commit, if any."""
    try:
        repository.git("fetch", "--quiet", "--no-tags", "--", address, "HEAD")
    except GitError:  # no address, or no access
        return {}
    tree = repository.git("rev-parse", f"{first}^{{tree}}")
    history = repository.git("log", "--format=%T %H", "FETCH_HEAD")
    found = re.search(rf"^{tree} (\w+)$", history, re.MULTILINE)
    return {"template": address, "commit": found[1]} if found else {}


def render(answers: Answers, origin: dict[str, str], scratch: Path) -> Path:
    """Render the project and return its directory."""
    if origin:
        os.environ[ORIGIN] = json.dumps(origin)
    options = {"no_input": True, "default_config": True, "extra_context": answers}
    template, made = str(copy_template(scratch)), str(scratch / "projects")
    return Path(cookiecutter(template, output_dir=made, **options))


def lock(project: Path) -> bool:
    """Make the lock file and return whether that worked."""
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "bootstrap", "lock"]
    env = {key: os.environ[key] for key in os.environ if key not in HIDDEN_FROM_MAKE}
    return subprocess.run(make, cwd=project, env=env).returncode == 0


def project_tree(
    repository: Repository, project: Path, first: str
) -> tuple[str, list[str]]:
    """Return a tree of the project's and added files, and notes for the summary."""
    template, here = repository.files(first), repository.files("HEAD")
    made = repository.files(repository.tree(project))
    foreign = foreign_workflows(made, here)
    for path in foreign:  # the repository's own is kept
        Path(project, path).unlink()
    kept = {p: here[p] for p in here if p not in template or p in foreign}
    both = [p for p in kept if made.get(p, here[p]) != here[p] and p not in foreign]
    for path in both:
        Path(project, path).rename(Path(project, f"{path}.template"))
    edited = [p for p in here if p not in kept and here[p] != template[p]]
    notes = [f"`{p}` was left as it is: a run can't push workflows." for p in foreign]
    texts = (
        "Your files were kept; the project's versions end in .template:",
        "These files were replaced; your edits are in the history:",
    )
    for text, paths in zip(texts, (both, edited), strict=True):
        notes += [text, code(paths)] if paths else []
    return repository.tree(project, besides=kept), notes


def pull_request(event: Event, branch: str) -> str:
    """Return the link that opens a pull request from BRANCH."""
    compare = f"{event['repository']['html_url']}/compare/{quote(branch, safe='')}"
    return (
        f"[Open a pull request]({compare}...{BRANCH}?expand=1) that merges `{BRANCH}`."
    )


def code(lines: Iterable[str]) -> str:
    """Return a block of code in Markdown."""
    return "\n".join(f"    {line}" for line in lines)


def summarise(title: str, *paragraphs: str) -> None:
    """Write the run's summary, and the title to its log."""
    print(title)
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
        file.write("\n\n".join([f"### {title}", *paragraphs, ""]))


def make_project() -> None:
    """Make the project, push it, and write the summary."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    branch = event["ref"].removeprefix("refs/heads/")
    token, server = os.environ["GITHUB_TOKEN"], os.environ["GITHUB_SERVER_URL"]
    repository = Repository(TEMPLATE, token, server)
    first = check_repository(event, repository, branch)
    answers = answers_of(event)
    template = os.environ["TEMPLATE"]  # its address, or empty
    origin = find_origin(repository, template, first)
    with tempfile.TemporaryDirectory(prefix="project-") as scratch:
        project = render(answers, origin, Path(scratch))
        is_locked = lock(project)
        tree, notes = project_tree(repository, project, first)
    author = Person(answers["author_name"], answers["author_email"])
    message = f"Start {answers['project_slug']}"
    commit = repository.commit(tree, ["HEAD"], message, author)
    try:
        repository.push(commit, branch)
    except DeclinedError:
        notes.append(f"`{branch}` is protected. {pull_request(event, branch)}")
        branch = BRANCH
        repository.push(commit, branch)
    if not is_locked:
        notes.append("There is no lock file (see the log): `make lock` writes it.")
    if not origin:
        link = f"`uvx cruft link {template or 'ADDRESS'}`"
        notes.append(f"The project is not linked to its template: {link} links it.")
    made = f"Commit {commit[:7]} on `{branch}`, by {author.name}."
    summarise("The project is made.", made, *notes, "Next: `make bootstrap install`.")


def main() -> int:
    """Make the project and return the exit status."""
    try:
        make_project()
    except NoProject as end:
        summarise(str(end), *end.paragraphs)
        return end.status
    except GitError as error:
        summarise("Git failed. Nothing is changed.", code(str(error).splitlines()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
