"""docs/applications.md: an application of one's own beside the service."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from new import copy_template
from support.engine import docker
from support.environments import versions_in
from support.machine import MachineWith
from support.project import ROOT, Project, default_context

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/applications.md").read_text("utf-8")


def box(kind: str) -> str:
    """Return the text of the first box of this kind."""
    text, *_ = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template for services that need no more than their set-up."""
    top = copy_template(tmp_path_factory.mktemp("least"))
    names = ("notebook", "analysis", "model", "service")
    needs = dict.fromkeys(names, "") | {"notebook": "typer>=0.20"}
    tools = {"notebook": "ipykernel pre-commit pytest", "managers": ""}
    tools["service"] = "tomlkit"
    context = {**default_context(), "_dependencies": needs, "_development": tools}
    (top / "cookiecutter.json").write_text(json.dumps(context), encoding="utf-8")
    return top


def follow_page(machine_with: MachineWith, template: Path, manager: str) -> Project:
    """Make a service that depends on little, and add the bot to it."""
    machine = machine_with(manager)
    machine.template = template
    machine.cookiecutter(
        environment_manager=manager,
        starter="service",
        docker=True,
        project_slug="my-analysis",
    )
    project = machine.project()
    project.run("sh", "-ec", box("bash"))
    (project / "src/my_analysis/bot.py").write_text(box("python"), "utf-8")
    with (project / "compose.yaml").open("a", encoding="utf-8") as file:
        file.write(box("yaml"))
    return project


@pytest.mark.parametrize(
    "manager",
    ["uv", *(pytest.param(name, marks=pytest.mark.ci) for name in ("poetry", "pip"))],
)
def test_a_bot_has_its_own_command_and_dependencies(
    machine_with: MachineWith, least: Path, manager: str
) -> None:
    project = follow_page(machine_with, least, manager)
    assert project.manifest["project"]["optional-dependencies"].keys() >= {"bot"}
    taken = project.make("add-app", "NAME=bot", check=False)
    assert "bot is taken" in taken.stdout
    pytest_words = ("-m", "pytest", "--noconftest", "tests/test_bot.py")
    project.run(project.bin / "python", *pytest_words)
    bot = project.run(project.bin / "my-analysis-bot").stdout
    assert re.fullmatch(r"[\d.]+ (Bytes|kB)\n", bot)
    project.make("install-production", "VENV=plain")
    project.make("install-production", "VENV=bot", "APP=bot")
    plain, with_bot = (versions_in(project / name) for name in ("plain", "bot"))
    added = {name: with_bot[name] for name in with_bot if name not in plain}
    assert added == {"humanize": versions_in(project / ".venv")["humanize"]}
    assert plain.items() <= with_bot.items()
    assert project.run(project / "bot/bin/my-analysis-bot").stdout == bot


@pytest.mark.usefixtures("engine")
def test_the_image_of_a_bot_shares_the_layers_of_the_library(
    machine_with: MachineWith, least: Path
) -> None:
    project = follow_page(machine_with, least, "uv")
    project.make("image")
    project.make("image", "APP=bot")
    try:
        printed = project.run("docker", "compose", "run", "bot").stdout
        assert re.match(r"[\d.]+ ", printed.splitlines()[-1])
        inspect = ("inspect", "--format={{json .RootFS.Layers}}")
        plain, bot = (
            docker(*inspect, f"{name}:prod").split(",")
            for name in ("my-analysis", "my-analysis-bot")
        )
        shared = [one for one, other in zip(plain, bot, strict=False) if one == other]
        assert (
            len(shared) >= len(plain) - 2
        )  # the extra's layer and the package's differ
    finally:
        project.make("down")
        docker(
            "rmi", "--force", "my-analysis:prod", "my-analysis-bot:prod", check=False
        )
