"""The contents of an environment."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name

EMPTY: Mapping[str, str] = MappingProxyType({})


def site_packages(environment: Path) -> Path:
    (found,) = {
        *environment.glob("lib/python*/site-packages"),
        *environment.glob("Lib/site-packages"),
    }
    return found


def damaged_files(environment: Path) -> list[str]:
    """Return the files of installed packages that are missing or incomplete.

    Bytecode is left out, as not every installer writes it.
    """
    site = site_packages(environment)
    records = [path.read_text("utf-8") for path in site.glob("*.dist-info/RECORD")]
    assert len(records) > 20
    rows = (row for text in records for row in csv.reader(text.splitlines()))
    wanted = {name: size for name, _, size in rows if not name.endswith(".pyc")}

    def is_whole(path: Path, size: str) -> bool:
        return path.exists() and size in ("", str(path.stat().st_size))

    return [name for name in wanted if not is_whole(site / name, wanted[name])]


def versions_in(environment: Path) -> dict[str, str]:
    """Return the installed packages: names to versions.

    Both are in the names of metadata directories.
    """
    found = [path.stem for path in site_packages(environment).glob("*.dist-info")]
    pairs = (stem.split("-") for stem in found)
    return {canonicalize_name(name): version for name, version in pairs}


def write_wheel(
    directory: Path, name: str, version: str, files: Mapping[str, str] = EMPTY
) -> None:
    """Write a wheel with these files."""
    directory.mkdir(parents=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(
        directory / f"{name}-{version}-py3-none-any.whl", "w"
    ) as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
