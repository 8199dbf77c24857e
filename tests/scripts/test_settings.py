"""git commits what the template wrote, and ignores what working leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.project import Bake, Project

Copy = Callable[[Project], Project]

# Files that working leaves behind and that must not be committed.
LEFT_BEHIND = """
    data/raw/mine.csv data/interim/mine.csv data/processed/mine.parquet
    reports/figures/mine.png models/mine.joblib .env .venv/pyvenv.cfg .cache/mine
    src/my_analysis/__pycache__/data.pyc src/my_analysis.egg-info/PKG-INFO build/mine
    notebooks/.ipynb_checkpoints/01-explore.ipynb .coverage .coverage.host.1
    coverage.xml htmlcov/index.html dist/mine.whl .mypy_cache/mine .pytest_cache/mine
    .ruff_cache/mine .DS_Store .idea/mine.xml data/Thumbs.db
"""


@pytest.mark.parametrize("starter", ["analysis", "model"])
def test_git_commits_rendered_files_and_ignores_results(
    bake: Bake, copy: Copy, starter: str
) -> None:
    project = copy(bake(starter=starter))
    made = {*project.files}
    names = LEFT_BEHIND.split()
    for name in [each for each in names if starter == "model" or "models/" not in each]:
        project.write(name, "mine")
    project.git("init", "--quiet")
    project.git("add", "--all")
    assert {*project.git("ls-files").splitlines()} == made
