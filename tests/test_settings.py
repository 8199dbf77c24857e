"""What git, editors and the project's tools are told is what they then do."""

from __future__ import annotations

import ast
import configparser
import json
import re
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Bake, Project
from identify import identify
from journey import MANAGERS

Copy = Callable[[Project], Project]

# What a person's work leaves, none of which belongs into a commit.
LEFT_BEHIND = (
    "data/raw/mine.csv",
    "data/interim/mine.csv",
    "data/processed/mine.parquet",
    "reports/figures/mine.png",
    "models/mine.joblib",
    ".env",
    ".venv/pyvenv.cfg",
    ".cache/mine",
    "src/my_analysis/__pycache__/data.pyc",
    "src/my_analysis.egg-info/PKG-INFO",
    ".coverage",
    ".coverage.host.1",
    "notebooks/.ipynb_checkpoints/01-explore.ipynb",
    ".mypy_cache/mine",
    ".pytest_cache/mine",
    ".ruff_cache/mine",
    "build/mine",
    "coverage.xml",
    "dist/mine.whl",
    "htmlcov/index.html",
    ".DS_Store",
    ".idea/mine.xml",
    "data/Thumbs.db",
)


@pytest.mark.parametrize("starter", ["analysis", "model"])
def test_git_takes_what_was_made_and_nothing_that_work_leaves(
    bake: Bake, copy: Copy, starter: str
) -> None:
    project = copy(bake(starter=starter))
    made = {*project.files}
    left = [name for name in LEFT_BEHIND if starter == "model" or "models/" not in name]
    for name in left:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("mine", encoding="utf-8")
    project.git("init", "--quiet")
    project.git("add", "--all")
    assert {*project.git("ls-files").splitlines()} == made


# Editors


def editor_settings(project: Project, name: str) -> dict[str, str]:
    """Return what .editorconfig says of a file."""
    parser = configparser.ConfigParser()
    parser.read_string("[root]\n" + project.text(".editorconfig"))
    assert parser["root"]["root"] == "true"
    settings: dict[str, str] = {}
    for section in parser.sections()[1:]:
        endings = re.findall(r"\{(.*)\}", section)
        patterns = [
            re.sub(r"\{.*\}", each, section)
            for each in (endings[0].split(",") if endings else [""])
        ]
        if any(fnmatch(Path(name).name, pattern) for pattern in patterns):
            settings |= parser[section]
    return settings


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_file_is_as_an_editor_would_leave_it(bake: Bake, ci: str) -> None:
    project = bake(starter="service", ci=ci)
    kinds = (".py", ".json", ".yaml", ".yml", ".ipynb", "Makefile", ".mk")
    for name in project.files:
        text, settings = project.text(name), editor_settings(project, name)
        assert (settings["charset"], settings["end_of_line"]) == ("utf-8", "lf")
        if not name.endswith(".csv"):
            assert settings["insert_final_newline"] == "true"
            assert settings["trim_trailing_whitespace"] == "true"
        indents = re.findall(r"^([ \t]+)\S", text, re.MULTILINE)
        if name.endswith(kinds) and indents:
            unit = "\t" if settings["indent_style"] == "tab" else " "
            width = 1 if unit == "\t" else int(settings["indent_size"])
            assert min(indents, key=len) == unit * width, name


def test_an_editor_leaves_data_as_they_are(bake: Bake) -> None:
    settings = editor_settings(bake(), "data/raw/mine.csv")
    assert settings["insert_final_newline"] == "unset"
    assert settings["trim_trailing_whitespace"] == "unset"


