"""Options and fixtures of the benchmarks, and the table of ratios."""

from __future__ import annotations

import functools
import os
import signal
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.sandbox import Sandbox

RATIOS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("template benchmarks")
    group.addoption("--rounds", type=int, default=5, help="rounds of each test (5)")
    group.addoption(
        "--managers",
        default="uv",
        help="environment managers, separated by commas (uv)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "manager" in metafunc.fixturenames:
        names = metafunc.config.getoption("managers").split(",")
        mark = pytest.mark.benchmark
        values = [pytest.param(n, marks=mark(group=f"project, {n}")) for n in names]
        metafunc.parametrize("manager", values, scope="class")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the file system of uv's cache, so that uv can make hard links."""
    cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache/uv"))
    parent = Path(tempfile.gettempdir())
    if cache.exists() and cache.stat().st_dev != parent.stat().st_dev:
        parent = cache.parent
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # pytest then cleans up
    with tempfile.TemporaryDirectory(
        prefix="benchmark-", dir=parent, ignore_cleanup_errors=True
    ) as root:
        yield Sandbox(Path(root).resolve())


@pytest.fixture
def measure(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config
) -> Callable[..., object]:
    """Return benchmark.pedantic with the given rounds and one for warm-up."""
    rounds = pytestconfig.getoption("rounds")
    return functools.partial(benchmark.pedantic, rounds=rounds, warmup_rounds=1)


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    """Return the number of rounds."""
    return int(pytestconfig.getoption("rounds"))


@pytest.fixture
def ratio(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Return a function that adds a ratio of medians to the table."""

    def ratio(
        group: str, figures: dict[str, list[float]], own: str, other: str
    ) -> None:
        sides = [figures[own], figures[other]]
        medians = [statistics.median(side) for side in sides]
        quartiles = [statistics.quantiles(side * 2) for side in sides]
        spread = " | ".join(
            f"{(high - low) / median:.0%}"
            for (low, _, high), median in zip(quartiles, medians, strict=True)
        )
        lines = pytestconfig.stash.setdefault(RATIOS, [])
        found = medians[0] / medians[1]
        lines.append(f"| {group} | {other} | {found:.3g} | {spread} |")

    return ratio


def pytest_benchmark_update_json(
    config: pytest.Config, output_json: dict[str, Any]
) -> None:
    """Add the ratio of medians for each group with two tests."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in output_json["benchmarks"]:
        groups.setdefault(each["group"], []).append(each)
    lines = config.stash.setdefault(RATIOS, [])
    for group, sides in groups.items():
        if len(sides) == 2:
            sides.sort(key=lambda side: not side["name"].startswith("test_ours"))
            against = (
                sides[1]["name"]
                .removeprefix("test_")
                .partition("[")[0]
                .replace("_", " ")
            )
            stats = [side["stats"] for side in sides]
            ratio = stats[0]["median"] / stats[1]["median"]
            spread = " | ".join(f"{each['iqr'] / each['median']:.0%}" for each in stats)
            lines.append(f"| {group} | {against} | {ratio:.3g} | {spread} |")
            if all(side["extra_info"] for side in sides):
                own, other = (side["extra_info"]["disk_mb"] for side in sides)
                lines.append(f"| {group}: MB | {against} | {own / other:.3g} | | |")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(RATIOS, []):
        terminalreporter.section("ratios of medians")
        heads = ["| ours | theirs | ratio | IQR, ours | IQR, theirs |"]
        for line in [*heads, "|---|---|--:|--:|--:|", *lines]:
            terminalreporter.write_line(line)
