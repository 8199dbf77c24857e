"""What asks a service of the sample."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any

PENGUIN = {
    "island": "Dream",
    "sex": None,
    "bill_length_mm": 49.5,
    "bill_depth_mm": 19.0,
    "flipper_length_mm": 200,
    "body_mass_g": 3800,
}


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def ask(port: int, method: str, path: str, body: str = "") -> tuple[int, Any]:
    """Return the status and the JSON of the service's answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def answers(port: int, path: str) -> bool:
    """Tell whether a server answers with success and JSON."""
    try:
        return ask(port, "GET", path)[0] == 200
    except OSError:
        return False
