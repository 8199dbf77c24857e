"""Linters, schemas and parsers accept the files of every pair of options."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from allpairspy import AllPairs  # type: ignore[import-untyped]
from validate_pyproject.api import Validator

from support import hostile_answers as hostile
from support.project import (
    Bake,
    Project,
    complete,
    default_context,
    follow_schema,
    programs_of,
    run,
)

CONTEXT = default_context()
OLDEST = min(CONTEXT["python_version"])  # accepted by every Python that can run this
URL = "https://example.com/ada/my-analysis"
INDEX_URL = "https://packages.example.com/team/simple/"
LONGEST = "x" * 64
# Names of different lengths: formatters join and break lines by length.
NAMES: dict[str, dict[str, str]] = {
    "": {},
    "shortest": {"project_name": "X", "project_slug": "x", "package_name": "x"},
    "longest": {
        "project_name": LONGEST,
        "project_slug": LONGEST,
        "package_name": LONGEST,
    },
    "main": {"package_name": "main"},  # as code names its functions
}
MAY_BE_EMPTY = ("__init__.py", "py.typed", ".gitkeep")
YAML_RULES = (
    "{extends: default, rules: {line-length: disable, document-start: disable,"
    " truthy: {check-keys: false}}}"
)
SCHEMAS = [
    ("github", ".github/workflows/*.yml", "github-workflows"),
    ("github", ".github/dependabot.yml", "dependabot"),
    ("gitlab", ".gitlab-ci.yml", "gitlab-ci"),
    ("gitlab", "renovate.json", "renovate"),
]


def covering() -> list[dict[str, Any]]:
    """Return sets of options in which every pair of options occurs.

    `set_up` is left out, as it changes no file.
    """
    options = {
        key: [value, not value] if isinstance(value, bool) else value
        for key, value in CONTEXT.items()
        if isinstance(value, bool | list) and key[0] != "_" and key != "set_up"
    }
    options |= {"repository_url": ["", URL], "package_index_url": ["", INDEX_URL]}
    options["names"] = [*NAMES]
    pairs = AllPairs(list(options.values()))
    return [dict(zip(options, row, strict=True)) for row in pairs]


def answers_of(number: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return answers with these options and with hostile texts, by number."""

    def nth(texts: Sequence[str]) -> str:
        return texts[number % len(texts)]

    return {
        "description": nth([*hostile.DESCRIPTIONS.values(), *hostile.TEXTS.values()]),
        "author_name": nth([*hostile.TEXTS.values()]),
        "author_email": nth(hostile.EMAILS),
        **{key: value for key, value in options.items() if key != "names"},
        **NAMES[options["names"]],
    }


COVERING = [answers_of(number, options) for number, options in enumerate(covering())]


@pytest.fixture(scope="module")
def projects(bake: Bake) -> list[Project]:
    """One read-only project for each set of answers."""
    return [bake(**answers) for answers in COVERING]


Distinct = dict[str, list[Path]]


@pytest.fixture(scope="module")
def distinct(projects: list[Project]) -> Distinct:
    """The different texts of all projects, by their file names."""
    files: dict[str, dict[bytes, Path]] = {}
    for project in projects:
        for name in project.files:
            same = files.setdefault(name, {})
            same.setdefault((project / name).read_bytes(), project / name)
    return {name: list(same.values()) for name, same in files.items()}


def matching(distinct: Distinct, *patterns: str) -> list[Path]:
    """Return the files whose names match; fail if there are none."""
    names = {each for pattern in patterns for each in fnmatch.filter(distinct, pattern)}
    assert names, patterns
    return [path for name in sorted(names) for path in distinct[name]]


def contents(distinct: Distinct, *patterns: str) -> dict[Path, str]:
    """Return the texts of the files whose names match, line ends unchanged."""
    return {path: path.read_bytes().decode() for path in matching(distinct, *patterns)}


# Parsers


def test_manifests_are_valid(distinct: Distinct) -> None:
    validate = Validator()
    for text in contents(distinct, "pyproject.toml").values():
        assert validate(tomllib.loads(text)) is not None


def test_toml_and_json_parse(distinct: Distinct) -> None:
    for text in contents(distinct, "*.toml", "Pipfile").values():
        tomllib.loads(text)
    for text in contents(distinct, "*.json").values():
        json.loads(text)


