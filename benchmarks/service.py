"""The service starter under load, on loopback."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.sandbox import PYTHON, Sandbox
from support.service import PENGUIN, free_port

AUTOCANNON = ("npx", "--yes", "autocannon@9.0.0", "--json", "--no-progress")
CONNECTIONS = 8
SECONDS = 3  # of a load
STARTUP_TIMEOUT = 60  # seconds
# A route that validates the same rows and returns a constant.
BARE = """
import logging.config

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI

from service import api, logs, monitoring

app = FastAPI()
LIKELY = {"Adelie": 0.01836357429, "Chinstrap": 0.97721476808, "Gentoo": 0.0044216576}
ANSWER = {"species": "Chinstrap", "probabilities": LIKELY}


@app.post("/predict")
async def predict(
    given: api.Row | list[api.Row],
) -> api.Prediction | list[api.Prediction]:
    return [ANSWER] * len(given) if isinstance(given, list) else ANSWER


def with_middlewares():
    filters = "asgi_correlation_id.CorrelationIdFilter"
    logging.config.dictConfig(logs.config("INFO", filters))
    app.add_middleware(monitoring.Monitor)
    app.add_middleware(
        CorrelationIdMiddleware, update_request_header=False, transformer=None
    )
    return app
"""
UVICORN = ("uvicorn", "--no-access-log", "--log-level", "error")
SERVERS = {  # the modules to run, each with its arguments
    "ours": ("service", "serve"),
    "bare route with the same middlewares": (
        *UVICORN,
        "bare:with_middlewares",
        "--factory",
    ),
    "bare route": (*UVICORN, "bare:app"),
}


@contextlib.contextmanager
def running(
    sandbox: Sandbox, project: Path, *words: str
) -> Iterator[tuple[int, psutil.Process]]:
    """Run a module of the project as a server, and yield its port and its process.

    Raises:
        RuntimeError: the server ended, or does not listen in time.
    """
    port = free_port()
    command = [str(project / PYTHON), "-m", *words, "--port", str(port)]
    quiet, end = subprocess.DEVNULL, time.monotonic() + STARTUP_TIMEOUT
    server = psutil.Popen(
        command, cwd=project, env=sandbox.env, stdout=quiet, stderr=quiet
    )
    try:
        while not listens(port):
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"did not start: {' '.join(words)}")
            time.sleep(0.1)
        yield port, server
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def load(port: int, rows: int, *options: str) -> dict[str, Any]:
    """Send requests with a number of rows and return what autocannon measured.

    By default, each connection sends a request after the answer to the last one
    (closed load). With `-R`, requests are sent at a constant rate (open load).

    Raises:
        RuntimeError: an answer was missing or not 200.
    """
    body = json.dumps(PENGUIN if rows == 1 else [PENGUIN] * rows)
    given = options or ("-d", str(SECONDS))
    command = (
        *(*AUTOCANNON, "-c", str(CONNECTIONS), *given, "-m", "POST", "-b", body),
        *("-H", "content-type: application/json", f"http://127.0.0.1:{port}/predict"),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if found["non2xx"] or found["errors"] or found["timeouts"]:
        raise RuntimeError(f"autocannon: {found['non2xx']} answers were not 200")
    return found
