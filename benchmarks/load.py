"""Measure what the service starter can take, against a bare FastAPI route.

A project is made and its model trained; then the service and an application of one
route that returns a constant are asked in turns by the same client, one server at a
time, on this machine: they share its cores. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from workshop import CommandError, Workshop, open_workshop

BIN = Path(".venv", "Scripts" if os.name == "nt" else "bin")
STARTING = 60  # seconds that a server may take until it listens
PENGUIN = {
    "island": "Dream",
    "sex": None,
    "bill_length_mm": 49.5,
    "bill_depth_mm": 19.0,
    "flipper_length_mm": 200,
    "body_mass_g": 3800,
}
BARE = """
import sys
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/predict")
async def predict() -> dict[str, str]:
    return {"species": "Adelie"}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


class Load(NamedTuple):
    """How a server has answered.

    Attributes:
        rate: requests per second.
        p50: the middle time of an answer, in ms.
        p99: the time of an answer that one in a hundred exceeds, in ms.
    """

    rate: float
    p50: float
    p99: float


def request(body: object) -> bytes:
    """Return a request for predictions, as it goes over the wire."""
    content = json.dumps(body).encode()
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask(port: int, asked: bytes, until: float) -> list[float]:
    """Ask again and again on one connection; return the seconds of each answer.

    Raises:
        CommandError: an answer is not a success.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    with contextlib.closing(writer):
        while (began := time.perf_counter()) < until:
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise CommandError(f"the service said {head.splitlines()[0]!r}")
            length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            took.append(time.perf_counter() - began)
    return took


async def load(port: int, asked: bytes, connections: int, seconds: float) -> Load:
    """Ask on several connections at once for some seconds."""
    began = time.perf_counter()
    asking = [ask(port, asked, began + seconds) for _ in range(connections)]
    took = [each for times in await asyncio.gather(*asking) for each in times]
    percentiles = statistics.quantiles(took, n=100)
    rate = len(took) / (time.perf_counter() - began)
    return Load(rate, percentiles[49] * 1000, percentiles[98] * 1000)


@contextlib.contextmanager
def serving(shop: Workshop, project: Path, *words: str | Path) -> Iterator[int]:
    """Start a server of the project's environment; yield its port, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [project / BIN / "python", *words, str(port)],
        cwd=project,
        env=shop.environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + STARTING
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > end:
                raise CommandError("a server did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def measure(shop: Workshop, options: argparse.Namespace) -> dict[str, list[Load]]:
    """Return what each server can take, once for each turn."""
    answers = ("starter=service", "environment_manager=uv", "project_slug=served")
    shop.run(*shop.cookiecutter(shop.template, shop.root, *answers))
    project = shop.root / "served"
    shop.run(project / BIN / "python", "-m", "served", "train", cwd=project)
    (shop.root / "bare.py").write_text(BARE, encoding="utf-8")
    service: tuple[str | Path, ...] = ("-m", "served", "serve", "--port")
    tasks: dict[str, tuple[tuple[str | Path, ...], bytes]] = {
        "a bare FastAPI route": ((shop.root / "bare.py",), request({})),
        "/predict, 1 penguin": (service, request(PENGUIN)),
        "/predict, 100 penguins": (service, request([PENGUIN] * 100)),
    }
    found: dict[str, list[Load]] = {name: [] for name in tasks}
    for _ in range(options.turns):
        for name, (words, asked) in tasks.items():
            with serving(shop, project, *words) as port:
                asyncio.run(load(port, asked, options.connections, 1))  # to warm up
                took = load(port, asked, options.connections, options.seconds)
                found[name].append(asyncio.run(took))
    return found


def as_markdown(found: dict[str, list[Load]]) -> str:
    """Return the medians of the turns as a table, with ratios to the first line."""
    medians = {
        name: Load(*(statistics.median(each) for each in zip(*loads, strict=True)))
        for name, loads in found.items()
    }
    first = next(iter(medians.values()))
    lines = [
        "| asked                  | requests/s | ratio | p50 (ms) | p99 (ms) | ratio |",
        "| ---------------------- | ---------: | ----: | -------: | -------: | ----: |",
    ]
    lines += [
        f"| {name:<22} | {each.rate:>10.0f} | {each.rate / first.rate:>5.2f} |"
        f" {each.p50:>8.1f} | {each.p99:>8.1f} | {each.p99 / first.p99:>5.1f} |"
        for name, each in medians.items()
    ]
    return "\n".join(lines)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="median of so many")
    parser.add_argument("--seconds", type=float, default=10, help="of each")
    parser.add_argument("--connections", type=int, default=8, help="at once")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measure, print the table and return the exit status."""
    try:
        with open_workshop() as shop:
            print(as_markdown(measure(shop, arguments(words))))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
