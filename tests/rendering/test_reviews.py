"""repo-review's checks of Scientific Python report only accepted findings."""

from __future__ import annotations

from itertools import product

from repo_review.processor import process

from support.project import Bake

# Accepted findings, with the reason.
IGNORED = {
    "PY004": "a project's documentation is its README and its notebooks",
    "PY007": "the task runner is make",
    "PP006": "with pip and pip-tools, the development tools are the extra `dev`",
    "GH100": "a project on GitLab has no GitHub workflows",
    "SEC001": "the template's tests run zizmor on the workflows",
    "MY101": "strict types are a project's own choice: pyproject.toml says how",
    "MY103": "as MY101",
    "MY104": "as MY101",
    "MY105": "as MY101",
    "MY106": "as MY101",
    "PC100": "hooks are local: they run the tools that the project has locked",
    "PC110": "as PC100: black is a local hook",
    "PC140": "as PC100: mypy is a local hook",
    "PC190": "as PC100: ruff is a local hook",
    "PC160": "a spell checker does not know the terms of a field",
    "PC170": "there is no reStructuredText",
    "PC180": "nothing depends on how Markdown is formatted",
    "PC901": "pre-commit.ci is not used: CI runs the hooks with `make check`",
    "PC902": "as PC901",
    "PC903": "as PC901",
}
STARTERS = ("notebook", "service")


def test_repo_review_reports_only_accepted_findings(bake: Bake) -> None:
    """Each accepted finding occurs in at least one project."""
    projects = [
        *(bake(starter=s, ci=ci) for s, ci in product(STARTERS, ("github", "gitlab"))),
        bake(environment_manager="pip"),
    ]
    failed = {
        result.name: result.err_msg
        for project in projects
        for result in process(project.path).results
        if result.result is False
    }
    assert failed.keys() == IGNORED.keys(), failed
