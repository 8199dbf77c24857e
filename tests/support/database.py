"""A PostgreSQL server on loopback, for one test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.service import free_port

DEBIAN = Path("/usr/lib/postgresql")  # which is not on PATH


def needs_postgresql() -> Path:
    """Return the directory of PostgreSQL's programs, or skip."""
    places = [os.environ["PATH"], *map(str, sorted(DEBIAN.glob("*/bin")))]
    found = shutil.which("initdb", path=os.pathsep.join(places))
    if found is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    return Path(found).resolve().parent


@contextlib.contextmanager
def postgresql(password: str) -> Iterator[str]:
    """Run a server with this password, and yield its address for libpq.

    PostgreSQL does not run as root: root starts it as the user that Debian's package
    creates.
    """
    programs = needs_postgresql()
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pg-") as name:
        (secret := Path(name, "password")).write_text(password, encoding="utf-8")
        for path in (Path(name), secret):
            shutil.chown(path, user or os.getuid())
        data, port = f"{name}/data", free_port()
        words = ("--auth=scram-sha-256", "--username=postgres", "--no-sync")
        subprocess.run(
            [programs / "initdb", *words, f"--pwfile={secret}", f"--pgdata={data}"],
            user=user,
            cwd=name,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        options = f"-D {data} -h 127.0.0.1 -p {port} -k {name} -F".split()
        with (
            Path(name, "log").open("w") as log,
            subprocess.Popen(
                [programs / "postgres", *options],
                user=user,
                cwd=name,
                stdout=log,
                stderr=log,
            ) as server,
        ):
            try:
                yield f"host=127.0.0.1 port={port} user=postgres"
            finally:
                server.send_signal(signal.SIGINT)  # end all sessions
                server.wait(60)
