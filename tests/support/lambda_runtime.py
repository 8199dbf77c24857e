"""The runtime API of AWS Lambda on loopback: provides events and receives answers."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

HEADERS = {
    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "Lambda-Runtime-Deadline-Ms": "4102444800000",  # in the year 2100
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
}
Invoke = Callable[[dict[str, Any]], dict[str, Any]]


@contextlib.contextmanager
def runtime_api() -> Iterator[tuple[str, Invoke]]:
    """Yield the address of a running API, and a function that invokes the handler."""
    events = Queue[dict[str, Any]]()
    answers = Queue[dict[str, Any]]()

    def next_event(_: Request) -> Response:
        body = json.dumps(events.get())
        return Response(body, headers=HEADERS, content_type="application/json")

    def take(request: Request) -> Response:
        """Receive the response to an event, or an error."""
        answers.put(json.loads(request.data))
        return Response("{}", status=202)

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        events.put(event)
        return answers.get(timeout=60)

    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        for method, handler in (("GET", next_event), ("POST", take)):
            path = re.compile("/2018-06-01/runtime/")
            server.expect_request(path, method).respond_with_handler(handler)
        yield f"127.0.0.1:{server.port}", invoke


def request(method: str, path: str, body: str = "") -> dict[str, Any]:
    """Return the event of a request, in API Gateway's format 2.0."""
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
