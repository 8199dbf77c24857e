"""What tests of updates share: the template's repository, and projects made from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from support.machine import Machine
from support.project import Project, complete
from support.template_repository import Template


@pytest.fixture
def template_repository(machine: Machine) -> Template:
    """The template as a repository with one commit."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    repository = Template(machine, path)
    repository.git("init", "--quiet")
    repository.commit("A")
    return repository


@pytest.fixture
def make_project(template_repository: Template) -> Callable[..., Project]:
    """Make a project from the repository with plain cookiecutter."""

    def made(**answers: object) -> Project:
        machine = template_repository.machine
        template = str(template_repository.path)
        given = [
            f"{name}={value}"
            for name, value in complete({"set_up": "yes", **answers}).items()
        ]
        machine.call_cookiecutter(template, "--no-input", *given)
        return machine.project()

    return made
