"""The package finds the project's root."""

from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import config

ROOT = f"{config.PREFIX}ROOT"


def test_an_environment_variable_sets_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT, str(tmp_path))
    assert config.find_root() == tmp_path


def test_an_installed_package_finds_the_root_above_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "Übung 1"
    (project / "data/raw").mkdir(parents=True)
    (project / "pyproject.toml").touch()
    monkeypatch.delenv(ROOT, raising=False)
    monkeypatch.setattr(config, "__file__", str(tmp_path / "site-packages/config.py"))
    monkeypatch.chdir(project / "data/raw")
    assert config.find_root() == project
