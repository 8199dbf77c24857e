"""Where the project is, and which files it reads and writes.

A setting comes from an environment variable, else from `.env` in the project's
root, else from its default here. The variable is the setting's name in capitals
after the package's name, as in `.env.example`.
"""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = f"{__package__.upper()}_"


class ProjectError(Exception):
    """What a person can put right; the text is one line that says what is wrong."""


class ConfigError(ProjectError):
    """The project or its settings cannot be found or read; the text is one line."""


def find_root(*starts: Path) -> Path | None:
    """Look for the project at each place in turn, and in the directories above it.

    Args:
        starts: Absolute paths of files or directories, the most trusted one first.

    Returns:
        The nearest directory that holds both `pyproject.toml` and `data/`, or None.
    """
    for start in starts:
        for place in (start, *start.parents):
            if (place / "pyproject.toml").is_file() and (place / "data").is_dir():
                return place
    return None


def nearby_root() -> Path:
    """Find the project that this code belongs to.

    Returns:
        The project around this file, as in an editable install; else, for an
        installed wheel, the project around the current directory.

    Raises:
        ConfigError: There is a project around neither.
    """
    root = find_root(Path(__file__), Path.cwd())
    if root is None:
        raise ConfigError(
            f"no project in {Path.cwd()} or above it (pyproject.toml beside data/); "
            f"go to the project or set {PREFIX}ROOT to its directory"
        )
    return root


def _starting_at_the_root(path: Path, info: ValidationInfo) -> Path:
    root: Path = info.data["root"]
    return root / path.expanduser()


ProjectPath = Annotated[Path, AfterValidator(_starting_at_the_root)]


class Settings(BaseSettings):
    """The project's root and its files, as absolute paths.

    A relative file or directory is taken from the root, and `~` is the home directory.

    Attributes:
        root: The project's directory, which must exist.
        raw_file: The table as it was received (CSV).
        processed_file: The cleaned table (Parquet).
        figures_dir: The directory of the figures (PNG).

    Raises:
        ConfigError: The root is not set and not nearby, or is not a directory.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    root: Path = Field(default_factory=nearby_root)
    raw_file: ProjectPath = Path("data/raw/penguins.csv")
    processed_file: ProjectPath = Path("data/processed/penguins.parquet")
    figures_dir: ProjectPath = Path("reports/figures")

    @field_validator("root")
    @classmethod
    def _is_a_directory(cls, root: Path) -> Path:
        root = root.expanduser().resolve()
        if not root.is_dir():
            raise ConfigError(f"{PREFIX}ROOT is {root}, which is not a directory")
        return root

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment, and from `.env` in the root.

        Raises:
            ConfigError: There is no project, its root is not a directory, `.env` is
                not UTF-8 text, or a setting is not what it must be.
        """
        here = Path.cwd()
        root = os.environ.get(f"{PREFIX}ROOT") or find_root(Path(__file__), here)
        env_file = Path(root or here).expanduser() / ".env"
        try:
            return cls(_env_file=env_file)  # type: ignore[call-arg]
        except UnicodeDecodeError:
            raise ConfigError(f"{env_file} is not UTF-8 text") from None
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{PREFIX}{first['loc'][0]}".upper()
            raise ConfigError(f"{name} is {first['input']!r}: {first['msg']}") from None


def load_settings() -> Settings:
    """Read the settings as `Settings.load` does."""
    return Settings.load()
