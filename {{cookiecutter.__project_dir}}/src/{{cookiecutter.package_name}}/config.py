"""The project's directories, and the settings that differ between machines.

A setting comes from an environment variable, else from `.env` in the project's root,
else from its default here. `.env.example` lists the variables.
"""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = f"{__package__.upper()}_"


class ProjectError(Exception):
    """An error that the user can fix; its text is one line."""


def find_root() -> Path:
    """Return the project's root, the directory with `pyproject.toml` and `data`.

    The variable ROOT names it; else it is above this file (editable install), or above
    the current directory.

    Raises:
        ProjectError: ROOT is not a directory, or there is no project.
    """
    if named := os.environ.get(f"{PREFIX}ROOT"):
        root = Path(named).expanduser().resolve()
        if not root.is_dir():
            raise ProjectError(f"{PREFIX}ROOT is {root}, which is not a directory")
        return root
    here = Path.cwd()
    for place in (*Path(__file__).parents, here, *here.parents):
        if (place / "pyproject.toml").is_file() and (place / "data").is_dir():
            return place
    raise ProjectError(f"no project above {here}; set {PREFIX}ROOT to its directory")


def _from_root(path: Path, info: ValidationInfo) -> Path:
    root: Path = info.data["root"]
    return root / path.expanduser()


ProjectPath = Annotated[Path, AfterValidator(_from_root)]


class Settings(BaseSettings):
    """Absolute paths; a relative path starts at the root.

    Attributes:
        root: The project's directory.
        raw_dir: Data as they were received.
        processed_dir: Data that the code has cleaned.
        figures_dir: Figures.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    root: Path
    raw_dir: ProjectPath = Path("data/raw")
    processed_dir: ProjectPath = Path("data/processed")
    figures_dir: ProjectPath = Path("reports/figures")

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            ProjectError: There is no project, or a setting is not valid.
        """
        root = find_root()
        try:
            return cls(root=root, _env_file=root / ".env")  # type: ignore[call-arg]
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{PREFIX}{first['loc'][0]}".upper()
            raise ProjectError(
                f"{name} is {first['input']!r}: {first['msg']}"
            ) from None
