"""Every rendering is a clean project: all pairs of options, checked by real parsers."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import hostile
import nbformat
import pytest
import yaml
from allpairspy import AllPairs  # type: ignore[import-untyped]
from conftest import (
    Bake,
    Machine,
    Project,
    default_context,
    follow_schema,
    programs_of,
    run,
)
from cookiecutter.environment import (  # type: ignore[import-untyped]
    StrictEnvironment,
)
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from new import copy_template
from pytest_cookies.plugin import Result  # type: ignore[import-untyped]
from validate_pyproject.api import Validator
from workflows import parse

CONTEXT = default_context()
TREE = "{{cookiecutter.__project_dir}}"
slow = pytest.mark.slow
URL = "https://example.com/ada/my-analysis"
OLDEST = min(CONTEXT["python_version"])  # what every Python that runs this has
INDEX_URL = "https://packages.example.com/team/simple/"
LONGEST = "x" * 64
LICENSES = {  # checksums, without the line that names the holder
    "MIT": "c9b7c49cdeb4ccab2f2cb69e67f3405518e4bcf611bd3b01de101b070659d11d",
    "BSD-3-Clause": "26d896dd6a844a9b9b9a30bb39ac6021fd1ff7f81b93a8b556d002b4f48262cf",
    "Apache-2.0": "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
    "GPL-3.0-or-later": "3972dc9744f6499f0f9b2dbf76696f2a"
    "e7ad8af9b23dde66d6af86c9dfb36986",
}
each_manager = pytest.mark.parametrize(
    "manager",
    [
        pytest.param(name, marks=() if name == "uv" else slow)
        for name in CONTEXT["environment_manager"]
    ],
)
MAY_BE_EMPTY = ("__init__.py", "py.typed", ".gitkeep")

# What no answer may change: a file's own syntax has a look at names of every length.
NAMES = {
    "": {},
    "shortest names": {"project_name": "X", "project_slug": "x", "package_name": "x"},
    "longest names": {
        "project_name": LONGEST,
        "project_slug": LONGEST,
        "package_name": LONGEST,
    },
    "names of the code's own": {"package_name": "main"},
}


def options() -> dict[str, list[Any]]:
    """Return what can be chosen: every choice and every yes/no of the template.

    Setting up is left out, because it changes no file that is rendered.
    """
    found: dict[str, list[Any]] = {}
    for key, value in CONTEXT.items():
        if isinstance(value, bool) and key != "set_up":
            found[key] = [value, not value]
        elif isinstance(value, list) and not key.startswith("_"):
            found[key] = value
    found["repository_url"] = ["", URL]
    found["package_index_url"] = ["", INDEX_URL]
    return {**found, "names": list(NAMES)}


def covering() -> list[dict[str, Any]]:
    """Return sets of answers in which every pair of options occurs."""
    choices = options()
    rows = AllPairs(list(choices.values()))
    return [dict(zip(choices, row, strict=True)) for row in rows]


Together = frozenset[tuple[str, Any]]  # options, each as question and answer


def triples() -> set[Together]:
    """Return every three options of three questions."""
    choices = options()
    return {
        frozenset(zip(keys, answers, strict=True))
        for keys in combinations(choices, 3)
        for answers in product(*(choices[key] for key in keys))
    }


def covering_triples() -> list[dict[str, Any]]:
    """Return sets of answers in which every triple of options occurs.

    Each is begun with a triple that is missing, and every further question answered so
    that most of the missing ones come true: allpairspy 2.5 leaves out a third of them.
    """
    choices, missing = options(), triples()
    rows = []
    while missing:
        row = dict(min(missing, key=str))
        for key in [key for key in choices if key not in row]:
            gains = [gain(missing, row, key, answer) for answer in choices[key]]
            row[key] = choices[key][gains.index(max(gains))]
        missing = {each for each in missing if not each <= row.items()}
        rows.append({key: row[key] for key in choices})
    return rows


def gain(missing: set[Together], row: dict[str, Any], key: str, answer: Any) -> int:
    """Return how many missing triples this answer would make true."""
    new, row = (key, answer), {**row, key: answer}
    return sum(new in each and each <= row.items() for each in missing)


COVERING = covering()


def sentence(row: dict[str, Any]) -> str:
    """Return what tells a set of answers from the others, as a test's name."""
    return "-".join(str(value) for value in row.values() if value != "")


