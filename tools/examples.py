"""Push examples to branches `examples/…`: each starter, and all add-ons.

The workflow examples.yml runs this after each change of the template. A branch gets a
commit if its files have changed; nothing is force-pushed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from new import TEMPLATE, questions
from repository import BOT, GitError, Repository, foreign_workflows
from use_template import Answers, render


def names() -> list[str]:
    """Return the names of the examples: the starters and `addons`."""
    return [*questions()["starter"], "addons"]


def answers_for(name: str) -> Answers:
    """Return the answers of an example, which are the same on every machine."""
    context = questions()
    largest = context["starter"][-1]
    return {
        "project_name": f"Example {name}",
        "project_slug": f"example-{name}",
        "package_name": f"example_{name}",
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.com",
        "python_version": context["python_version"][0],
        "environment_manager": context["environment_manager"][0],
        "starter": largest if name == "addons" else name,
        "addons": ",".join(context["_addons"]) if name == "addons" else "",
        "set_up": False,
    }


def update(repository: Repository, name: str) -> str:
    """Update the branch of an example and return what was done.

    Raises:
        GitError: if the branch can't be read or pushed.
    """
    branch = f"examples/{name}"
    parents = [repository.fetch(branch)] if repository.tips(branch) else []
    with tempfile.TemporaryDirectory(prefix="example-") as directory:
        project = render(answers_for(name), {}, Path(directory))
        files = repository.files(repository.tree(project))
        foreign = foreign_workflows(files, repository.files("HEAD"))
        tree = repository.tree(project, without=foreign)
    if parents and tree == repository.git("rev-parse", "FETCH_HEAD^{tree}"):
        return f"{branch} is up to date"
    source = repository.git("rev-parse", "--short", "HEAD")
    message = f"Render the example {name} of the template's commit {source}"
    commit = repository.commit(tree, parents, message, BOT)
    repository.push(commit, branch)
    return f"{branch} has {commit[:7]}"


def main() -> int:
    """Update every branch and return the exit status."""
    token = os.environ.get("GITHUB_TOKEN", "")
    repository = Repository(TEMPLATE, token, os.environ.get("GITHUB_SERVER_URL", ""))
    status = 0
    for name in names():
        try:
            print(update(repository, name))
        except GitError as error:
            print(f"examples/{name} was not updated: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
