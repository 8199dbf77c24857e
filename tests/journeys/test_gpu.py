"""docs/gpu.md: torch from its own index, on a machine without a GPU."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer

from support.environments import write_wheel
from support.machine import MachineWith
from support.project import ROOT, Bake

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/gpu.md").read_text("utf-8")
WHEEL = "torch-2.9.0+cu130-py3-none-any.whl"
CUDA = "class cuda:\n    @staticmethod\n    def is_available(): return False\n"
DEVICE = re.findall(r"^import torch.*?^device = [^\n]*", PAGE, re.M | re.S)[0]


def box(heading: str, language: str) -> str:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return section.split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def index(tmp_path: Path, httpserver: HTTPServer) -> str:
    """The address of an index that has only a stub of torch."""
    write_wheel(tmp_path / "whl", "torch", "2.9.0+cu130", {"torch/__init__.py": CUDA})
    name = WHEEL.replace("+", "%2B")
    wheel, page = (tmp_path / "whl" / WHEEL).read_bytes(), f'<a href="../{name}">x</a>'
    html = httpserver.expect_request("/whl/cu130/torch/")
    html.respond_with_data(page, content_type="text/html")
    httpserver.expect_request(f"/whl/cu130/{WHEEL}").respond_with_data(wheel)
    return httpserver.url_for("").rstrip("/")


@pytest.mark.parametrize(
    "manager", ["uv", pytest.param("pip", marks=pytest.mark.weekly)]
)
def test_torch_of_another_index_is_locked_and_falls_back_to_the_processor(
    machine_with: MachineWith, little: Path, index: str, manager: str
) -> None:
    machine = machine_with(manager)
    machine.template = little
    machine.cookiecutter(environment_manager=manager, docker=True)
    project = machine.project()
    manifest = project.text("pyproject.toml")
    if manager == "uv":
        manifest = manifest.replace("dependencies = [", 'dependencies = ["torch",', 1)
        manifest = manifest.replace(
            "[tool.uv]\n", "[tool.uv]\nexclude-newer-package = { torch = false }\n"
        )
    manifest += "\n" + box(manager, "toml").replace("https://pytorch.example", index)
    project.write("pyproject.toml", manifest)
    if manager == "uv":
        project.make("lock", "install")
    else:
        command = box("pip", "bash").replace("https://pytorch.example", index)
        project.run("sh", "-ec", command)
    lock = project.text({"uv": "uv.lock", "pip": "pylock.toml"}[manager])
    assert WHEEL.replace("+", "%2B") in lock
    code = f"{DEVICE}; print(device)"
    assert project.run(project.bin / "python", "-c", code).stdout == "cpu\n"


def test_the_containers_with_a_gpu_are_services_of_the_project(
    bake: Bake,
) -> None:
    services = yaml.safe_load(bake(docker=True).text("compose.yaml"))["services"]
    given = yaml.safe_load(box("Containers", "yaml"))["services"]
    assert {*given} <= {*services}
    (device,) = given["dev"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
