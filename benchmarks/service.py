"""The service starter under load, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.sandbox import PYTHON, Sandbox

CONNECTIONS = 4
REQUESTS = 100  # on each connection, in a round
STARTUP_TIMEOUT = 60  # seconds
BODY = (
    '{"island": "Dream", "sex": null, "bill_length_mm": 49.5, "bill_depth_mm": 19.0,'
    ' "flipper_length_mm": 200, "body_mass_g": 3800}'
)
BARE = """
from fastapi import FastAPI

app = FastAPI()


@app.post("/predict")
async def predict() -> dict[str, str]:
    return {"species": "Adelie"}
"""


@contextlib.contextmanager
def running(sandbox: Sandbox, project: Path, *words: str) -> Iterator[int]:
    """Start a module of the project as a server and yield the port that it listens on.

    Raises:
        RuntimeError: the server ended, or does not listen in time.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    command = [str(project / PYTHON), "-m", *words, "--port", str(port)]
    quiet, end = subprocess.DEVNULL, time.monotonic() + STARTUP_TIMEOUT
    server = subprocess.Popen(
        command, cwd=project, env=sandbox.env, stdout=quiet, stderr=quiet
    )
    try:
        while not listens(port):
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"did not start: {' '.join(words)}")
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def load(port: int) -> None:
    """Send the requests of a round and wait for the answers."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(send, [port] * CONNECTIONS))


def send(port: int) -> None:
    """Send requests on one connection, each after the answer to the one before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    with contextlib.closing(connection):
        for _ in range(REQUESTS):
            connection.request("POST", "/predict", BODY, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"the service answered {answer.status}")