def hostile_answers(number: int) -> dict[str, str]:
    """Return texts of the hostile corpus, other ones for every number."""

    def nth(*corpora: Iterable[str]) -> str:
        texts = [text for corpus in corpora for text in corpus]
        return texts[number % len(texts)]

    return {
        "description": nth(hostile.TEXTS.values(), hostile.DESCRIPTIONS.values()),
        "author_name": nth(hostile.TEXTS.values()),
        "author_email": nth(hostile.EMAILS),
    }


def answers_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the answers to cookiecutter's questions."""
    plain = {key: value for key, value in row.items() if key != "names"}
    return {**plain, **NAMES[row["names"]]}


@pytest.fixture(params=COVERING, ids=sentence)
def answers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One of the covering sets of answers."""
    return answers_of(request.param)


@pytest.fixture
def project(bake: Bake, answers: dict[str, Any]) -> Project:
    """The project of these answers, rendered once and not to be changed."""
    return bake(**answers)


@pytest.fixture
def package(project: Project) -> str:
    """The project's import name."""
    (found,) = (path.name for path in (project / "src").iterdir())
    return found


def written(project: Project, *endings: str) -> list[str]:
    """Return the files whose names end so; a test that finds none is of no use."""
    found = [name for name in project.files if name.endswith(endings)]
    assert found, f"no file ends in {endings}"
    return found


def texts(project: Project) -> dict[str, str]:
    """Return every file's text, with the line ends that it has."""
    return {name: (project / name).read_bytes().decode() for name in project.files}


def tree(directory: Path) -> dict[str, bytes | None]:
    """Return every file's bytes, and None for every directory, by relative path."""
    return {
        path.relative_to(directory).as_posix(): (
            None if path.is_dir() else path.read_bytes()
        )
        for path in directory.rglob("*")
    }


def assert_no_directory_is_empty(project: Path) -> None:
    """Check a project's directories, which git would not keep without a file."""
    directories = [path for path in project.rglob("*") if path.is_dir()]
    assert [path for path in directories if not any(path.iterdir())] == []


# The covering set


def test_every_pair_of_options_occurs() -> None:
    choices = options()
    for first in choices:
        for second in choices:
            wanted = {(a, b) for a in choices[first] for b in choices[second]}
            occurring = {(row[first], row[second]) for row in COVERING}
            assert first == second or wanted == occurring


@slow
def test_every_triple_of_options_gives_tidy_files_whatever_the_texts(
    render_files: Bake,
) -> None:
    """Nothing but parsers look here: tools have looked at the files of the pairs."""
    rows = covering_triples()
    assert all(any(each <= row.items() for row in rows) for each in triples())
    assert len(rows) > len(hostile.TEXTS)
    for number, row in enumerate(rows):
        texts_given = hostile_answers(number)
        project = render_files(**{**texts_given, **answers_of(row)})
        for check in PARSERS:
            check({name: [project / name] for name in project.files})
        author = project.manifest["project"]["authors"][0]
        assert project.manifest["project"]["description"] == texts_given["description"]
        assert author["name"] == texts_given["author_name"]
        assert author["email"] == texts_given["author_email"]
        shutil.rmtree(project.path)


def test_every_file_of_the_template_is_rendered_by_some_answers(
    template: Path, bake: Bake
) -> None:
    source = template / TREE
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    environment = StrictEnvironment(context={"cookiecutter": CONTEXT})
    names = {path: environment.from_string(str(path)) for path in files}
    made: set[Path] = set()
    for row in COVERING:
        given = answers_of(row)
        project = bake(**given)
        (package,) = (path.name for path in (project / "src").iterdir())
        context = {**CONTEXT, **given, "package_name": package}
        expected = {
            name.render(cookiecutter=context).replace(os.sep, "/"): path
            for path, name in names.items()
        }
        assert {*project.files} <= {*expected}
        made |= {expected[name] for name in project.files}
    assert [path for path in files if path not in made] == []


def test_a_table_is_no_template(tmp_path: Path) -> None:
    template = copy_template(tmp_path)
    text = "a,b\r\n{{ 7 * 7 }},{% if %}\r\n"
    (template / TREE / "data/raw/more.csv").write_bytes(text.encode())
    made = cookiecutter(
        str(template), no_input=True, output_dir=str(tmp_path), accept_hooks=False
    )
    assert Path(made, "data/raw/more.csv").read_bytes() == text.encode()


# Every file, each text once, in whichever project it is