def test_the_editor_gets_the_tools_that_it_is_told_to_take_from_the_environment(
    bake: Bake,
) -> None:
    project = bake()
    settings: dict[str, Any] = json.loads(project.text(".vscode/settings.json"))
    wanted = json.loads(project.text(".vscode/extensions.json"))["recommendations"]
    own = {key.partition(".")[0] for key in settings if key.endswith("importStrategy")}
    tools = {"black-formatter", "mypy-type-checker", "ruff"}
    assert own == tools
    assert all(settings[f"{tool}.importStrategy"] == "fromEnvironment" for tool in own)
    more = {"python", "jupyter", "editorconfig"}
    assert {each.rpartition(".")[2] for each in wanted} == {*tools, *more}
    assert settings["[python]"]["editor.defaultFormatter"] in wanted
    assert settings["[python]"]["editor.formatOnSave"]
    assert settings["notebook.formatOnSave.enabled"]
    assert settings["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv"
    assert settings["python.testing.pytestEnabled"]
    assert not settings["python.testing.unittestEnabled"]
    directory = settings["jupyter.notebookFileRoot"].rpartition("/")[2]
    assert (project / directory).is_dir()


# The git hooks

LOOKS_AT = {  # a name that each must look at, and one that it must not
    "black": ("a.ipynb", "a.toml"),
    "ruff": ("a.ipynb", "a.toml"),
    "mypy": ("a.py", "a.ipynb"),
    "nbstripout": ("a.ipynb", "a.py"),
    "check-added-large-files": ("a.bin", None),
    "detect-private-key": ("a.txt", "a.png"),
    "detect-secrets": ("a.py", "a.csv"),
    "check-merge-conflict": ("a.md", "a.png"),
    "check-yaml": ("a.yml", "a.json"),
    "check-toml": ("a.toml", "a.yml"),
    "check-json": ("a.ipynb", "a.yml"),
    "end-of-file-fixer": ("a.md", "a.png"),
    "trailing-whitespace-fixer": ("a.py", "a.md"),
}


def looks_at(hook: dict[str, Any], name: str) -> bool:
    """Tell whether a git hook is run on a file, as pre-commit decides."""
    tags = identify.tags_from_filename(name) | {"file"}
    return (
        {*hook.get("types", ["file"])} <= tags
        and bool({*hook.get("types_or", tags)} & tags)
        and not {*hook.get("exclude_types", [])} & tags
        and not re.search(hook.get("exclude", "^$"), name)
    )


def test_every_git_hook_looks_at_its_files_and_no_others(bake: Bake) -> None:
    project = bake()
    project.run(sys.executable, "-m", "pre_commit", "validate-config")
    content = yaml.safe_load(project.text(".pre-commit-config.yaml"))
    hooks = {hook["id"]: hook for repo in content["repos"] for hook in repo["hooks"]}
    assert {*hooks} == {*LOOKS_AT}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    assert all(hook.get("name") for hook in hooks.values())  # it is shown
    of_the_project = "sh scripts/tool "
    for name, (wanted, other) in LOOKS_AT.items():
        assert hooks[name]["entry"].startswith(of_the_project), name
        assert looks_at(hooks[name], wanted), name
        assert other is None or not looks_at(hooks[name], other), name
    assert [name for name in hooks if not hooks[name].get("pass_filenames", True)] == [
        "mypy"  # which knows its files
    ]
    # They share out the work themselves.
    alone = [name for name in hooks if hooks[name].get("require_serial")]
    assert alone == ["black", "ruff"]
    # The search for secrets, which is next, would take minutes in a large file.
    ends = [name for name in hooks if hooks[name].get("fail_fast")]
    assert ends == ["check-added-large-files"]
    assert [*hooks].index("detect-secrets") > [*hooks].index(*ends)


# The settings in pyproject.toml

FAULTS = """import pandas as pd
import os
from typing import Optional
def f(x = [], *, l: Optional[int]):
    try:
        open(os.path.join("a", "b"))
    except Exception:
        pass
    print(f"{str(x)}", list([each for each in x]), __all__)
    return pd
class a:
    b = []\x20
"""
TEST_FAULTS = '''"""Tests."""
import numpy as np
import pytest


@pytest.mark.parametrize("a,b", [(1, 2)])
def test_a(a: int, b: int) -> None:
    np.random.seed(a + b)
'''


def test_ruff_looks_for_every_kind_of_fault_that_is_chosen(
    bake: Bake, copy: Copy
) -> None:
    project = copy(bake())
    (project / "src/my_analysis/faults.py").write_text(FAULTS, encoding="utf-8")
    (project / "tests/test_faults.py").write_text(TEST_FAULTS, encoding="utf-8")
    words = ("check", "--no-cache", "--output-format=json", "src", "tests")
    notebook = project / "notebooks/01-explore.ipynb"
    cells = json.loads(notebook.read_text("utf-8"))
    code = [each for each in cells["cells"] if each["cell_type"] == "code"]
    code[0]["source"] = ["def undocumented() -> None: ...\n", "[] == None\n"]
    notebook.write_text(json.dumps(cells), encoding="utf-8")
    done = project.run(sys.executable, "-m", "ruff", *words, notebook, check=False)
    found = json.loads(done.stdout)
    in_notebooks = {each["code"] for each in found if "ipynb" in each["filename"]}
    assert "E711" in in_notebooks
    assert "D103" not in in_notebooks
    codes = {each["code"] for each in found}
    kinds = {re.sub(r"\d+$", "", code) for code in codes}
    assert {"B", "C", "D", "E", "F", "I", "N", "NPY"} <= kinds
    assert {"PT", "PTH", "RUF", "SIM", "UP", "W"} <= kinds
    in_tests = {each["code"] for each in found if "tests" in each["filename"]}
    assert "D103" in codes - in_tests  # a test's name is its documentation


def test_pytest_fails_on_what_others_pass_over(bake: Bake, copy: Copy) -> None:
    project = copy(bake())
    for path in (project / "tests").glob("*.py"):
        path.unlink()
    bodies = {
        "warning": "import warnings\ndef test_a(): warnings.warn('new')",
        "success": "import pytest\n@pytest.mark.xfail\ndef test_a(): pass",
        "mark": "import pytest\n@pytest.mark.unheard\ndef test_a(): pass",
        "deprecated": "import warnings\n"
        "def test_a(): warnings.warn('', DeprecationWarning)",
        "pending": "import warnings\n"
        "def test_a(): warnings.warn('', PendingDeprecationWarning)",
    }
    for name, body in bodies.items():
        (project / f"tests/test_{name}.py").write_text(f"{body}\n", encoding="utf-8")
    (project / "scripts/test_elsewhere.py").write_text("raise SystemExit\n")
    (project / "tests/more").mkdir()
    (project / "tests/more/test_success.py").write_text("def test_b(): pass\n")
    options = ("-p", "no:xdist", "-p", "no:cacheprovider", "-rfEp")
    words = (*options, "--continue-on-collection-errors")
    done = project.run(sys.executable, "-m", "pytest", *words, check=False)
    assert "FAILED tests/test_warning.py::test_a - UserWarning: new" in done.stdout
    assert "FAILED tests/test_success.py::test_a - [XPASS(strict)]" in done.stdout
    assert "ERROR tests/test_mark.py - " in done.stdout
    assert "PASSED tests/test_deprecated.py::test_a" in done.stdout
    assert "PASSED tests/test_pending.py::test_a" in done.stdout
    # A module of tests may have the name of another one.
    assert "PASSED tests/more/test_success.py::test_b" in done.stdout
    assert "elsewhere" not in done.stdout


def test_mypy_is_strict_in_the_package_and_in_its_tests(bake: Bake, copy: Copy) -> None:
    project = copy(bake())
    for path in [*(project / "src").rglob("*.py"), *(project / "tests").glob("*.py")]:
        path.unlink()
    names = ("src/a.py", "tests/test_a.py")
    for name in names:
        (project / name).write_text("def f(x): return x\n", encoding="utf-8")
    done = project.run(sys.executable, "-m", "mypy", check=False)
    for name in names:
        assert f"{name}:1: error: Function is missing a type annotation" in done.stdout


def test_coverage_counts_branches_and_has_a_floor(bake: Bake, copy: Copy) -> None:
    project = copy(bake())
    for path in [*(project / "src").rglob("*.py"), *(project / "tests").glob("*.py")]:
        path.unlink()
    (project / "src/my_analysis/__init__.py").write_text(
        "def f(x):\n    if x:\n        print(x)\n", encoding="utf-8"
    )
    (project / "src/my_analysis/whole.py").write_text("", encoding="utf-8")
    (project / "tests/test_a.py").write_text(
        "import my_analysis.whole\n\n\ndef test_a():\n    if my_analysis.f(1):\n"
        "        pass\n",
        encoding="utf-8",
    )
    words = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--cov")
    env = ("-o", "pythonpath=src")
    done = project.run(sys.executable, "-m", "pytest", *words, *env, check=False)
    assert re.search(
        r"src/my_analysis/__init__\.py +3 +0 +2 +1 +80% +2->exit", done.stdout
    )
    assert "Required test coverage of 90.0% not reached" in done.stdout
    assert re.findall(r"^(\S+\.py) ", done.stdout, re.MULTILINE) == [
        "src/my_analysis/__init__.py"  # no tests, and nothing that is whole
    ]


# What environment managers read


def test_what_builds_the_package_is_among_the_development_tools(bake: Bake) -> None:
    """As it is built without an environment of its own."""
    manifest = bake().manifest
    build = manifest["build-system"]
    assert build["build-backend"] == "hatchling.build"
    (needed,) = build["requires"]
    assert needed.partition(">=")[0] in manifest["dependency-groups"]["dev"]


def tools(project: Project, manager: str) -> set[str]:
    """Return the development tools that a project declares to its manager."""
    name = MANAGERS[manager]["development"]["file"]
    if name == "pyproject.toml":
        return {*project.manifest["dependency-groups"]["dev"]}
    assert "dependency-groups" not in project.manifest
    if name == "requirements-dev.in":
        lines = project.text(name).splitlines()
        return {line for line in lines if not line.startswith(("#", "-c"))}
    table = tomllib.loads(project.text(name))["dev-packages"]
    assert {each if each == "*" else each["version"] for each in table.values()} == {
        "*"
    }
    return {
        name if each == "*" else f"{name}[{','.join(each['extras'])}]"
        for name, each in table.items()
    }


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager_is_told_of_the_same_tools_and_of_those_that_it_needs_itself(
    bake: Bake, manager: str
) -> None:
    own = {*MANAGERS[manager]["development"]["besides"]}
    for answers in ({}, {"docker": False}, {"starter": "service"}):
        project = bake(environment_manager=manager, **answers)
        assert tools(project, manager) == tools(bake(**answers), "uv") | own
    with_containers = tools(bake(), "uv") - tools(bake(docker=False), "uv")
    assert with_containers == {"installer"}


def test_what_make_and_the_git_hooks_run_is_among_the_development_tools(
    bake: Bake,
) -> None:
    project = bake()
    names = {tool.partition("[")[0] for tool in tools(project, "uv")}
    modules = {*re.findall(r" -m (\w+)", project.text("Makefile"))}
    elsewhere = {"venv", "pip", "my_analysis"}
    assert {name.replace("_", "-") for name in modules - elsewhere} <= names
    assert {"pytest-cov", "nbmake"} <= names  # for --cov and --nbmake
    (hooks,) = (
        repo["hooks"]
        for repo in yaml.safe_load(project.text(".pre-commit-config.yaml"))["repos"]
    )
    programs = {hook["entry"].split()[2].removesuffix("-hook") for hook in hooks}
    theirs = {each.name for each in distribution("pre-commit-hooks").entry_points}
    assert programs - theirs <= names
    assert "pre-commit-hooks" in names


INDEX_URL = "https://packages.example.com/team/simple/"


def test_poetry_finds_the_package_and_the_environment(bake: Bake) -> None:
    project = bake(environment_manager="poetry", package_name="mine")
    assert project.manifest["tool"]["poetry"] == {
        "packages": [{"include": "mine", "from": "src"}],
        "requires-poetry": f">={MANAGERS['poetry']['needs']['poetry']}",
    }
    told = tomllib.loads(project.text("poetry.toml"))
    assert told == {"virtualenvs": {"in-project": True}}


def test_pipenv_asks_the_index_by_its_name_with_credentials(bake: Bake) -> None:
    project = bake(environment_manager="pipenv", package_index_url=INDEX_URL)
    credentials = "${PACKAGE_INDEX_USERNAME}:${PACKAGE_INDEX_PASSWORD}@"
    url = INDEX_URL.replace("://", f"://{credentials}")
    (source,) = tomllib.loads(project.text("Pipfile"))["source"]
    assert source == {"name": "packages", "url": url, "verify_ssl": True}
    assert "source" not in tomllib.loads(
        bake(environment_manager="pipenv").text("Pipfile")
    )


@pytest.mark.parametrize(
    ("manager", "variable", "key"),
    [
        ("uv", "UV_INDEX_{}_{}", "index"),
        ("poetry", "POETRY_HTTP_BASIC_{}_{}", "source"),
    ],
)
def test_the_credentials_are_those_of_the_index_by_its_name(
    bake: Bake, manager: str, variable: str, key: str
) -> None:
    project = bake(environment_manager=manager, package_index_url=INDEX_URL)
    (index,) = project.manifest["tool"][manager][key]
    name = index["name"].upper()
    assert MANAGERS[manager]["index"]["credentials"] == {
        variable.format(name, what): f"$(INDEX_{what})"
        for what in ("USERNAME", "PASSWORD")
    }


@pytest.mark.parametrize(
    ("manager", "option"),
    [
        ("uv", " --upgrade"),
        ("poetry", " --regenerate"),
        ("pip-tools", " --upgrade"),
        ("pipenv", ""),  # it always takes the newest
        ("pip", " --upgrade"),
    ],
)
def test_to_upgrade_is_to_lock_anew(manager: str, option: str) -> None:
    table = MANAGERS[manager]
    assert [line.replace(option, "") for line in table["upgrade"]] == table["lock"]
    assert all(option in line for line in table["upgrade"])


@pytest.mark.parametrize("manager", ["pip-tools", "pip"])
def test_an_environment_has_what_locks_it_from_the_start(manager: str) -> None:
    table = MANAGERS[manager]
    venv, install = table["create"]
    assert venv.startswith("$(PYTHON) -m venv ")
    (needed,) = re.findall(rf"install .*\"({manager}>=[\d.]+)\"$", install)
    _, mend = table["settle"]
    assert f'"{needed}"; }}' in mend
    declared = (*table["development"]["besides"], table["container"]["needs"])
    assert needed in declared


@pytest.mark.parametrize("manager", MANAGERS)
def test_in_a_container_all_goes_into_one_environment_as_it_is_locked(
    manager: str,
) -> None:
    container = MANAGERS[manager]["container"]
    locks = MANAGERS[manager]["locks"]
    told = container["exports"]
    told = told.get("UV_PROJECT_ENVIRONMENT", told.get("VIRTUAL_ENV"))
    for step, lock in (("production", locks[0]), ("development", locks[-1])):
        (install,) = (
            line for line in container[step] if re.search(r"\b(sync|install)\b", line)
        )
        assert install.startswith("$(WITH)")
        assert told == "/opt/venv" or " --python /opt/venv/bin/python " in install
        held = (" --locked", "poetry sync ", " --require-hashes ", f" {lock}")
        assert any(each in install for each in held)
        assert lock in container["files"]


def test_in_a_container_uv_takes_the_python_of_the_image() -> None:
    told = MANAGERS["uv"]["container"]["exports"]
    assert told["UV_PYTHON_DOWNLOADS"] == "never"
    # The cache is in another file system, and nobody sees progress there.
    assert (told["UV_LINK_MODE"], told["UV_NO_PROGRESS"]) == ("copy", "1")


# What the project's own code reads


@pytest.mark.parametrize("starter", ["analysis", "model", "service"])
def test_every_setting_of_the_code_is_in_the_example_with_its_default(
    bake: Bake, starter: str
) -> None:
    project = bake(starter=starter)
    code = "".join(
        project.text(name)
        for name in project.files
        if name.startswith("src/") and name.endswith(".py")
    )
    fields = {
        field.target.id: ast.unparse(field.value)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith("Settings") for base in node.bases)
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and field.value is not None
    }
    lines = re.findall(
        r"^# MY_ANALYSIS_(\w+)=(.*)$", project.text(".env.example"), re.MULTILINE
    )
    assert sorted(name.lower() for name, _ in lines) == sorted(fields)
    for name, value in lines:
        default = rf"(^|Path\(|default=)'?{re.escape(value)}\b"
        assert not value or re.search(default, fields[name.lower()]), name
