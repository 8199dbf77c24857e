"""Answers are refused before a file is written, or stored unchanged."""

from __future__ import annotations

import re
import string
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
PRIVATE = {key: value for key, value in CONTEXT.items() if key.startswith("_")}
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

# Command-line arguments can also contain surrogates.
any_text = st.text(max_size=80) | st.text(st.characters(), max_size=20)
name_like = st.text(string.ascii_letters + string.digits + "-_./ ", max_size=80)


def refused(**answers: object) -> dict[str, str]:
    """Validate answers, and return valid ones for those that are refused."""
    context = {**PRIVATE, **GOOD, "_repo_dir": str(ROOT), **answers}
    errors = validate_answers(context)
    assert all("\n" not in str(error) for error in errors)
    return {error.key: GOOD.get(error.key, "") for error in errors}


@pytest.mark.parametrize("key", ["repository_url", "project_name", "package_name"])
def test_a_password_in_an_address_is_not_repeated(key: str) -> None:
    for url in (
        "https://ada:s3cret@example.com/x",
        "https://ada:s3cret/s3cret@example.com/x",
        f"https://ada:{'s3cret' * 20}@example.com/x",
        "ada:s3cret@example.com/x",
    ):
        (error,) = validate_answers({**PRIVATE, key: url})
        output = report("cookiecutter template", {key: url}, [error])
        assert key in output
        assert "s3cret" not in output


REFUSED: dict[str, tuple[str, ...]] = {
    "project_name": hostile.REFUSED_TEXTS + hostile.REFUSED_TITLES,
    "description": (*hostile.REFUSED_TEXTS, ""),
    "author_name": (*hostile.REFUSED_TEXTS, *hostile.DESCRIPTIONS.values()),
    "project_slug": hostile.REFUSED_SLUGS,
    "package_name": hostile.REFUSED_PACKAGES,
    "author_email": hostile.REFUSED_EMAILS,
    "repository_url": hostile.REFUSED_URLS,
    "package_index_url": hostile.REFUSED_URLS[:3],
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_hostile_answer_is_refused(key: str) -> None:
    assert [text for text in REFUSED[key] if [*refused(**{key: text})] != [key]] == []


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("project_slug", slug) for slug in ("a", "7", "2026-report", "a" * 64)),
        *(("package_name", name) for name in ("a", "main", "data", "a__b_", "match")),
    ],
)
def test_a_good_name_is_accepted(key: str, text: str) -> None:
    assert refused(**{key: text}) == {}


@pytest.mark.parametrize(
    "choice",
    [k for k, v in CONTEXT.items() if isinstance(v, list | bool) and k[0] != "_"],
)
def test_a_choice_that_is_not_offered_is_refused(choice: str) -> None:
    for answer in ("", "other", "3.1", None, ["MIT"]):
        assert [*refused(**{choice: answer})] == [choice]


@pytest.mark.parametrize("title", ["It's 2026", "2026: Größe & Maß", "数据"])
def test_the_names_that_follow_from_a_title_are_accepted(
    bake: Bake, title: str
) -> None:
    project = bake(project_name=title)
    (package,) = (path.name for path in (project / "src").iterdir())
    assert refused(project_slug=project.path.name, package_name=package) == {}


def test_names_of_direct_dependencies_are_refused(largest: Project) -> None:
    wanted = [re.match(r"[\w.-]+", each) for each in needs(largest)]
    names = {canonicalize_name(match[0]) for match in wanted if match}
    assert {"pandas", "fastapi", "pytest"} <= names
    assert [name for name in names if not refused(project_slug=name)] == []
    modules = [name.replace("-", "_") for name in names]
    assert [name for name in modules if not refused(package_name=name)] == []


# Round trips


def assert_round_trip(project: Project, answers: dict[str, Any]) -> None:
    manifest = project.manifest["project"]
    (author,) = manifest["authors"]
    name, text = answers["author_name"], answers["description"]
    assert manifest["name"] == project.path.name == answers["project_slug"]
    (package,) = (path.name for path in (project / "src").iterdir())
    assert package == answers["package_name"]
    assert manifest["description"] == text
    assert author == {"name": name, "email": answers["author_email"]}
    url = answers["repository_url"]
    assert manifest.get("urls", {}) == ({"Repository": url} if url else {})
    readme = project.text("README.md")
    assert readme.startswith(f"# {answers['project_name']}\n")
    assert f"\n{text}\n" in readme
    assert f"{name} <{answers['author_email']}>" in readme


def hostile_answers() -> list[dict[str, str]]:
    """Return sets of answers in which every hostile text occurs once.

    Half of the texts are descriptions, the other half names of authors.
    """
    texts = [*hostile.TEXTS.values()]
    half = len(texts) // 2
    descriptions = [*hostile.DESCRIPTIONS.values(), *texts[:half]]
    options = {
        "author_name": texts[::-1],
        "author_email": hostile.EMAILS,
        "repository_url": hostile.URLS,
        "license": CONTEXT["license"],
    }
    return [
        {
            **GOOD,
            "description": description,
            **{key: each[number % len(each)] for key, each in options.items()},
            "python_version": min(CONTEXT["python_version"]),
        }
        for number, description in enumerate(descriptions)
    ]


@pytest.fixture(scope="module")
def made(bake: Bake) -> list[tuple[dict[str, str], Project]]:
    """The sets of hostile answers, each with its rendered project."""
    return [(answers, bake(**answers)) for answers in hostile_answers()]


Made = list[tuple[dict[str, str], Project]]


def test_hostile_answers_round_trip_into_the_files(made: Made) -> None:
    for answers, project in made:
        assert refused(**answers) == {}
        assert_round_trip(project, answers)


def test_hostile_answers_round_trip_into_the_metadata(made: Made) -> None:
    hatchling = ("uv", "run", "--quiet", "--no-project", "--with=hatchling", "python")
    run(*hatchling, "-c", BUILD_WHEELS, *(project.path for _, project in made))
    for answers, project in made:
        (wheel,) = (project / "dist").glob("*.whl")
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
    answers=st.fixed_dictionaries(
        {
            "project_name": any_text,
            "project_slug": any_text | name_like,
            "package_name": any_text | name_like,
            "description": any_text,
            "author_name": any_text,
            "author_email": any_text | st.emails(),
            "repository_url": any_text,
        }
    )
)
def test_any_answer_is_refused_or_round_trips(
    bake: Bake, answers: dict[str, str]
) -> None:
    """Accept the answers, or replace the refused ones."""
    answers |= refused(**answers)
    assert refused(**answers) == {}
    assert_round_trip(bake(**answers), answers)
