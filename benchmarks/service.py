"""The service starter under load, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import PYTHON, CommandError, Sandbox

CONNECTIONS = 4
SECONDS = 3.0  # of load, after a second that is not counted
STARTUP_TIMEOUT = 60  # seconds
BODY = {
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


def requests_per_second(sandbox: Sandbox, project: Path, *words: str | Path) -> float:
    """Start a server with the project's Python and return how often it answers.

    Args:
        words: arguments of Python, to which the port is added.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    command, quiet = [project / PYTHON, *words, str(port)], subprocess.DEVNULL
    server = subprocess.Popen(
        command, cwd=project, env=sandbox.env, stdout=quiet, stderr=quiet
    )
    try:
        wait_for(server, port)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for seconds in (1.0, SECONDS):
                end = time.perf_counter() + seconds
                jobs = [pool.submit(count, port, end) for _ in range(CONNECTIONS)]
                answers = sum(job.result() for job in jobs)
        return answers / SECONDS
    finally:
        server.terminate()
        server.wait()


def wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when the server listens.

    Raises:
        CommandError: the server ended, or does not listen in time.
    """
    end = time.monotonic() + STARTUP_TIMEOUT
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise CommandError("a server did not start")


def count(port: int, end: float) -> int:
    """Send requests on one connection until the time is over and count the answers."""
    body, answers = json.dumps(BODY), 0
    headers = {"Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        while time.perf_counter() < end:
            connection.request("POST", "/predict", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise CommandError(f"the service answered {answer.status}")
            answers += 1
    return answers
