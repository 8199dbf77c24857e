"""What git, editors and the project's tools are told is what they then do."""

from __future__ import annotations

import configparser
import json
import re
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Bake, Project
from identify import identify

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
    of_the_project = "sh scripts/tool "
    for name, (wanted, other) in LOOKS_AT.items():
        assert hooks[name]["entry"].startswith(of_the_project), name
        assert looks_at(hooks[name], wanted), name
        assert other is None or not looks_at(hooks[name], other), name


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
    done = project.run(sys.executable, "-m", "ruff", *words, check=False)
    codes = {each["code"] for each in json.loads(done.stdout)}
    kinds = {re.sub(r"\d+$", "", code) for code in codes}
    assert {"B", "C", "D", "E", "F", "I", "N", "NPY"} <= kinds
    assert {"PT", "PTH", "RUF", "SIM", "UP", "W"} <= kinds
    in_tests = {
        each["code"] for each in json.loads(done.stdout) if "tests" in each["filename"]
    }
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
    }
    for name, body in bodies.items():
        (project / f"tests/test_{name}.py").write_text(f"{body}\n", encoding="utf-8")
    options = ("-p", "no:xdist", "-p", "no:cacheprovider", "-rfEp")
    words = (*options, "--continue-on-collection-errors")
    done = project.run(sys.executable, "-m", "pytest", *words, check=False)
    assert "FAILED tests/test_warning.py::test_a - UserWarning: new" in done.stdout
    assert "FAILED tests/test_success.py::test_a - [XPASS(strict)]" in done.stdout
    assert "ERROR tests/test_mark.py - " in done.stdout
    assert "PASSED tests/test_deprecated.py::test_a" in done.stdout


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
    (project / "tests/test_a.py").write_text(
        "import my_analysis\n\n\ndef test_a(): my_analysis.f(1)\n", encoding="utf-8"
    )
    words = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--cov")
    env = ("-o", "pythonpath=src")
    done = project.run(sys.executable, "-m", "pytest", *words, *env, check=False)
    assert re.search(
        r"src/my_analysis/__init__\.py +3 +0 +2 +1 +80% +2->exit", done.stdout
    )
    assert "Required test coverage of 90.0% not reached" in done.stdout