def test_notebooks_are_valid_and_hold_no_outputs(distinct: Distinct) -> None:
    for text in contents(distinct, "*.ipynb").values():
        notebook = nbformat.from_dict(json.loads(text))  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert cell.source or cell == notebook.cells[-1]
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


def test_no_template_mark_is_left(distinct: Distinct) -> None:
    for path, text in contents(distinct, "*").items():
        assert not re.search(r"(?<!\$)\{\{|\{%|\{#", text), path
        assert "cookiecutter" not in text, path
    for name in distinct:
        assert not re.search(r"[{}%]|cookiecutter", name), name


def test_the_text_of_every_file_is_tidy(distinct: Distinct) -> None:
    for path, text in contents(distinct, "*").items():
        if path.name in MAY_BE_EMPTY and not text:
            continue
        assert re.search(r"\S\n\Z", text), path
        assert not re.search(r"\r|[ \t]\n", text), path
        if path.name != "LICENSE":
            # Black checks the blank lines of Python.
            blank = r"\A\n" if path.suffix == ".py" else r"\A\n|\n\n\n"
            assert not re.search(blank, text), path


def test_lines_have_at_most_100_columns(projects: list[Project]) -> None:
    """With usual names; tables and addresses can't be broken."""
    for project, answers in zip(projects, COVERING, strict=True):
        if answers.get("project_slug") == LONGEST:
            continue
        email = answers["author_email"]
        free = (answers["description"], email, "description = ", "https://", "| ")
        for name in {*project.files} - {"LICENSE", "renovate.json"}:
            if not name.endswith((".csv", ".ipynb")):
                for line in project.text(name).splitlines():
                    assert len(line) <= 100 or any(f in line for f in free), name


# Linters


def test_python_is_formatted(distinct: Distinct) -> None:
    options = ("--quiet", "--check", "--diff", "--no-cache", "--workers=1")
    files = matching(distinct, "*.py", "*.ipynb")
    run(sys.executable, "-m", "black", *options, *files)


def test_ruff_finds_nothing(distinct: Distinct, template: Path) -> None:
    files = matching(distinct, "*.py", "*.ipynb")
    hooks = [*(template / "hooks").glob("*.py")]
    options = ("--no-cache", "--output-format=concise")
    ruff = (sys.executable, "-m", "ruff", "check", *options)
    run(*ruff, *files, *hooks)
    # The encoding is UTF-8 on every machine.
    encoding = ("--isolated", "--preview", "--select=PLW1514")
    run(*ruff, *encoding, *matching(distinct, "src/*.py", "make/*.py"), *hooks)


@pytest.mark.slow
@pytest.mark.parametrize("names", ["", "main"])
def test_mypy_finds_nothing(bake: Bake, stack: Path, names: str) -> None:
    """One environment has the dependencies of all starters."""
    mypy = (programs_of(stack) / "python", "-m", "mypy", "--python-version", OLDEST)
    for starter in CONTEXT["starter"]:
        run(*mypy, cwd=bake(starter=starter, **NAMES[names]).path)


def test_yamllint_finds_nothing(distinct: Distinct) -> None:
    files = matching(distinct, "*.yaml", "*.yml")
    run(sys.executable, "-m", "yamllint", "--strict", "-d", YAML_RULES, *files)


def test_shellcheck_finds_nothing(distinct: Distinct) -> None:
    files = matching(distinct, "make/*")
    scripts = [path for path in files if path.read_bytes().startswith(b"#!/bin/sh")]
    assert scripts
    run("shellcheck", *scripts)


def test_hadolint_finds_nothing(distinct: Distinct) -> None:
    run("hadolint", "--no-color", *matching(distinct, "Dockerfile"))


def test_zizmor_finds_nothing(distinct: Distinct) -> None:
    complete({"ci": "github"})  # or skip if a fork does not offer it
    files = matching(distinct, ".github/workflows/*", ".github/dependabot.yml")
    tops = {path.parents[path.parts[::-1].index(".github") - 1] for path in files}
    assert "No findings to report" in run("zizmor", "--offline", *sorted(tops)).stdout


@pytest.mark.parametrize(("ci", "pattern", "schema"), SCHEMAS)
def test_configurations_of_ci_follow_their_schemas(
    distinct: Distinct, ci: str, pattern: str, schema: str
) -> None:
    complete({"ci": ci})  # or skip if a fork does not offer it
    options = ("--data-transform", "gitlab-ci") if schema == "gitlab-ci" else ()
    follow_schema(schema, *options, *matching(distinct, pattern))