Distinct = dict[str, list[Path]]


@pytest.fixture(scope="session")
def distinct(bake: Bake) -> Distinct:
    """The files of all projects, by their names there, each text once."""
    files: dict[str, dict[bytes, Path]] = {}
    for row in COVERING:
        project = bake(**answers_of(row))
        for name in project.files:
            same = files.setdefault(name, {})
            same.setdefault((project / name).read_bytes(), project / name)
    return {name: list(same.values()) for name, same in files.items()}


def matching(distinct: Distinct, *patterns: str) -> list[Path]:
    """Return the files whose names match; a test that finds none is of no use."""
    found = [
        path
        for name, paths in distinct.items()
        if any(fnmatch(name, each) for each in patterns)
        for path in paths
    ]
    assert found, patterns
    return found


def contents(distinct: Distinct, *patterns: str) -> dict[Path, str]:
    """Return the texts of the files whose names match, with the line ends they have."""
    return {path: path.read_bytes().decode() for path in matching(distinct, *patterns)}


def test_toml_parses(distinct: Distinct) -> None:
    for text in contents(distinct, "*.toml").values():
        tomllib.loads(text)


VALIDATE = Validator()  # which compiles its schema when it is first called


def test_the_manifest_is_valid(distinct: Distinct) -> None:
    for text in contents(distinct, "pyproject.toml").values():
        assert VALIDATE(tomllib.loads(text)) is not None


def test_the_tables_of_the_manifest_are_set_apart(distinct: Distinct) -> None:
    for text in contents(distinct, "pyproject.toml").values():
        lines = text.splitlines()
        for before, line in pairwise(lines):
            if line.startswith("["):
                assert not before or before.startswith("#"), line
            if not before:
                assert line.startswith(("[", "#")), line


def test_json_parses(distinct: Distinct) -> None:
    for text in contents(distinct, "*.json", "*.ipynb").values():
        json.loads(text)


def test_yaml_parses(distinct: Distinct) -> None:
    for text in contents(distinct, "*.yaml", "*.yml").values():
        yaml.safe_load(text)


def test_notebooks_are_valid_and_hold_no_outputs(distinct: Distinct) -> None:
    for text in contents(distinct, "*.ipynb").values():
        notebook = nbformat.from_dict(json.loads(text))  # type: ignore[no-untyped-call]
        ids = [cell.get("id") for cell in notebook.cells]
        assert len({*ids}) == len(ids)
        assert all(ids)  # to validate gives one to a cell that has none
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert "".join(cell.source).strip()
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


def test_python_compiles_without_a_warning(distinct: Distinct) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path, text in contents(distinct, "*.py").items():
            compile(text, path, "exec", dont_inherit=True)


def test_no_template_mark_is_left(distinct: Distinct) -> None:
    # What cruft writes has a table of that name.
    known = matching(distinct, "scripts/update.py")
    for path, text in contents(distinct, "*").items():
        assert not re.search(r"(?<!\$)\{\{|\{%|\{#", text), path
        assert "cookiecutter" not in text or path in known, path
    for name in distinct:
        assert not re.search(r"[{}%]|cookiecutter", name), name


def test_the_text_of_every_file_is_tidy(distinct: Distinct) -> None:
    for path, text in contents(distinct, "*").items():
        if not text:
            assert path.name in MAY_BE_EMPTY
            continue
        assert "\r" not in text, path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert not re.search(r"[ \t]\n", text), path
        assert path.name == "LICENSE" or not text.startswith("\n"), path
        # Between Python's definitions there are two: black looks at those.
        two = path.name == "LICENSE" or path.suffix == ".py"
        assert two or "\n\n\n" not in text, path


PARSERS: tuple[Callable[[Distinct], None], ...] = (
    test_toml_parses,
    test_the_manifest_is_valid,
    test_json_parses,
    test_yaml_parses,
    test_notebooks_are_valid_and_hold_no_outputs,
    test_python_compiles_without_a_warning,
    test_no_template_mark_is_left,
    test_the_text_of_every_file_is_tidy,
)


BLACK = (sys.executable, "-m", "black", "--quiet", "--check", "--diff", "--no-cache")


def test_python_is_formatted(bake: Bake) -> None:
    for starter in CONTEXT["starter"]:
        manifest = bake(starter=starter).manifest
        assert "black" not in manifest["tool"]  # its defaults everywhere
    run(*BLACK, "--workers=1", bake(starter=CONTEXT["starter"][-1]).path)


