"""What other people's reviews of a Python project find: repo-review and pyroma."""

from __future__ import annotations

from itertools import product

from pyroma import projectdata, ratings  # type: ignore[import-untyped]
from repo_review.processor import process

from support.project import Bake

# The checks that are ignored, by tool, with the reason.
IGNORED = {
    "repo-review": {
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
    },
    "pyroma": {
        "DevStatusClassifier": "only a project's owner knows how stable it is",
        "Keywords": "only a project's owner knows its keywords",
    },
}
STARTERS = ("notebook", "service")


def test_repo_review_finds_what_is_ignored_and_no_more(bake: Bake) -> None:
    """What is ignored fails for one of the projects at least."""
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
    assert failed.keys() == IGNORED["repo-review"].keys(), failed


def test_pyroma_finds_what_is_ignored_and_no_more(bake: Bake) -> None:
    """The build backend is that of these tests: none is downloaded."""
    url = "https://example.com/ada/my-analysis"
    for starter in STARTERS:
        project = bake(
            starter=starter, description="The mass of penguins", repository_url=url
        )
        metadata = projectdata.get_build_data(project.path, isolated=False)
        failed = {
            type(test).__name__: test.message()
            for test in ratings.ALL_TESTS
            if test.test(metadata) is False
        }
        assert failed.keys() == IGNORED["pyroma"].keys(), failed
