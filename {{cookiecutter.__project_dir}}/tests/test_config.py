"""The project is found, and its settings are read."""

from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import config
from {{ cookiecutter.package_name }}.config import (
    PREFIX,
    ConfigError,
    Settings,
    find_root,
    load_settings,
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a package that is outside of any project."""
    monkeypatch.setattr(config, "__file__", str(tmp_path / "site-packages/config.py"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_an_editable_install_finds_its_own_project_from_anywhere(
    project: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{PREFIX}ROOT")
    monkeypatch.setattr(config, "__file__", str(project / "src/package/config.py"))
    assert load_settings().root == project


def test_an_installed_copy_finds_the_project_around_it(
    project: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{PREFIX}ROOT")
    monkeypatch.chdir(project / "data/raw")
    assert load_settings().root == project


def test_the_variable_comes_first(project: Path) -> None:
    settings = load_settings()
    assert settings.raw_file == project / "data/raw/penguins.csv"
    assert settings.processed_file == project / "data/processed/penguins.parquet"
    assert settings.figures_dir == project / "reports/figures"


def test_settings_stay_as_they_were_read(project: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().root = project.parent


def test_an_empty_variable_counts_as_none(
    project: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}ROOT", "")
    monkeypatch.chdir(project / "data")
    assert load_settings().root == project


def test_the_env_file_of_the_project_is_read(project: Path, tmp_path: Path) -> None:
    lines = [
        f"{PREFIX}RAW_FILE=data/raw/pingüinos.csv",
        f"{PREFIX}FIGURES_DIR={tmp_path}",
        "OTHER=ignored",
    ]
    (project / ".env").write_text("\n".join(lines), encoding="utf-8")
    settings = load_settings()
    assert settings.raw_file == project / "data/raw/pingüinos.csv"
    assert settings.figures_dir == tmp_path


def test_the_env_file_can_name_the_root(
    project: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = project / "data"
    (installed / ".env").write_text(f"{PREFIX}ROOT={named}", encoding="utf-8")
    monkeypatch.delenv(f"{PREFIX}ROOT")
    assert load_settings().root == named


def test_a_variable_beats_the_env_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text(f"{PREFIX}RAW_FILE=file.csv", encoding="utf-8")
    monkeypatch.setenv(f"{PREFIX}RAW_FILE", "variable.csv")
    assert load_settings().raw_file == project / "variable.csv"


def test_no_project_is_said_with_what_to_do(installed: Path) -> None:
    with pytest.raises(ConfigError, match=f"no project in .*here .*set {PREFIX}ROOT"):
        load_settings()


def test_a_root_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}ROOT", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="gone, which is not a directory"):
        load_settings()


def test_an_env_file_in_another_encoding_is_refused(project: Path) -> None:
    (project / ".env").write_bytes(b"NAME=\xe9")
    with pytest.raises(ConfigError, match=r"\.env is not UTF-8 text"):
        load_settings()


def test_a_setting_that_is_not_what_it_must_be_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(Settings):
        count: int = 0

    monkeypatch.setenv(f"{PREFIX}COUNT", "many")
    with pytest.raises(ConfigError, match=f"^{PREFIX}COUNT is 'many': Input should be"):
        Counted.load()


def test_the_first_place_is_trusted_before_the_next(
    project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    assert find_root(other, project) == project
    (other / "pyproject.toml").touch()
    assert find_root(project / "data/raw/penguins.csv", other) == project
    assert find_root(tmp_path) is None
