"""The runtime API of AWS Lambda on loopback: hands out events and takes answers."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

HEADERS = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "Lambda-Runtime-Deadline-Ms": "4102444800000",  # in the year 2100
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
}
Invoke = Callable[[dict[str, Any]], dict[str, Any]]


@contextlib.contextmanager
def runtime_api() -> Iterator[tuple[str, Invoke]]:
    """Give the address of a running API, and what invokes the function behind it."""
    events = Queue[dict[str, Any]]()
    answers = Queue[dict[str, Any]]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer …/invocation/next as soon as there is an event."""
            self.answer(200, events.get())

        def do_POST(self) -> None:
            """Take the response to an event, or an error."""
            answers.put(
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.answer(202, {})

        def answer(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        events.put(event)
        return answers.get(timeout=60)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", invoke
    server.shutdown()
    server.server_close()


def request(method: str, path: str, body: str = "") -> dict[str, Any]:
    """Return the event for a request, in the format 2.0 of API Gateway."""
    http = {"method": method, "path": path, "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.org"},
        "requestContext": {"http": http},
        "body": body,
        "isBase64Encoded": False,
    }