@slow
def test_python_is_formatted_however_long_the_names(distinct: Distinct) -> None:
    run(*BLACK, "--workers=1", *matching(distinct, "*.py", "*.ipynb"))


def test_python_has_no_faults(distinct: Distinct, template: Path) -> None:
    """Nor the hooks, a name that nobody knows in a branch that is seldom taken."""
    options = ("--no-cache", "--output-format=concise")
    files = matching(distinct, "*.py", "*.ipynb")
    files += [*(template / "hooks").glob("*.py")]
    run(sys.executable, "-m", "ruff", "check", *options, *files)


def without_encoding(text: str) -> list[int]:
    """Return the lines on which text is read or written in a machine's own encoding."""
    found = []
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) == "os.open":
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        given = {keyword.arg for keyword in call.keywords}
        modes = [each.value for each in call.args if isinstance(each, ast.Constant)]
        if name in ("open", "fdopen", "TextIOWrapper"):
            is_text = not any("b" in str(mode) for mode in modes)
        elif name in ("read_text", "write_text"):
            told = len(call.args) > ("read_text", "write_text").index(name)
            is_text = isinstance(call.func, ast.Attribute) and not told
        else:
            processes = ("run", "Popen", "check_output")
            is_text = name in processes and bool(given & {"errors", "text"})
        if is_text and "encoding" not in given:
            found.append(call.lineno)
    return found


def test_text_is_utf_8_on_every_machine(distinct: Distinct, template: Path) -> None:
    files = matching(distinct, "src/*.py", "scripts/*.py")
    files += [*(template / "hooks").glob("*.py")]
    assert len(files) > 10
    for path in files:
        assert without_encoding(path.read_text(encoding="utf-8")) == [], path


def test_yaml_is_tidy(distinct: Distinct) -> None:
    rules = (
        "{extends: default, rules: {line-length: disable, document-start: disable,"
        " truthy: {check-keys: false}}}"
    )
    files = matching(distinct, "*.yaml", "*.yml")
    run(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *files)


def test_shell_scripts_have_no_faults(distinct: Distinct) -> None:
    files = matching(distinct, "scripts/*")
    scripts = [path for path in files if path.read_bytes().startswith(b"#!/bin/sh")]
    assert scripts
    run("shellcheck", *scripts)


@slow
def test_dockerfiles_have_no_faults(distinct: Distinct) -> None:
    run("hadolint", "--no-color", *matching(distinct, "Dockerfile"))


def test_workflows_have_no_holes(distinct: Distinct) -> None:
    files = matching(distinct, ".github/workflows/*", ".github/dependabot.yml")
    tops = {path.parents[path.parts[::-1].index(".github") - 1] for path in files}
    assert "No findings to report" in run("zizmor", "--offline", *sorted(tops)).stdout


SCHEMAS = {
    ".github/workflows/*.yml": "github-workflows",
    ".github/dependabot.yml": "dependabot",
    ".gitlab-ci.yml": "gitlab-ci",
    "renovate.json": "renovate",
    "compose.yaml": "compose-spec",
}


@pytest.mark.parametrize("pattern", SCHEMAS)
def test_what_others_read_follows_their_schemas(
    distinct: Distinct, pattern: str, tmp_path: Path
) -> None:
    schema = SCHEMAS[pattern]
    options = ("--data-transform", "gitlab-ci") if schema == "gitlab-ci" else ()
    files = matching(distinct, pattern)
    if schema == "compose-spec":  # its program reads no merge keys
        files = [as_json(path, tmp_path / f"{n}.json") for n, path in enumerate(files)]
    follow_schema(schema, *options, *files)


def as_json(path: Path, target: Path) -> Path:
    """Write what a YAML file holds as JSON and return where it is."""
    content = yaml.safe_load(path.read_text("utf-8"))
    target.write_text(json.dumps(content), encoding="utf-8")
    return target


@slow
def test_the_types_of_every_rendering_are_right(
    render_files: Bake, stack: Path
) -> None:
    """One environment has what all need; a package's name is part of every module."""
    mypy = (programs_of(stack) / "python", "-m", "mypy", "--python-version", OLDEST)
    for starter in CONTEXT["starter"]:
        for names in NAMES.values():
            run(*mypy, cwd=render_files(starter=starter, **names).path)


# The Makefile


