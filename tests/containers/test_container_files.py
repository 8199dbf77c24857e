"""The files for containers are accepted by the programs that read them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from support.engine import missing
from support.machine import Machine
from support.processes import put_first_on_path
from support.project import Bake, Project, default_context, run

Copy = Callable[[Project], Project]

STARTERS = default_context()["starter"]


def read_by_compose(project: Project, **env: str) -> dict[str, Any]:
    if run("docker", "compose", "version", check=False).returncode != 0:
        missing("docker compose is missing")
    command = ("docker", "compose", "--profile", "*", "config", "--format", "json")
    done = run(*command, cwd=project.path, env={**os.environ, **env})
    config: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    services: dict[str, Any] = config["services"]
    return services


@pytest.mark.parametrize("starter", STARTERS)
def test_compose_gives_production_no_rights_and_publishes_on_loopback_only(
    bake: Bake, starter: str
) -> None:
    services = read_by_compose(bake(starter=starter, docker=True))
    assert ("api" in services) == (starter == "service")
    for name in {"pipeline", "api"} & {*services}:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for service in services.values():
        assert service["user"] == "1000:1000"
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}


def test_compose_uses_the_image_that_a_server_names(bake: Bake) -> None:
    project = bake(starter="service", docker=True)
    services = read_by_compose(project, API_IMAGE="registry.example.org/team/a:1")
    assert services["api"]["image"] == "registry.example.org/team/a:1"


def test_the_dev_container_is_the_image_dev(bake: Bake) -> None:
    project = bake(starter="service", docker=True)
    configuration = json.loads(project.text(".devcontainer/devcontainer.json"))
    assert configuration["image"] == read_by_compose(project)["dev"]["image"]


# The options that make passes to the build.


def build_command(machine: Machine, project: Project, *words: str) -> list[str]:
    """Return the arguments of the docker command with which make builds an image."""
    put_first_on_path(machine, "docker", 'printf "%s\\n" "$@"')
    (project / "uv.lock").touch()
    output = run(
        "make", "-s", "image", *words, cwd=project.path, env=machine.env
    ).stdout
    lines = output.splitlines()
    return lines[lines.index("build") :]


def test_a_build_gets_credentials_and_certificates_as_secrets_where_they_exist(
    bake: Bake, copy: Copy, machine: Machine
) -> None:
    project = copy(bake(environment_manager="uv", docker=True))
    assert "--secret" not in build_command(machine, project)
    (machine.home / ".netrc").touch()
    words = build_command(machine, project, "CA_BUNDLE=/etc/acme.pem")
    secrets = [words[n + 1] for n, word in enumerate(words) if word == "--secret"]
    netrc = f"id=netrc,src={machine.home}/.netrc"
    assert secrets == [netrc, "id=ca,src=/etc/acme.pem"]
