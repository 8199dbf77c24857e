"""A PostgreSQL server on loopback, for one test."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, str]]:
    """Run a server that asks for a password, and give its address for libpq, and that.

    Debian's package brings the program that makes a server for one command.
    """
    if shutil.which("pg_virtualenv") is None:
        pytest.skip("there is no PostgreSQL: on Debian, 'apt install postgresql'")
    script = 'echo "server $PGPORT $PGPASSWORD"; read end'
    with subprocess.Popen(
        ["pg_virtualenv", "sh", "-c", script],
        env={**os.environ, "TMPDIR": "/tmp"},  # root's server, as postgres, reads there
        stdin=subprocess.PIPE,  # closing it ends the command, and so the server
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = next(each for each in process.stdout if each.startswith("server "))
        _, port, password = line.split()
        yield f"host=127.0.0.1 port={port} user=postgres", password