@slow
@pytest.mark.parametrize("answers", COVERING, ids=sentence, indirect=True)
def test_make_has_a_recipe_for_every_target(project: Project, tmp_path: Path) -> None:
    copied = tmp_path / "project"
    shutil.copytree(project.path, copied)
    read = [name for name in project.files if name.endswith(("Makefile", ".mk"))]
    text = "".join(map(project.text, read)).replace("\\\n", " ")
    documented = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
    declared = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE))
    assert {"help", "install", "lock", "test", "check", "lab", "clean"} <= documented
    assert documented <= {*declared.split()}
    # The search for a Python takes its time.
    own = f"PYTHON={sys.executable}"
    shown = run("make", own, "help", cwd=copied).stdout
    assert {line.split()[0] for line in shown.splitlines()} == documented
    run("make", own, "--dry-run", *declared.split(), cwd=copied, env=project.env)


def is_make(node: ast.AST) -> bool:
    """Tell whether this is a call of make that is meant to succeed."""
    if not isinstance(node, ast.Call):
        return False
    if any(each.arg == "check" for each in node.keywords):
        return False
    first: ast.AST | None = node.args[0] if node.args else None
    if isinstance(first, ast.List):
        first = next(iter(first.elts), None)
    by_name = isinstance(first, ast.Constant) and first.value == "make"
    return by_name or getattr(node.func, "attr", "") == "make"


def said_to_make() -> set[str]:
    """Return the words of those functions of the tests that run make."""
    words: set[str] = set()
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(map(is_make, ast.walk(node))):
                for each in ast.walk(node):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        words.add(each.value)
    return words


def said_by_workflows(project: Project) -> set[str]:
    """Return the words of the workflows' commands, which test_workflows.py follows."""
    steps = [
        step
        for name in project.files
        if name.startswith(".github/workflows/")
        for job in parse(project / name)["jobs"].values()
        for step in job["steps"]
    ]
    return {word for step in steps for word in step.get("run", "").split()}


