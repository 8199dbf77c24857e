"""Keep an example of each starter on a branch `examples/…`, for people to read.

The workflow examples.yml runs this after each change of the template. A branch gets a
commit when the files have changed, and is never forced; `--dry-run` pushes nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from new import questions
from repository import (
    BOT,
    BOT_ADDRESS,
    WORKFLOWS,
    DeclinedError,
    GitError,
    Person,
    Repository,
    foreign_workflows,
    last_lines,
)
from use_template import Answers, Ending, render


def answers_for(starter: str) -> Answers:
    """Return the answers of a starter's example: the defaults, whatever the machine."""
    context = questions()
    return {
        "project_name": f"Example {starter}",
        "project_slug": f"example-{starter}",
        "package_name": f"example_{starter}",
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.com",
        "python_version": context["python_version"][0],
        "environment_manager": context["environment_manager"][0],
        "starter": starter,
        "set_up": False,
    }


def renew(repository: Repository, starter: str, *, dry_run: bool = False) -> str:
    """Bring the branch of a starter up to date and return what was done.

    Raises:
        Ending: if the example can't be rendered.
        GitError: if the branch can't be read or pushed.
    """
    branch = f"examples/{starter}"
    parents: list[str] = []
    shown = ""
    if branch in repository.tips(branch):
        parents.append(repository.fetch(branch))
        shown = repository.git("rev-parse", "FETCH_HEAD^{tree}")
    for tree in trees(repository, starter):
        if tree == shown:
            return f"{branch} is up to date"
        source = repository.git("rev-parse", "--short", "HEAD")
        message = f"Render the starter {starter} of the template's commit {source}"
        commit = repository.commit(tree, parents, message, Person(BOT, BOT_ADDRESS))
        if dry_run:
            return f"{branch} would get {commit[:7]}"
        with contextlib.suppress(DeclinedError):
            repository.push(commit, branch)
            return f"{branch} has {commit[:7]}"
    raise DeclinedError(f"the repository does not take a push to {branch}")


def trees(repository: Repository, starter: str) -> Iterator[str]:
    """Yield git's names for the files of an example, the fuller first.

    A token may push a workflow file that stands on another branch with the same path
    and content. Where a repository does not even take that, the example does without.
    """
    with tempfile.TemporaryDirectory(prefix="example-") as directory:
        project = render(answers_for(starter), {}, Path(directory))
        plain = repository.files(repository.tree(project))
        foreign = foreign_workflows(plain, repository.files("HEAD"))
        workflows = [path for path in plain if path.startswith(WORKFLOWS)]
        for without in [foreign, workflows] if foreign != workflows else [foreign]:
            yield repository.tree(project, without=without)


def main(arguments: list[str]) -> int:
    """Bring every branch up to date and return the exit status."""
    top = Path(__file__).resolve().parent.parent
    token = os.environ.get("GITHUB_TOKEN", "")
    repository = Repository(top, token, os.environ.get("GITHUB_SERVER_URL", ""))
    status = 0
    for starter in questions()["starter"]:
        try:
            print(renew(repository, starter, dry_run="--dry-run" in arguments))
        except (Ending, GitError) as problem:
            quoted = problem.quoted if isinstance(problem, Ending) else []
            said = "\n".join([*last_lines(str(problem)), *quoted])
            print(f"examples/{starter} is as it was: {said}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
