"""Fixtures of the tests of updates: the template's repository and its projects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from support.machine import Machine
from support.project import Project
from support.template_repository import Template


@pytest.fixture
def template_repository(machine: Machine) -> Template:
    """The template as a repository with one commit."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    repository = Template(machine, path)
    repository.commit("A")
    return repository


@pytest.fixture
def make_project(template_repository: Template) -> Callable[..., Project]:
    def made(**answers: Any) -> Project:
        machine = template_repository.machine
        machine.template = template_repository.path
        machine.cookiecutter(**answers)
        return machine.project()

    return made


@pytest.fixture
def make_committed(
    make_project: Callable[..., Project],
) -> Callable[[str], Project]:
    """Make a committed project of a starter, without an environment."""

    def made(starter: str) -> Project:
        project = make_project(set_up="no", starter=starter, sample=True)
        project.commit("Start")
        project.env = {**project.env, "MAKE": "true"}
        return project

    return made