def test_no_target_of_make_is_one_that_no_test_runs(bake: Bake) -> None:
    project = bake(starter=CONTEXT["starter"][-1], ci="github", package_index_url=URL)
    text = project.text("Makefile") + project.text("containers.mk")
    rules = re.findall(r"^([a-z-]+):(?!=)(.*)\n((?:\t.*\n?)*)", text, re.MULTILINE)
    run_here = said_to_make() | said_by_workflows(project)
    reached = {target for target, _, _ in rules} & run_here
    for _ in rules:  # what a target needs and what its recipe makes is run with it
        for target, needs, recipe in rules:
            if target in reached:
                made = re.findall(r"--no-print-directory ([a-z-]+)", recipe)
                reached |= {*needs.partition("##")[0].split(), *made}
    declared = " ".join(re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", text, re.MULTILINE))
    targets = {*declared.replace("\\\n", " ").split()}
    assert {"install", "image", "serve", "publish"} <= targets
    assert targets - reached == set()


@pytest.mark.parametrize("names", NAMES)
def test_the_code_never_binds_the_name_of_the_package(bake: Bake, names: str) -> None:
    """A project may be called `main`: `import main` would hide a function."""
    project = bake(starter=CONTEXT["starter"][-1], **NAMES[names])
    (package,) = (path.name for path in (project / "src").iterdir())
    for name in written(project, ".py"):
        for node in ast.walk(ast.parse(project.text(name))):
            if isinstance(node, ast.Import):
                bound = [
                    alias.asname or alias.name.split(".")[0] for alias in node.names
                ]
                assert package not in bound, name


# The README


def boxes(text: str) -> list[str]:
    """Return what the boxes of a Markdown file hold."""
    return re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_box_of_a_document_ends(distinct: Distinct) -> None:
    for path, text in contents(distinct, "*.md").items():
        fences = re.findall(r"^```.*$", text, re.MULTILINE)
        assert fences[1::2] == ["```"] * len(boxes(text)), path
        assert len(fences) == 2 * len(boxes(text)), path


def shown_tree(readme: str) -> list[str]:
    """Return the paths that the tree in the README shows."""
    (block,) = re.findall(r"```\n(\S+/\n(?:[├│].*\n)+└.*\n)```", readme)
    paths: list[str] = []
    above: list[str] = []
    for line in block.splitlines()[1:]:
        match = re.match(r"((?:[│ ]   )*)[├└]── (\S+)", line)
        assert match, line
        depth = len(match[1]) // 4
        above = [*above[:depth], match[2]]
        paths.append("".join(above))
    return paths


def test_the_tree_in_the_readme_shows_what_is_there(
    project: Project, answers: dict[str, Any], package: str
) -> None:
    manager = CONTEXT["_managers"][answers["environment_manager"]]
    shown = shown_tree(project.text("README.md"))
    assert {*manager["locks"]} <= {*shown}
    for path in shown:
        assert path in manager["files"] or (project / path).exists(), path
        assert path.endswith("/") == (project / path).is_dir(), path
    unsaid = ("__init__.py", "py.typed", "README.md", "LICENSE")
    known = (
        *(".devcontainer/", ".dockerignore", ".editorconfig", ".gitignore"),
        *(".python-version", ".vscode/", "README", "LICENSE"),
    )
    leaves = [path for path in shown if path != f"src/{package}/"]
    for name in project.files:
        hidden = name.startswith(known) or name.endswith(unsaid)
        assert hidden or name.startswith(tuple(leaves)), name


def test_the_links_in_the_documents_lead_somewhere(project: Project) -> None:
    for name in written(project, ".md"):
        for target in re.findall(r"\]\(([^)]+)\)", project.text(name)):
            beside = (project / name).parent / target.partition("#")[0]
            assert target.startswith("https://") or beside.exists(), (name, target)


def test_files_that_the_readme_names_exist(project: Project) -> None:
    made_later = ("data/processed/", ".venv", ".env", "reports/figures/")
    for path in re.findall(r"`([\w.-]+/[\w./-]+)`", project.text("README.md")):
        assert path.startswith(made_later) or (project / path).exists(), path


def test_the_badge_shows_the_workflow_of_a_repository_on_github(bake: Bake) -> None:
    badge = "https://github.com/ada/x.github.io/actions/workflows/ci.yml/badge.svg"
    for address in ("", "/", ".git"):
        url = f"https://github.com/ada/x.github.io{address}"
        assert f"]({badge})" in bake(repository_url=url).text("README.md")
        assert "badge" not in bake(repository_url=url, ci="none").text("README.md")
    for url in ("", URL):
        assert "badge" not in bake(repository_url=url).text("README.md")


def test_the_readme_tells_of_releases_only_where_they_are_made(bake: Bake) -> None:
    for ci in CONTEXT["ci"]:
        assert ("git tag" in bake(ci=ci).text("README.md")) == (ci != "none")


def test_the_readme_shows_what_can_be_made(bake: Bake) -> None:
    project = bake(starter=CONTEXT["starter"][-1], package_index_url=URL)
    text = project.text("Makefile") + project.text("containers.mk")
    targets = {*re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE)}
    commands = re.findall(r"\bmake ([a-z -]+)", project.text("README.md"))
    shown = {word for command in commands for word in command.split()}
    elsewhere = {"bootstrap", "clean", "format", "help", "image-save", "lint"}
    elsewhere |= {"install-production", "kernel-remove", "repository"}
    assert targets - shown == elsewhere


def test_the_readme_leads_from_nothing_to_all_that_can_be_done(bake: Bake) -> None:
    for url in ("", URL):
        start, *_ = boxes(bake(repository_url=url).text("README.md"))
        lines = [line.partition("#")[0].strip() for line in start.splitlines()]
        get = [f"git clone {URL} my-analysis", "cd my-analysis"] if url else []
        assert lines == [*get, "make install", "make lab", "make test", "make"]


@pytest.mark.parametrize("starter", CONTEXT["starter"])
def test_the_readme_shows_the_commands_that_make_has_no_word_for(
    bake: Bake, starter: str
) -> None:
    project = bake(starter=starter)
    code = "".join(project.text(name) for name in written(project, ".py"))
    defined = r"^@app\.command\((?:\"(\w+)\")?\)\ndef (\w+)"
    commands = [a or b for a, b in re.findall(defined, code, re.MULTILINE)]
    holds = CONTEXT["_starters"][starter]["holds"]
    verbs = {verb for name in holds for verb in CONTEXT["_starters"][name]["verbs"]}
    shown = re.findall(r"\bmy-analysis ([a-z]+)", project.text("README.md"))
    assert {*shown} == {*commands} - verbs
    sections = re.findall(r"^## The (\w+)$", project.text("README.md"), re.MULTILINE)
    assert sections == holds


