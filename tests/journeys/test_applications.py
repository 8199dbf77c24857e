"""docs/applications.md: own applications beside the service."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from new import copy_template
from support.database import postgresql
from support.engine import docker
from support.environments import versions_in
from support.machine import MachineWith
from support.own_data_page import BLOCK
from support.processes import wait_until
from support.project import ROOT, Project, default_context
from support.service import free_port

pytestmark = [pytest.mark.slow, pytest.mark.ci]
PAGE = (ROOT / "docs/applications.md").read_text("utf-8")


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template for services with few dependencies."""
    top = copy_template(tmp_path_factory.mktemp("least"))
    base = {"notebook": "pydantic pydantic-settings typer>=0.20"}
    needs = dict.fromkeys(default_context()["_dependencies"], "") | base
    tools = {"notebook": "ipykernel pre-commit pytest", "managers": ""}
    tools["service"] = "httpx2 tomlkit"
    context = {**default_context(), "_dependencies": needs, "_development": tools}
    (top / "cookiecutter.json").write_text(json.dumps(context), encoding="utf-8")
    return top


def follow_page(machine_with: MachineWith, template: Path, manager: str) -> Project:
    """Make a service with few dependencies, and add the applications of the page."""
    machine = machine_with(manager)
    machine.template = template
    machine.cookiecutter(
        environment_manager=manager,
        starter="service",
        docker=True,
        project_slug="my-analysis",
    )
    project = machine.project()
    commands = re.search(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert commands is not None
    project.run("sh", "-ec", commands[1])
    for name, _, text in BLOCK.findall(PAGE):
        project.write(name, text)
    return project


@pytest.fixture(scope="module")
def of_uv(machine_with: MachineWith, least: Path) -> Project:
    return follow_page(machine_with, least, "uv")


@contextmanager
def running(project: Project, name: str) -> Iterator[None]:
    """Run an application until it is stopped, which is not a failure."""
    program = project.bin / f"my-analysis-{name}"
    with subprocess.Popen([program], cwd=project.path, env=project.env) as process:
        try:
            yield
            assert process.poll() is None, f"{name} has ended"
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode in (0, -15)  # uvicorn ends with the signal it got


@pytest.mark.parametrize(
    "manager", ["uv", pytest.param("pip", marks=pytest.mark.weekly)]
)
def test_a_collector_an_api_and_a_bot_share_a_database_and_a_package(
    machine_with: MachineWith, least: Path, of_uv: Project, manager: str
) -> None:
    is_uv = manager == "uv"
    project = of_uv if is_uv else follow_page(machine_with, least, manager)
    port, password = free_port(), secrets.token_hex()
    with postgresql(password) as address:
        settings = {
            "DATABASE": address,
            "DATABASE_PASSWORD": password,
            "STATS_PORT": port,
            "STATS_URL": f"http://127.0.0.1:{port}",
        }
        lines = [f"MY_ANALYSIS_{name}={value}\n" for name, value in settings.items()]
        project.write(".env", "".join(lines))
        project.make("install-production", "VENV=bot", "APP=bot")

        def ask() -> str:
            return project.run("bot/bin/my-analysis-bot", check=False).stdout

        nothing = rf"The API at http://127\.0\.0\.1:{port} has no answer \(\w+\)\.\n"
        assert re.fullmatch(nothing, ask())
        log = project / "data/raw/a.log"
        log.write_text("attic 10.0\nattic 30.0\nattic 5")
        with running(project, "stats"):
            with running(project, "collector"):
                wait_until(lambda: ask() == "attic: 20.0 °C\n", 60, "two readings", 0.2)
            log.write_text(log.read_text() + "0.0\n")
            with running(project, "collector"):
                wait_until(lambda: ask() == "attic: 30.0 °C\n", 60, "a third one", 0.2)
        assert re.fullmatch(nothing, ask())

    taken = project.make("add-app", "NAME=bot", check=False)
    assert "bot is taken" in taken.stdout
    bots = versions_in(project / "bot")
    everything = versions_in(project / ".venv")
    assert bots.items() <= everything.items()
    assert {"httpx2"} == {"httpx2", "fastapi", "psycopg", "uvicorn"} & {*bots}
    check_code(project)


def check_code(project: Project) -> None:
    """Run the checks of `make check` and the tests on the page's files."""
    files = [name for name, *_ in BLOCK.findall(PAGE) if name.endswith(".py")]
    tool = (sys.executable, "-m")
    project.run(*tool, "ruff", "check", *files)
    project.run(*tool, "black", "--check", *files)
    python = f"--python-executable={project.bin / 'python'}"
    project.run(*tool, "mypy", python, "--follow-imports=silent", *files)
    tests = [name for name in files if name.startswith("tests/")]
    project.run(project.bin / "python", "-m", "pytest", "--noconftest", *tests)


@pytest.mark.usefixtures("engine")
def test_the_image_of_a_bot_shares_the_layers_of_the_library(of_uv: Project) -> None:
    project = of_uv
    project.make("image")
    project.make("image", "APP=bot")
    try:
        config = ("docker", "compose", "--profile=*", "config", "--format=json")
        services = json.loads(project.run(*config).stdout)["services"]
        assert {*services["collector"]["depends_on"]} == {"database"}
        printed = project.run(
            "docker", "compose", "run", "--rm", "bot", check=False
        ).stdout
        assert "The API at http://stats:8001 has no answer" in printed
        inspect = ("inspect", "--format={{json .RootFS.Layers}}")
        plain, bot = (
            docker(*inspect, f"{name}:prod").split(",")
            for name in ("my-analysis", "my-analysis-bot")
        )
        shared = [one for one, other in zip(plain, bot, strict=False) if one == other]
        assert len(shared) >= len(plain) - 2  # the extra and the package differ
    finally:
        project.make("down")
        docker(
            "rmi", "--force", "my-analysis:prod", "my-analysis-bot:prod", check=False
        )
