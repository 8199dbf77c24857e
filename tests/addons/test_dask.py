"""The add-on dask: many files, interruptions, and the recipes of docs/cluster.md."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from support.engine import docker
from support.machine import Machine, MachineWith
from support.processes import (
    children,
    is_running,
    needs_linux,
    put_first_on_path,
    wait_until,
)
from support.project import ROOT, Project, run
from support.service import free_port

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/cluster.md").read_text("utf-8")
BOXES = dict(
    re.findall(r"(?ms)`([^`\n]+)`[^`\n]*\n?[^`\n]*:\n\n```\w+\n(.*?)^```$", PAGE)
)
FILES, ROWS = 16, 60_000
SLUG = "cds-test-dask"


@pytest.fixture(scope="module")
def machine(machine_with: MachineWith) -> Machine:
    """A machine with a project that has the add-on, a model and big tables."""
    machine = machine_with("uv")
    machine.cookiecutter(
        addons="dask",
        docker=True,
        environment_manager="uv",
        project_slug=SLUG,
        sample=True,
        starter="service",
    )
    project = machine.project(SLUG)
    project.make("train")
    header, *lines = project.text("data/raw/penguins.csv").splitlines()
    lines *= ROWS // len(lines) + 1
    for number in range(FILES):
        text = "\n".join([header, *lines[number : number + ROWS], ""])
        path = project / f"data/raw/many/{number}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return machine


@pytest.fixture
def project(machine: Machine) -> Project:
    return machine.project(SLUG)


def words(output: str) -> list[str]:
    """Return the command that predicts the tables with two workers."""
    return [SLUG, "predict-many", "data/raw/many", "-o", output, "--workers=2"]


def done(project: Project, output: str) -> list[Path]:
    marks = (project / output / ".done").glob("*.txt")
    return [project / output / mark.stem for mark in marks]


@contextlib.contextmanager
def halfway(project: Project, output: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command, and wait until some but not all partitions are written."""
    needs_linux()
    program, *rest = words(output)
    process = subprocess.Popen(
        [project.bin / program, *rest],
        cwd=project.path,
        env=dict(project.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: done(project, output) or process.poll(), 60, "a partition")
        assert len(done(project, output)) < FILES
        yield process
    finally:
        process.kill()
        process.communicate()


def workers(process: subprocess.Popen[str]) -> list[int]:
    command = b"spawn_main"
    pids = children(process.pid)
    return [pid for pid in pids if command in Path(f"/proc/{pid}/cmdline").read_bytes()]


def assert_predicted(project: Project, output: str) -> None:
    """Assert that all partitions exist and that one is what a single process writes."""
    assert len(done(project, output)) == FILES
    alone, last = project / "alone.parquet", FILES - 1
    project.run(project.bin / SLUG, "predict", f"data/raw/many/{last}.csv", "-o", alone)
    assert alone.read_bytes() == (project / output / f"{last}.parquet").read_bytes()


def test_a_command_that_is_killed_continues_where_it_stopped(project: Project) -> None:
    output = "data/processed/killed"
    with halfway(project, output) as process:
        processes = workers(process)
        process.kill()
        wait_until(lambda: not any(map(is_running, processes)), 30, "no worker is left")
    before = {path: path.stat().st_mtime_ns for path in done(project, output)}
    said = project.run(project.bin / SLUG, *words(output)[1:]).stdout
    assert f"; {len(before)} files were already done" in said
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_predicted(project, output)
    assert not (project / output / ".unfinished").exists()


def test_a_worker_that_is_killed_costs_nothing(project: Project) -> None:
    output = "data/processed/worker-killed"
    with halfway(project, output) as process:
        os.kill(workers(process)[0], signal.SIGKILL)
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert_predicted(project, output)


def test_slurm_starts_workers_for_a_command(machine: Machine, project: Project) -> None:
    """Stand-ins for Slurm's programs run the jobs on this machine."""
    jobs = 'cp "$1" "$1.job"; setsid sh "$1.job" >"$1.log" 2>&1 &'
    jobs += ' echo "Submitted batch job $!"'
    put_first_on_path(machine, "sbatch", jobs)
    put_first_on_path(machine, "scancel", 'kill -- "-$1"')
    script = BOXES["scripts/slurm.py"].replace("my_analysis", SLUG.replace("-", "_"))
    script = script.replace("MY_ANALYSIS", SLUG.replace("-", "_").upper())
    script = script.replace("cores=8, processes=8", "cores=2, processes=2")
    project.write("slurm.py", script.replace("jobs=4", "jobs=1"))
    pip = ("uv", "pip", "install", "--quiet", "--python", project.bin / "python")
    project.run(*pip, "dask-jobqueue>=0.9")
    output = "data/processed/slurm"
    project.run(project.bin / "python", "slurm.py", *words(output)[1:])
    assert_predicted(project, output)


def strict(schema: Any) -> Any:
    """Return a schema that forbids unknown keys."""
    if isinstance(schema, list):
        return [*map(strict, schema)]
    if not isinstance(schema, dict):
        return schema
    closed = {} if "properties" not in schema else {"additionalProperties": False}
    return {key: strict(value) for key, value in schema.items()} | closed


def test_the_operator_of_kubernetes_accepts_the_cluster(tmp_path: Path) -> None:
    pip = ("uv", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path)
    run(*pip, "dask-kubernetes>=2026.3")
    (path,) = tmp_path.rglob("crds/daskcluster.yaml")
    definition = yaml.safe_load(path.read_text("utf-8"))["spec"]
    (version,) = definition["versions"]
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {key: {} for key in ("apiVersion", "kind", "metadata")}
    cluster = yaml.safe_load(BOXES["deploy/cluster.yaml"])
    assert cluster["apiVersion"] == f"{definition['group']}/{version['name']}"
    assert cluster["kind"] == definition["names"]["kind"]
    jsonschema.validate(cluster, schema)


@pytest.mark.ci
@pytest.mark.usefixtures("engine")
def test_a_cluster_of_containers_predicts(machine: Machine, project: Project) -> None:
    port, output = free_port(), "data/processed/containers"
    machine.env |= {"CLUSTER_PORT": str(port), "DASHBOARD_PORT": str(free_port())}
    machine.env["CDS_TEST_DASK_CLUSTER"] = f"tcp://127.0.0.1:{port}"
    try:
        project.make("cluster", "WORKERS=2")
        project.run(project.bin / SLUG, *words(output)[1:])
        assert_predicted(project, output)
        compose = ("docker", "compose", "--profile=*")
        said = project.run(*compose, "logs", "scheduler").stdout
        assert "Receive client connection" in said
    finally:
        del machine.env["CDS_TEST_DASK_CLUSTER"]
        project.make("down", check=False)
        docker("rmi", "--force", f"{SLUG}:prod", check=False)