def test_the_request_in_the_readme_is_one_that_the_service_takes(bake: Bake) -> None:
    project = bake(starter="service")
    (box,) = (each for each in boxes(project.text("README.md")) if "curl" in each)
    curl, address, *options = shlex.split(box)
    settings = CONTEXT["_starters"]["service"]["settings"]
    host, port = settings["HOST"], settings["PORT"]
    assert (curl, address) == ("curl", f"http://{host}:{port}/predict")
    assert options[:3] == ["-H", "Content-Type: application/json", "-d"]
    columns = project.text("data/raw/penguins.csv").partition("\n")[0].split(",")
    assert {*json.loads(options[3])} == {*columns} - {"species", "year"}


@pytest.mark.parametrize("starter", CONTEXT["starter"])
def test_the_readme_says_of_the_containers_what_compose_does(
    bake: Bake, starter: str
) -> None:
    project = bake(starter=starter)
    readme = project.text("README.md")
    services = yaml.safe_load(project.text("compose.yaml"))["services"]
    *_, box = (each for each in boxes(readme) if each.startswith("docker compose"))
    pull, run = (line.split()[2:] for line in box.splitlines())
    started = [name for name, each in services.items() if not each.get("profiles")]
    if starter == "service":
        assert (pull, run, started) == (["pull"], ["up", "--detach"], ["api"])
    else:
        assert (pull, run[0], run[-1]) == (["pull", "pipeline"], "run", "pipeline")
        assert started == ["notebook"]
    assert ("make up          # JupyterLab," in readme) == (started == ["notebook"])
    kept = re.findall(r"must be `compose.yaml`, `(\w+)` and$", readme, re.MULTILINE)
    server = services["api" if starter == "service" else "pipeline"]
    assert f"./{kept[0]}:/app/{kept[0]}" in server["volumes"][0]


def test_the_readme_says_that_an_image_is_built_where_there_is_one(bake: Bake) -> None:
    for docker in (True, False):
        readme = bake(docker=docker).text("README.md")
        assert ("clean clone, and builds the image.\n" in readme) == docker
        assert ("clean clone.\n" in readme) != docker


def test_the_readme_names_the_credentials_that_make_reads(bake: Bake) -> None:
    project = bake(package_index_url=INDEX_URL)
    (box,) = (each for each in boxes(project.text("README.md")) if "export" in each)
    names = re.findall(r"(\w+)=", box)
    assert names == ["PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD"]
    for name in names:
        assert f"$(value {name})" in project.text("Makefile")


# The answers


def test_the_answers_are_where_they_belong(
    project: Project, answers: dict[str, Any], package: str
) -> None:
    slug = answers.get("project_slug", "my-analysis")
    title = answers.get("project_name", CONTEXT["project_name"])
    python, manager = answers["python_version"], answers["environment_manager"]
    manifest = project.manifest
    assert project.path.name == manifest["project"]["name"] == slug
    assert package == answers.get("package_name", "my_analysis")
    assert manifest["project"]["requires-python"] == f">={python}"
    assert manifest["project"]["scripts"] == {slug: f"{package}.cli:main"}
    assert project.text(".python-version") == f"{python}\n"
    readme = project.text("README.md")
    assert readme.startswith(f"# {title}\n\n")
    assert f"You need Python {python}, git" in readme
    assert re.findall(r"`python -m (\w+)`", readme) == [package]
    assert f"`src/{package}`" in readme
    wheel = manifest["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": [f"src/{package}"]}
    assert ("uv](" in readme) == (manager == "uv")
    locks = " ".join(CONTEXT["_managers"][manager]["locks"])
    assert f"LOCKS := {locks}\n" in project.text("Makefile")
    for name in written(project, ".ipynb"):
        kernel = {
            "display_name": f"Python {python} ({slug})",
            "language": "python",
            "name": slug,
        }
        assert json.loads(project.text(name))["metadata"] == {
            "kernelspec": kernel,
            "language_info": {"name": "python"},
        }


def test_the_repository_shows_only_where_there_is_one(
    project: Project, answers: dict[str, Any]
) -> None:
    url = answers["repository_url"]
    assert project.manifest["project"].get("urls") == (
        {"Repository": url} if url else None
    )
    assert (URL in project.text("README.md")) == bool(url)
    assert "project.urls" not in project.text("pyproject.toml") or url