def test_compose_files_follow_their_schema(distinct: Distinct, tmp_path: Path) -> None:
    """Write JSON, because check-jsonschema reads no merge keys."""
    for number, path in enumerate(matching(distinct, "compose.yaml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    follow_schema("compose-spec", *tmp_path.iterdir())


# The Makefile and the README


def targets(project: Project) -> set[str]:
    makefiles = [n for n in project.files if n.endswith(("Makefile", ".mk"))]
    text = "".join(map(project.text, makefiles))
    return set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))


def test_make_help_lists_the_targets_and_each_has_a_recipe(
    projects: list[Project], tmp_path: Path
) -> None:
    make = ("make", f"PYTHON={sys.executable}")  # searching for one takes time
    managers = [answers["environment_manager"] for answers in COVERING]
    for manager, project in dict(zip(managers, projects, strict=True)).items():
        copied = tmp_path / manager
        shutil.copytree(project.path, copied)
        shown = run(*make, "help", cwd=copied).stdout
        listed = {line.split()[0] for line in shown.splitlines()}
        assert listed == targets(project)
        assert {"install", "lock", "test", "check", "lab", "clean"} <= listed
        run(*make, "--dry-run", *listed, cwd=copied)


def files_in(readme: str) -> list[str]:
    """Return the paths in the first column of the README's table of files."""
    (table,) = re.findall(r"\| path \| contents \|\n((?:\|.*\n)+)", readme)
    rows = [line.split(" | ")[0] for line in table.splitlines()]
    return re.findall(r"`([^`]+)`", "".join(rows))


def test_the_readme_names_files_and_targets_that_exist(projects: list[Project]) -> None:
    outputs = r"\.venv|\.env$|(data/(processed|inbox|outbox)|reports/figures|models)/?"
    made_later = re.compile(rf"{outputs}|.*\.lock$|pylock.*|requirements.*\.txt$")
    for project, answers in zip(projects, COVERING, strict=True):
        readme = project.text("README.md")
        readme = readme.replace(f"\n{answers['description']}\n", "")
        readme = readme.replace(f"{answers['author_name']} <", "")
        named = re.findall(r"`([\w.-]+/[\w./-]+)`", readme)
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", readme)
        local = [link for link in links if not link.startswith("https://")]
        assert {"Makefile", "tests"} <= {*files_in(readme)}
        assert local
        for path in [*files_in(readme), *named, *local]:
            exists = (project / path).exists()
            assert exists or made_later.match(path), (project.path, path)
        commands = re.findall(r"^make ([a-z][a-z -]*)", readme, re.MULTILINE)
        words = {word for command in commands for word in command.split()}
        assert "test" in words
        assert words <= targets(project), project.path


# The answers


def test_the_answers_are_where_they_belong(projects: list[Project]) -> None:
    for project, answers in zip(projects, COVERING, strict=True):
        slug = answers.get("project_slug", "my-analysis")
        (package,) = (path.name for path in (project / "src").iterdir())
        python = answers["python_version"]
        manifest = project.manifest["project"]
        assert manifest["requires-python"] == f">={python}"
        scripts = {slug: f"{package}.cli:main"}
        has_scripts = answers["starter"] != "notebook"
        assert manifest.get("scripts") == (scripts if has_scripts else None)
        assert project.text(".python-version") == f"{python}\n"
        for path in project.path.glob("notebooks/*.ipynb"):
            kernel = json.loads(path.read_text("utf-8"))["metadata"]["kernelspec"]
            assert kernel["name"] == slug
        text = "".join(project.text(name) for name in project.files)
        assert (URL in text) == bool(answers["repository_url"])
        host = INDEX_URL.partition("://")[2]
        assert (host in text) == bool(answers["package_index_url"])


def test_the_license_is_the_chosen_one(projects: list[Project]) -> None:
    titles = {
        "MIT": "MIT License",
        "BSD-3-Clause": "Neither the name of the copyright holder",
        "Apache-2.0": "Apache License",
        "GPL-3.0-or-later": "GNU GENERAL PUBLIC LICENSE",
        "Proprietary": "All rights reserved.\n",
    }
    for project, answers in zip(projects, COVERING, strict=True):
        chosen, text = answers["license"], project.text("LICENSE")
        assert titles.get(chosen, "") in text  # "" in a fork
        if chosen in ("MIT", "BSD-3-Clause", "Proprietary"):
            assert f"Copyright (c) {answers['author_name']}\n" in text
