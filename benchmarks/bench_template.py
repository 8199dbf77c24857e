"""Comparisons of the template with alternatives; each class is a group of two tests."""

from __future__ import annotations

import contextlib
import shutil
import stat
import statistics
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import by_hand, service
from benchmarks.sandbox import PYTHON, Sandbox

Measure = Callable[..., object]


def children_time() -> float:
    """Return the processor time of finished child processes, in seconds."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


@pytest.mark.skipif(not psutil.LINUX, reason="psutil measures children only on Linux")
@pytest.mark.benchmark(group="rendering, processor time", timer=children_time)
class TestRendering:
    def test_ours(self, measure: Measure, sandbox: Sandbox) -> None:
        project = sandbox.root / "ours"
        measure(
            lambda: sandbox.make_project(project, set_up="no"),
            teardown=lambda: shutil.rmtree(project),
        )

    def test_empty_template(self, measure: Measure, sandbox: Sandbox) -> None:
        parent = sandbox.root / "parent"
        measure(
            lambda: sandbox.render(sandbox.empty_template, parent),
            teardown=lambda: shutil.rmtree(parent),
        )


@pytest.fixture(scope="class")
def first(sandbox: Sandbox, manager: str) -> Path:
    """Make a project, which fills the caches; its Python creates other environments."""
    project = sandbox.root / manager / "first"
    sandbox.make_project(project, manager)
    return project


@pytest.fixture
def finish(benchmark: BenchmarkFixture, sandbox: Sandbox) -> Callable[[Path], None]:
    """Return a function that checks, measures and deletes a project."""

    def finish(project: Path) -> None:
        kernels = list(sandbox.home.glob(f"**/kernels/{project.name}/kernel.json"))
        if not kernels or not (project / ".git/hooks/pre-commit").exists():
            raise RuntimeError(f"no kernel or no git hooks: {project}")
        benchmark.extra_info["disk_mb"] = own_bytes(project) / 1_000_000
        shutil.rmtree(project)
        shutil.rmtree(kernels[0].parent)

    return finish


def own_bytes(top: Path) -> int:
    """Return the size on disk in bytes, without files that have other hard links."""
    states = [each.lstat() for each in [top, *top.rglob("*")]]
    own = [each for each in states if each.st_nlink == 1 or stat.S_ISDIR(each.st_mode)]
    return sum(getattr(each, "st_blocks", each.st_size // 512) for each in own) * 512


class TestProject:  # conftest.py makes a group for each manager
    def test_ours(
        self, measure: Measure, sandbox: Sandbox, first: Path, finish: Measure
    ) -> None:
        project, manager = first.with_name("ours"), first.parent.name
        measure(
            lambda: sandbox.make_project(project, manager),
            teardown=lambda: finish(project),
        )

    def test_by_hand(
        self, measure: Measure, sandbox: Sandbox, first: Path, finish: Measure
    ) -> None:
        project, manager = first.with_name("by-hand"), first.parent.name
        empty = first.with_name("empty")

        def put_files() -> None:
            shutil.rmtree(empty, ignore_errors=True)
            sandbox.make_project(project, manager, set_up="no")

        def make() -> None:
            sandbox.render(sandbox.empty_template, empty)
            for command in by_hand.commands(manager, project, first / PYTHON):
                sandbox.run(*command, cwd=project)

        measure(make, setup=put_files, teardown=lambda: finish(project))


@pytest.fixture(scope="class")
def trained(sandbox: Sandbox) -> Path:
    project = sandbox.root / "service"
    sandbox.make_project(project, starter="service")
    sandbox.run(project / PYTHON, "-m", "service", "train", cwd=project)
    (project / "bare.py").write_text(service.BARE, encoding="utf-8")
    return project


Rates = dict[str, list[float]]


class TestService:
    def test_rate(
        self, sandbox: Sandbox, trained: Path, ratio: Measure, rounds: int
    ) -> None:
        """Compare requests per second, and latencies at half the rate of ours."""
        rates: dict[int, Rates] = {}
        latencies: Rates = {}
        with contextlib.ExitStack() as stack:
            ports = {
                name: stack.enter_context(service.running(sandbox, trained, *words))[0]
                for name, words in service.SERVERS.items()
            }
            for port in ports.values():
                service.load(port, 1)
            for _ in range(rounds):
                for rows in (1, 100):
                    for name, port in ports.items():
                        found = service.load(port, rows)["requests"]["average"]
                        rates.setdefault(rows, {}).setdefault(name, []).append(found)
                half = str(round(statistics.median(rates[1]["ours"]) / 2))
                for name, port in ports.items():
                    given = ("-d", str(service.SECONDS), "-R", half)
                    found = service.load(port, 1, *given)["latency"]["p99"]
                    latencies.setdefault(name, []).append(found)
        same, bare = [*service.SERVERS][1:]
        for other in (same, bare):
            ratio("service, one row: answers per second", rates[1], "ours", other)
        ratio("service, 100 rows: answers per second", rates[100], "ours", same)
        ratio("the middlewares alone: answers per second", rates[1], same, bare)
        ratio("service, one row: p99 at a constant rate", latencies, "ours", same)

    def test_memory(self, sandbox: Sandbox, trained: Path, ratio: Measure) -> None:
        """Compare the memory after 100,000 requests with that after 10,000."""
        before, after = "after 10,000 requests", "after 100,000"
        memory: Rates = {}
        words = service.SERVERS["ours"]
        with service.running(sandbox, trained, *words) as (port, process):
            for name, count in ((before, 10_000), (after, 90_000)):
                service.load(port, 1, "-a", str(count))
                memory[name] = [process.memory_info().rss]
        ratio("service: memory after 100,000 requests", memory, after, before)
