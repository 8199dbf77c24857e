"""Rows per second and memory of the add-on dask, by the number of workers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from benchmarks.sandbox import BIN, PYTHON, Sandbox

FILES = 200
SIZE = int(os.environ.get("BENCH_CLUSTER_MB", "200")) * 1_000_000 // FILES
SINGLE = """
from pathlib import Path
from ours import predict, store
model = store.load(Path("models/model.onnx"))
for path in sorted(Path("many").iterdir()):
    predict.predict_file(model, path, Path(f"single/{path.stem}.parquet"))
"""


def measure(sandbox: Sandbox, *command: str | Path) -> tuple[float, list[int]]:
    """Return the duration of a command in seconds, and peaks of memory in bytes.

    Each peak is that of the largest process in a tenth of the duration.
    """
    start, samples = time.perf_counter(), []
    with psutil.Popen(command, cwd=sandbox.root / "ours", env=sandbox.env) as process:
        while process.poll() is None:
            sizes = []
            for each in [process, *process.children(recursive=True)]:
                try:
                    sizes.append(each.memory_info().rss)
                except psutil.Error:
                    continue  # it has ended
            samples.append(max(sizes, default=0))
            time.sleep(0.1)
    assert process.returncode == 0
    seconds, step = time.perf_counter() - start, max(len(samples) // 10, 1)
    return seconds, [
        max(samples[at : at + step]) for at in range(0, len(samples), step)
    ]


def test_cluster(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    project = sandbox.root / "ours"
    sandbox.make_project(project, starter="model", addons="dask")
    sandbox.run("make", "train", cwd=project)
    header, *lines = (project / "data/raw/penguins.csv").read_text("utf-8").splitlines()
    count = SIZE // (len("\n".join(lines)) // len(lines))
    (project / "many").mkdir()
    for number in range(FILES):
        rows = (lines * (count // len(lines) + 2))[number : number + count]
        text = "\n".join([header, *rows, ""])
        (project / f"many/{number:03}.csv").write_text(text, "utf-8")
    found = []
    for workers in ("none", "1", "2", "4"):
        words = ["predict-many", "many", "-o", workers, "--workers", workers]
        command: list[str | Path] = [project / BIN / "ours", *words]
        if workers == "none":
            command = [project / PYTHON, "-c", SINGLE]
        seconds, peaks = measure(sandbox, *command)
        early, peak = (max(part) / 1e6 for part in (peaks[:3], peaks))
        figures = f"{FILES * count / seconds:,.0f} | {early:.0f} | {peak:.0f}"
        found.append(f"| {workers} | {figures} |")
    for path in (project / "single").iterdir():
        for workers in ("1", "2", "4"):
            same = (project / workers / path.name).read_bytes() == path.read_bytes()
            assert same, (workers, path.name)
    with capfd.disabled():
        print(f"\n{FILES} files, {SIZE / 1e6:.1f} MB and {count} rows each")
        print("| workers | rows/s | MB in the first 30% | MB |", *found, sep="\n")
