"""Fixtures of the tests of containers: projects with images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.engine import docker
from support.machine import Machine, MachineWith
from support.project import Project, run


def new_project(
    machine: Machine, name: str, manager: str, starter: str = "analysis"
) -> Project:
    """Make a project with a lock file and one commit, but without an environment."""
    machine.cookiecutter(
        set_up="no",
        project_slug=name,
        environment_manager=manager,
        starter=starter,
        sample=True,
        docker=True,
    )
    project = machine.project(name)
    project.make("lock")
    project.commit("Start")
    return project


def remove_images(project: Project) -> None:
    name = project.path.name
    images = (":prod", ":dev", ":notebook", "-api:prod", "-worker:prod")
    tags = [name + image for image in images]
    docker("rmi", "--force", *tags, check=False)


@pytest.fixture(scope="session")
def service(engine: None, machine_with: MachineWith) -> Iterator[Project]:
    """A service project with images and a model that was trained in a container."""
    project = new_project(machine_with("uv"), "cds-test-service", "uv", "service")
    for app in ("", "api", "worker"):
        project.make("image", f"APP={app}")
    project.make("pipeline")
    yield project
    remove_images(project)


@pytest.fixture(scope="session")
def poetry_base(
    engine: None, index_settings: dict[str, dict[str, str]]
) -> Iterator[str]:
    """The build option for Poetry's plugin, if the index has no JSON pages."""
    if not index_settings:
        yield ""
        return
    mirror = index_settings["poetry"]["POETRY_PYPI_MIRROR_URL"]
    text = f"""FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE=1
RUN pip install --no-compile --no-cache-dir poetry poetry-plugin-pypi-mirror
ENV POETRY_PYPI_MIRROR_URL={mirror}
ENV REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
"""
    name = "cds-test-base"
    run("docker", "build", "--quiet", "--tag", name, "-", stdin=text)
    yield f"--build-arg BASE={name}"
    docker("rmi", "--force", name)


@pytest.fixture(scope="module")
def small_project(
    machine_with: MachineWith, little: Path, poetry_base: str
) -> Iterator[Callable[[str], Project]]:
    """Make a small project and its prod image, once for each manager."""
    made: dict[str, Project] = {}

    def once(manager: str) -> Project:
        if manager not in made:
            machine = machine_with(manager)
            machine.template = little
            project = new_project(machine, f"cds-test-{manager}", manager)
            made[manager] = project
            base = poetry_base if manager == "poetry" else ""
            project.make("image", f"ARGS={base}")
        return made[manager]

    yield once
    for project in made.values():
        remove_images(project)
