"""Run servers of projects, and send requests to a service of the sample."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.processes import wait_until
from support.project import Project

START_TIMEOUT = 120  # seconds
PENGUIN = {
    "island": "Dream",
    "sex": None,
    "bill_length_mm": 49.5,
    "bill_depth_mm": 19.0,
    "flipper_length_mm": 200,
    "body_mass_g": 3800,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def ask(port: int, method: str, path: str, body: str = "") -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def answers(port: int, path: str) -> bool:
    """Return whether a server answers successfully."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(project: Project, *command: str | Path, ready: str) -> Iterator[int]:
    """Start a server of a project, yield its port when it is ready, and stop it.

    Args:
        project: Where the command runs.
        command: The words, in which `{port}` stands for the port.
        ready: The path that the server answers when it is ready.
    """
    port = free_port()
    process = subprocess.Popen(
        [str(word).format(port=port) for word in command],
        cwd=project.path,
        env=dict(project.env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(port, ready), START_TIMEOUT, ready, pause=0.2)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(START_TIMEOUT)
