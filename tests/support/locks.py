"""The contents of each manager's lock files."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.project import Project, default_context

MANAGERS: list[str] = default_context()["environment_manager"]


def locked(project: Project) -> dict[str, set[str]]:
    """Return the locked packages without the project: names to versions.

    A package can have several versions, for different platforms or Pythons.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for name, version in (
        *locked_in_toml(project),
        *locked_in_requirements(project),
        *locked_in_pipfile(project),
    ):
        found[canonicalize_name(name)].add(version)
    assert len(found) > 50
    return {name: found[name] for name in found if name != project.path.name}


def locked_in_toml(project: Project) -> list[tuple[str, str]]:
    """Return the pins of uv.lock, poetry.lock and pip's pylock files."""
    files = [project / "uv.lock", project / "poetry.lock"]
    pins = []
    for path in [*files, *project.path.glob("pylock*.toml")]:
        if path.exists():
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            packages = content["packages" if "pylock" in path.name else "package"]
            pins += [(each["name"], each["version"]) for each in packages]
    return pins


def locked_in_requirements(project: Project) -> list[tuple[str, str]]:
    """Return the pins of pip-tools' requirements files, which all have hashes."""
    pins = []
    for path in project.path.glob("requirements*.txt"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line and not line.lstrip().startswith("#"):
                pin, _, hashes = line.partition(" --hash=")
                requirement = Requirement(pin)
                assert hashes, line
                pins.append(
                    (requirement.name, str(requirement.specifier).removeprefix("=="))
                )
    return pins


def locked_in_pipfile(project: Project) -> list[tuple[str, str]]:
    """Return the pins of Pipfile.lock, which all have hashes."""
    path = project / "Pipfile.lock"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pins = []
    for section in ("default", "develop"):
        for name, entry in content.get(section, {}).items():
            if "path" not in entry and "file" not in entry:
                assert entry["hashes"], name
                pins.append((name, entry["version"].removeprefix("==")))
    return pins


def lock_files(project: Project) -> list[str]:
    kinds = ("*.lock", "pylock*.toml", "requirements*.txt")
    return sorted(path.name for kind in kinds for path in project.path.glob(kind))
