"""Answers are refused before a file is written, or round-trip into the project."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from email.utils import getaddresses
from importlib.metadata import PathDistribution
from typing import Any
from zipfile import Path as ZipPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pre_gen_project import report, validate_answers
from support import hostile_answers as hostile
from support.project import ROOT, Bake, Project, default_context, needs, run

CONTEXT = default_context()
QUESTIONS = [key for key in CONTEXT if not key.startswith("_")]
GOOD = {
    "project_name": "My Analysis",
    "project_slug": "my-analysis",
    "package_name": "my_analysis",
    "description": "What the data say.",
    "author_name": "Ada Lovelace",
    "author_email": "ada@example.com",
    "repository_url": "https://example.com/ada/my-analysis",
    "package_index_url": "https://packages.example.com/simple/",
}
BUILD_WHEELS = """
import os, sys
import hatchling.build
for directory in sys.argv[1:]:
    os.chdir(directory)
    hatchling.build.build_wheel("dist")
"""

# An argument on the command line can also hold surrogates.
any_text = st.text(max_size=80) | st.text(st.characters(), max_size=20)
name_like = st.text(string.ascii_letters + string.digits + "-_./ ", max_size=80)

Refused = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def refused() -> Refused:
    """Validate answers, and return good ones for those that are refused."""
    private = {key: value for key, value in CONTEXT.items() if key.startswith("_")}

    def validate(**answers: object) -> dict[str, str]:
        context = {**private, **GOOD, "_repo_dir": str(ROOT), **answers}
        errors = validate_answers(context)
        assert all("\n" not in str(error) for error in errors)
        return {error.key: GOOD.get(error.key, "") for error in errors}

    return validate


def cases(corpora: dict[str, dict[str, str]]) -> pytest.MarkDecorator:
    """Parametrize a test by question and text."""
    return pytest.mark.parametrize(
        ("key", "text"),
        [
            pytest.param(key, text, id=f"{key}-{name}")
            for key, corpus in corpora.items()
            for name, text in corpus.items()
        ],
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:s3cret@example.com/x",
        "https://ada:s3cret/s3cret@example.com/x",
        f"https://ada:{'s3cret' * 20}@example.com/x",
        "ada:s3cret@example.com/x",
    ],
)
@pytest.mark.parametrize("key", ["repository_url", "project_name", "package_name"])
def test_a_password_in_an_address_is_not_repeated(key: str, url: str) -> None:
    private = {name: value for name, value in CONTEXT.items() if name[0] == "_"}
    (error,) = validate_answers({**private, key: url})
    output = report("cookiecutter template", {key: url}, [error])
    assert key in output
    assert "s3cret" not in output


def numbered(texts: tuple[str, ...]) -> dict[str, str]:
    """Return texts under numbers, as most addresses are their own best names."""
    return {str(number): text for number, text in enumerate(texts)}


@cases(
    {
        "project_name": {**hostile.REFUSED_TEXTS, **hostile.REFUSED_TITLES},
        "description": {**hostile.REFUSED_TEXTS, "empty": ""},
        "author_name": {**hostile.REFUSED_TEXTS, **hostile.DESCRIPTIONS},
        "project_slug": hostile.REFUSED_SLUGS,
        "package_name": hostile.REFUSED_PACKAGES,
        "author_email": numbered(hostile.REFUSED_EMAILS),
        "repository_url": numbered(hostile.REFUSED_URLS),
        "package_index_url": numbered(hostile.REFUSED_URLS[:3]),
    }
)
def test_a_hostile_answer_is_refused(refused: Refused, key: str, text: str) -> None:
    assert [*refused(**{key: text})] == [key]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("project_slug", slug) for slug in ("a", "7", "2026-report", "a" * 64)),
        *(("package_name", name) for name in ("a", "main", "data", "a__b_", "match")),
    ],
)
def test_a_good_name_is_accepted(refused: Refused, key: str, text: str) -> None:
    assert refused(**{key: text}) == {}


@pytest.mark.parametrize(
    "choice", [key for key in QUESTIONS if isinstance(CONTEXT[key], list | bool)]
)
def test_a_choice_that_is_not_offered_is_refused(refused: Refused, choice: str) -> None:
    for answer in ("", "other", "3.1", None, ["MIT"]):
        assert [*refused(**{choice: answer})] == [choice]


@pytest.mark.parametrize("title", ["It's 2026", "2026: Größe & Maß", "数据"])
def test_the_names_that_follow_from_a_title_are_accepted(
    refused: Refused, bake: Bake, title: str
) -> None:
    project = bake(project_name=title)
    (package,) = (path.name for path in (project / "src").iterdir())
    assert refused(project_slug=project.path.name, package_name=package) == {}


def test_names_of_direct_dependencies_are_refused(
    refused: Refused, largest: Project
) -> None:
    wanted = [re.match(r"[\w.-]+", each) for each in needs(largest)]
    names = {canonicalize_name(match[0]) for match in wanted if match}
    assert {"pandas", "fastapi", "pytest"} <= names
    assert [name for name in names if not refused(project_slug=name)] == []
    modules = [name.replace("-", "_") for name in names]
    assert [name for name in modules if not refused(package_name=name)] == []


# Round trips


def assert_round_trip(project: Project, answers: dict[str, Any]) -> None:
    """Check that a project's files hold the answers."""
    manifest = project.manifest["project"]
    (author,) = manifest["authors"]
    name, text = answers["author_name"], answers["description"]
    assert manifest["name"] == project.path.name == answers["project_slug"]
    assert [path.name for path in (project / "src").iterdir()] == [
        answers["package_name"]
    ]
    assert manifest["description"] == text
    assert author == {"name": name, "email": answers["author_email"]}
    url = answers["repository_url"]
    assert manifest.get("urls", {}) == ({"Repository": url} if url else {})
    readme = project.text("README.md")
    assert readme.startswith(f"# {answers['project_name']}\n")
    assert f"\n{text}\n" in readme
    assert f"{name} <{answers['author_email']}>" in readme