def test_the_package_index_shows_where_it_is_used_and_nowhere_without_one(
    project: Project, answers: dict[str, Any]
) -> None:
    url = answers["package_index_url"]
    place = {
        "uv": "pyproject.toml",
        "poetry": "pyproject.toml",
        "pipenv": "Pipfile",
    }.get(answers["environment_manager"], "Makefile")
    address = INDEX_URL.partition("://")[2]
    holding = {name for name, text in texts(project).items() if address in text}
    places = {place, "Makefile", "README.md"}
    if answers["ci"] == "github":
        places.add(".github/dependabot.yml")
    if answers["docker"]:
        places.add("scripts/with_index.py")
    assert holding == (places if url else set())
    tools, index = project.manifest["tool"], {"name": "packages", "url": url}
    declared = {
        "uv": tools.get("uv", {}).get("index"),
        "poetry": tools.get("poetry", {}).get("source"),
    }
    expected = {
        "uv": [{**index, "default": True}],
        "poetry": [{**index, "priority": "primary"}],
    }
    for name, said in declared.items():
        used = url and name == answers["environment_manager"]
        assert said == (expected[name] if used else None), name
    # GitLab has an index for every project.
    publishes = bool(url) or answers["ci"] == "gitlab"
    assert ("publish:" in project.text("Makefile")) == publishes
    unsaid = "package_index" if publishes else "package_index|make publish"
    if not url:
        for name, text in texts(project).items():
            # The workflows of GitHub are one text for every project.
            for_all = name.startswith(".github/workflows/")
            assert for_all or not re.search(unsaid, text, re.I), name


def test_the_license_is_the_one_that_was_chosen(
    project: Project, answers: dict[str, Any]
) -> None:
    chosen = answers["license"]
    text = project.text("LICENSE")
    spdx = "LicenseRef-Proprietary" if chosen == "Proprietary" else chosen
    assert project.manifest["project"]["license"] == spdx
    assert project.manifest["project"]["license-files"] == ["LICENSE"]
    assert f"\n{chosen}, see [LICENSE](LICENSE)." in project.text("README.md")
    holder = f"Copyright (c) {CONTEXT['author_name']}\n"
    named = {"MIT": 1, "BSD-3-Clause": 1, "Proprietary": 1}.get(chosen, 0)
    assert text.count(holder) == named or chosen not in {*LICENSES, "Proprietary"}
    assert "All rights reserved.\n" in text or chosen != "Proprietary"
    if chosen in LICENSES:
        unchanged = text.replace(holder, "")
        assert hashlib.sha256(unchanged.encode()).hexdigest() == LICENSES[chosen]


# Rendering again


@each_manager
def test_rendering_twice_with_hooks_and_without_gives_the_same_bytes(
    bake: Bake, render: Callable[..., Result], manager: str
) -> None:
    plain = bake(environment_manager=manager)
    first, second = (render(environment_manager=manager) for _ in range(2))
    assert first.project_path != second.project_path
    for each in (first, second):
        assert_no_directory_is_empty(each.project_path)
        assert tree(each.project_path) == tree(plain.path)


@each_manager
def test_rendering_over_a_project_changes_and_deletes_nothing(
    machine: Machine, manager: str
) -> None:
    machine.cookiecutter(environment_manager=manager, set_up="no")
    project = machine.project()
    for name in ("notes.txt", "data/raw/mine.csv", "scripts/mine.py", ".env"):
        (project / name).write_text("mine\n", encoding="utf-8")
    for name in ("empty", "data/raw/empty", "src/empty/below"):
        (project / name).mkdir(parents=True)
    before = tree(project.path)
    output = machine.cookiecutter(
        "--overwrite-if-exists", environment_manager=manager, set_up="no"
    ).stdout
    assert tree(project.path) == before
    written_over = "written over what was here; nothing deleted, nothing committed"
    assert output.endswith(
        f" {written_over}\n\nTo go on:\n  cd my-analysis && make install\n"
    )


def test_rendering_without_set_up_writes_nothing_elsewhere(
    machine: Machine, scratch: Path
) -> None:
    before = tree(machine.home)
    machine.cookiecutter(set_up="no")
    after = tree(machine.home)
    theirs = [name for name in after if name.startswith(".cookiecutter")]
    assert {name: after[name] for name in after if name not in theirs} == before
    assert [path.name for path in machine.work.iterdir()] == ["my-analysis"]
    left = {path.split("/")[0] for path in tree(scratch)}  # by cookiecutter itself
    assert [
        name for name in left if not re.match(r"cookiecutter|tmp.*\.py$", name)
    ] == []
