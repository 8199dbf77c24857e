"""`make data` downloads the files that data.toml lists, and overwrites nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from support.machine import Machine
from support.project import Bake, Project

CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "data/raw/a.csv"


@pytest.fixture
def url(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/a.csv").respond_with_data(CONTENT)
    return httpserver.url_for("/a.csv")


Fetch = Callable[..., tuple[int, str]]


@pytest.fixture
def project(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, stack: Path
) -> Project:
    """A project of the smallest starter, with an environment."""
    environment = {**machine.env, "VENV": str(stack)}
    return Project(copy(bake(starter="notebook")).path, environment)


@pytest.fixture
def fetch(project: Project) -> Fetch:
    """List a file, run `make data` and return its status and output."""

    def fetched(url: str, sha256: str = SHA256, name: str = NAME) -> tuple[int, str]:
        entry = f'[files."{name}"]\nurl = "{url}"\nsha256 = "{sha256}"\n'
        project.write("data.toml", entry)
        done = project.make("data", check=False)
        return done.returncode, done.stdout

    return fetched


def test_without_a_list_one_line_says_where_the_example_is(project: Project) -> None:
    (line,) = project.make("data").stdout.splitlines()
    assert line == "There is no data.toml: data/raw/README.md has an example."


def test_the_example_of_the_readme_is_a_list(project: Project) -> None:
    _, example, *_ = project.text("data/raw/README.md").split("```")
    text = example.removeprefix("toml").replace("64 hexadecimal digits", SHA256)
    project.write("data.toml", text)
    (project / "data/raw/measurements.parquet").write_bytes(CONTENT)
    assert "measurements.parquet is complete" in project.make("data").stdout


def test_a_file_is_fetched_once(
    project: Project, fetch: Fetch, url: str, httpserver: HTTPServer
) -> None:
    assert fetch(url)[0] == 0
    assert (project / NAME).read_bytes() == CONTENT
    assert fetch(url) == (0, f"{NAME} is complete\n")
    assert len(httpserver.log) == 1


def test_an_edited_file_is_an_error_and_stays_as_it_is(
    project: Project, fetch: Fetch, url: str, httpserver: HTTPServer
) -> None:
    (project / NAME).write_bytes(b"mine")
    status, output = fetch(url)
    assert status != 0
    assert f"{NAME} has SHA-256 {hashlib.sha256(b'mine').hexdigest()}, not" in output
    assert SHA256 in output
    assert (project / NAME).read_bytes() == b"mine"
    assert httpserver.log == []


def test_a_wrong_hash_is_an_error_and_leaves_no_file(
    project: Project, fetch: Fetch, url: str
) -> None:
    before, wrong = project.files, "0" * 64
    status, output = fetch(url, wrong)
    assert status != 0
    (line,) = (line for line in output.splitlines() if wrong in line)
    assert line.startswith(NAME)
    assert SHA256 in line
    assert "Traceback" not in output
    assert {*project.files} - {*before} == {"data.toml"}


@pytest.mark.parametrize(
    ("url", "name", "problem"),
    [
        ("http://127.0.0.1:9/a.csv", NAME, "'make data' downloads the missing files"),
        ("nothing://a", NAME, "nothing"),
    ],
)
def test_a_failed_download_is_reported_without_a_traceback(
    fetch: Fetch, url: str, name: str, problem: str
) -> None:
    status, output = fetch(url, name=name)
    assert status != 0
    assert problem in output
    assert name in output
    assert "Traceback" not in output
