"""The project is found, and its settings are read."""

from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import config

PREFIX = config.PREFIX


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which the settings point at."""
    root = tmp_path / "Übung 1"
    (root / "data/raw").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    monkeypatch.setenv(f"{PREFIX}ROOT", str(root))
    return root


def test_paths_start_at_the_root(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text(f"{PREFIX}FIGURES_DIR={tmp_path}", encoding="utf-8")
    settings = config.Settings.load()
    assert settings.raw_dir == project / "data/raw"
    assert settings.figures_dir == tmp_path


def test_an_environment_variable_beats_the_env_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text(f"{PREFIX}RAW_DIR=file", encoding="utf-8")
    monkeypatch.setenv(f"{PREFIX}RAW_DIR", "variable")
    assert config.Settings.load().raw_dir == project / "variable"


def test_an_installed_package_finds_the_project_around_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{PREFIX}ROOT")
    monkeypatch.setattr(config, "__file__", str(tmp_path / "site-packages/config.py"))
    monkeypatch.chdir(project / "data/raw")
    assert config.find_root() == project
    monkeypatch.chdir(tmp_path)
    with pytest.raises(config.ProjectError, match=f"set {PREFIX}ROOT"):
        config.find_root()


def test_a_setting_that_is_not_valid_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(config.Settings):
        count: int = 0

    monkeypatch.setenv(f"{PREFIX}COUNT", "many")
    with pytest.raises(config.ProjectError, match=f"^{PREFIX}COUNT is 'many': "):
        Counted.load()
