"""docs/second-package.md: a project that depends on the package of another project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.engine import docker
from support.machine import MachineWith
from support.project import ROOT, Project

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/second-package.md").read_text("utf-8")
FROM_BESIDE, FROM_WHEEL = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)
WHERE = "import my_analysis; print(my_analysis.__file__)"


@pytest.fixture(scope="module")
def second(machine_with: MachineWith, little: Path) -> Project:
    """A project with uv next to the first one, which has a repository with a tag."""
    machine = machine_with("uv")
    machine.template = little
    answers: dict[str, Any] = {"environment_manager": "uv", "docker": True}
    machine.cookiecutter(set_up="no", project_slug="my-analysis", **answers)
    machine.cookiecutter(project_slug="second", **answers)
    bare = machine.work / "bare.git"
    for words in (
        "init --quiet",
        "add --all",
        "commit --quiet --message=One",
        "tag v0.1.0",
        f"clone --quiet --bare . {bare}",
    ):
        machine.project().git(*words.split())
    machine.env["FIRST"] = bare.as_uri()
    return machine.project("second")


def where(project: Project, environment: str = ".venv") -> Path:
    python = project / environment / "bin/python"
    return Path(project.run(python, "-c", WHERE).stdout.strip())


def test_a_package_comes_from_git_a_directory_or_a_wheel(second: Project) -> None:
    from_git, from_directory = FROM_BESIDE.splitlines()
    second.run("sh", "-ec", from_git)
    assert where(second).is_relative_to(second / ".venv")
    assert second.env["FIRST"] in second.text("uv.lock")
    second.run("sh", "-ec", from_directory)
    assert (
        where(second) == second.path.parent / "my-analysis/src/my_analysis/__init__.py"
    )
    second.run("sh", "-ec", FROM_WHEEL)
    second.make("install-production", "VENV=prod")
    for environment in (".venv", "prod"):
        assert where(second, environment).is_relative_to(second / environment)
    assert "../my-analysis" not in second.text("uv.lock") + second.text(
        "pyproject.toml"
    )


@pytest.mark.usefixtures("engine")
def test_the_wheel_of_a_package_is_in_the_image(second: Project) -> None:
    if not (second / "vendor").exists():
        second.run("sh", "-ec", FROM_WHEEL)
    lines = second.text("Dockerfile")
    lines = re.sub(
        r"^COPY .*\.lock.*", r"\g<0>\nCOPY vendor ./vendor", lines, flags=re.M
    )
    second.write("Dockerfile", lines)
    second.make("image")
    try:
        said = docker("run", "--rm", "--entrypoint=python", "second:prod", "-c", WHERE)
        assert said.startswith("/opt/venv/")
    finally:
        docker("rmi", "--force", "second:prod", check=False)