def hostile_answers() -> dict[str, dict[str, str]]:
    """Return complete answers, in which every hostile text occurs once.

    Half of the texts are descriptions, the other half names of authors.
    """
    names = [*hostile.TEXTS.items()]
    texts = [*hostile.DESCRIPTIONS.items(), *names[: len(names) // 2]]
    found = {}
    for number, (description, text) in enumerate(texts):
        author, name = names[-1 - number]

        def nth(options: Sequence[str], number: int = number) -> str:
            return options[number % len(options)]

        found[f"{description}, {author}"] = {
            **GOOD,
            "description": text,
            "author_name": name,
            "author_email": nth(hostile.EMAILS),
            "repository_url": nth(hostile.URLS),
            "license": nth(CONTEXT["license"]),
            "python_version": min(CONTEXT["python_version"]),
        }
    return found


HOSTILE = hostile_answers()


@pytest.fixture(scope="module")
def projects(render_files: Bake) -> dict[str, Project]:
    """One project for each set of hostile answers."""
    return {name: render_files(**answers) for name, answers in HOSTILE.items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_round_trip_into_the_files(
    refused: Refused, projects: dict[str, Project], name: str
) -> None:
    assert refused(**HOSTILE[name]) == {}
    assert_round_trip(projects[name], HOSTILE[name])


def test_hostile_answers_round_trip_into_the_metadata(
    projects: dict[str, Project],
) -> None:
    directories = [project.path for project in projects.values()]
    hatchling = ("uv", "run", "--quiet", "--no-project", "--with=hatchling", "python")
    run(*hatchling, "-c", BUILD_WHEELS, *directories)
    for name, answers in HOSTILE.items():
        (wheel,) = (projects[name] / "dist").glob("*.whl")
        (info,) = (p for p in ZipPath(wheel).iterdir() if p.name.endswith(".dist-info"))
        metadata = PathDistribution(info).metadata
        assert metadata["Summary"] == answers["description"]
        author = (answers["author_name"], answers["author_email"])
        assert getaddresses([str(metadata["Author-email"])]) == [author]
        url = answers["repository_url"]
        urls = [f"Repository, {url}"] if url else None
        assert metadata.get_all("Project-URL") == urls
        chosen = answers["license"]
        spdx = "LicenseRef-Proprietary" if chosen == "Proprietary" else chosen
        assert metadata["License-Expression"] == spdx
        assert metadata.get_all("License-File") == ["LICENSE"]


def test_free_text_is_in_no_file_that_is_run(bake: Bake) -> None:
    texts = {"description": "Zyx.", "author_name": "Zyx", "author_email": "z@yx.zyx"}
    project = bake(license="MIT", **texts)
    holding = [name for name in project.files if "zyx" in project.text(name).lower()]
    assert holding == ["LICENSE", "README.md", "pyproject.toml"]


@settings(
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    title=any_text,
    slug=any_text | name_like,
    package=any_text | name_like,
    text=any_text,
    name=any_text,
    email=any_text | st.emails(),
    url=any_text,
)
def test_any_answer_is_refused_or_round_trips(
    refused: Refused,
    render_files: Bake,
    title: str,
    slug: str,
    package: str,
    text: str,
    name: str,
    email: str,
    url: str,
) -> None:
    """A refused answer is replaced by a good one."""
    answers = {
        "project_name": title,
        "project_slug": slug,
        "package_name": package,
        "description": text,
        "author_name": name,
        "author_email": email,
        "repository_url": url,
    }
    answers |= refused(**answers)
    assert refused(**answers) == {}
    assert_round_trip(render_files(**answers), answers)
