"""A starter brings what it promises, holds the one before, and works as made."""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Bake, Machine, Project, default_context, programs_of, run
from journey import wait_until

CONTEXT = default_context()
STARTERS: dict[str, dict[str, Any]] = CONTEXT["_starters"]
PENGUIN = {
    "island": "Dream",
    "sex": None,
    "bill_length_mm": 49.5,
    "bill_depth_mm": 19.0,
    "flipper_length_mm": 200,
    "body_mass_g": 3800,
}
HEADER = ",".join(PENGUIN)
STARTING = 60  # seconds that the service may take until it listens
ENDING = 3  # and until it has ended
of_model = pytest.mark.parametrize("made", ["model"], indirect=True)
of_service = pytest.mark.parametrize("made", ["service"], indirect=True)

# The table


def test_every_starter_holds_the_one_before() -> None:
    names = sorted(CONTEXT["starter"], key=lambda name: len(STARTERS[name]["holds"]))
    for n, name in enumerate(names):
        assert STARTERS[name]["holds"] == names[: n + 1]
    assert [*STARTERS] == names


@pytest.mark.parametrize(
    ("smaller", "larger"), [("analysis", "model"), ("model", "service")]
)
def test_a_larger_starter_leaves_the_files_of_the_smaller_one(
    bake: Bake, smaller: str, larger: str
) -> None:
    before = bake(starter=smaller, docker=False)
    after = bake(starter=larger, docker=False)
    assert {*before.files} < {*after.files}
    changed = {name for name in before.files if before.text(name) != after.text(name)}
    assert changed - {".gitignore"} == {
        ".env.example",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "src/my_analysis/cli.py",
    }
    imports = (f"commands_{name} import app" for name in (smaller, larger))
    old, new = imports
    cli = "src/my_analysis/cli.py"
    assert before.text(cli).replace(old, new) == after.text(cli)


@pytest.mark.parametrize("starter", CONTEXT["starter"])
def test_a_starter_declares_its_dependencies_tools_verbs_and_settings(
    bake: Bake, starter: str
) -> None:
    project = bake(starter=starter)
    held = [STARTERS[name] for name in STARTERS[starter]["holds"]]
    # What a larger starter adds stands first: what a person adds stands elsewhere, and
    # the two merge.
    wanted = [line for each in reversed(held) for line in each["dependencies"]]
    assert project.manifest["project"]["dependencies"] == wanted
    tools = {line for each in held for line in each["development"]}
    assert tools <= {*project.manifest["dependency-groups"]["dev"]}
    verbs = {verb for each in held for verb in each["verbs"]}
    others = {verb for each in STARTERS.values() for verb in each["verbs"]} - verbs
    found = {*re.findall(r"^([a-z]+): .*## ", project.text("Makefile"), re.MULTILINE)}
    assert verbs <= found
    assert not others & found
    for each in held:
        for name, value in each["settings"].items():
            line = f"# MY_ANALYSIS_{name}={value}\n"
            assert line in project.text(".env.example")


@pytest.mark.parametrize("starter", STARTERS)
def test_every_module_has_tests_of_its_own(bake: Bake, starter: str) -> None:
    """Or, what is looked at with others, elsewhere."""
    elsewhere = {"__init__", "__main__", "commands_analysis", "logs"}
    files = [Path(name) for name in bake(starter=starter).files]
    modules = {path.stem for path in files if path.match("src/*/*.py")}
    tests = {path.stem for path in files if path.match("tests/test_*.py")}
    assert {f"test_{name}" for name in modules - elsewhere} == tests


def own_tests(source: str) -> dict[str, ast.FunctionDef]:
    """Return the test functions of a module, by their names."""
    functions = [
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    ]
    return {each.name: each for each in functions if each.name.startswith("test_")}


def asserts(node: ast.AST) -> bool:
    """Tell whether anything in a function can fail but the code that it calls."""
    calls = ("raises", "warns", "assert_frame_equal", "call_and_validate")
    return any(
        isinstance(each, ast.Assert)
        or (isinstance(each, ast.Attribute) and each.attr in calls)
        or (isinstance(each, ast.Name) and each.id in calls)
        for each in ast.walk(node)
    )


def test_every_test_of_a_project_asserts_something(largest: Project) -> None:
    """Or calls a function of its module that does."""
    for name in largest.files:
        if not re.match(r"tests/test_.*\.py", name):
            continue
        source = largest.text(name)
        helpers = {
            node.name
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and asserts(node)
        }
        for test, function in own_tests(source).items():
            called = {each.id for each in ast.walk(function) if hasattr(each, "id")}
            assert asserts(function) or called & helpers, f"{name}::{test}"


# The largest starter, in an environment that is kept

# Of whoever runs the tests, which must not heed them, however they are written.
SETTINGS = dict.fromkeys(
    ("MY_ANALYSIS_FIGURES_DIR", "my_analysis_processed_file"), "/dev/null/nowhere"
)


@pytest.fixture
def in_stack(
    largest: Project, stack: Path, copy: Callable[[Project], Project]
) -> Callable[..., None]:
    """Run a module of the environment in the project of the largest starter."""
    project = copy(largest)
    env = {**os.environ, "PYTHONPATH": str(project / "src")}
    env |= {"MPLCONFIGDIR": str(stack / "matplotlib"), **SETTINGS}

    def module(*words: str) -> None:
        python = programs_of(stack) / "python"
        run(python, "-m", *words, cwd=project.path, env=env)

    return module


NOTEBOOKS = """
import json, pathlib
from IPython.terminal.interactiveshell import TerminalInteractiveShell
def test_the_cells_of_the_notebooks_run_from_top_to_bottom():
    for path in sorted(pathlib.Path("notebooks").glob("*.ipynb")):
        shell = TerminalInteractiveShell()
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                shell.run_cell("".join(cell["source"])).raise_error()
"""

LOG = """
import logging, pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    before = logging.root.handlers[:], logging.root.level
    result = yield
    assert (logging.root.handlers, logging.root.level) == before, item.nodeid
    return result
"""


def test_the_tests_and_notebooks_of_the_largest_starter_pass(
    in_stack: Callable[..., None], largest: Project, tmp_path: Path
) -> None:
    """All but the tests that start other processes; of generated requests only some.

    The cells run without a kernel, which takes longer to start than they to run, and in
    the process of the tests, as to import what both need takes longer still.
    """
    project = tmp_path / largest.path.name
    (project / "test_notebooks.py").write_text(NOTEBOOKS)
    (project / "log_is_left_as_found.py").write_text(LOG)
    generated = project / "tests/test_api.py"
    requests = generated.read_text("utf-8")
    assert "max_examples=50" in requests
    generated.write_text(requests.replace("max_examples=50", "max_examples=5"), "utf-8")
    without = (f"-pno:{name}" for name in ("cacheprovider", "nbmake", "pytest_cov"))
    files = ("tests", "test_notebooks.py")
    watch = "-plog_is_left_as_found"
    in_stack("pytest", "-q", "-x", watch, *without, "-k", "not another_process", *files)


def test_the_types_of_the_largest_starter_are_right(
    in_stack: Callable[..., None], stack: Path
) -> None:
    in_stack("mypy", "--cache-dir", str(stack / "mypy"))


def test_what_is_built_is_the_package_and_its_sources_with_the_sample(
    in_stack: Callable[..., None], largest: Project, tmp_path: Path
) -> None:
    in_stack("hatchling", "build")
    (wheel,) = tmp_path.rglob("dist/*.whl")
    (sdist,) = tmp_path.rglob("dist/*.tar.gz")
    package = [each for each in largest.files if each.startswith("src/")]
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(in_wheel) == [name.removeprefix("src/") for name in package]
    tests = [each for each in largest.files if each.startswith("tests/")]
    data = ["data/raw/README.md", "data/raw/penguins.csv"]
    with tarfile.open(sdist) as archive_of_sources:
        names = archive_of_sources.getnames()
    in_sdist = {name.partition("/")[2] for name in names}
    more = {".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert in_sdist == {*package, *tests, *data, *more}


# The starters themselves


@pytest.fixture(scope="session", params=[*STARTERS][1:])
def made(request: pytest.FixtureRequest, shared_machine: Machine) -> Project:
    """A project of each larger starter, made by uv, with a trained model."""
    starter = request.param
    shared_machine.cookiecutter(
        starter=starter, environment_manager="uv", project_slug=f"with-{starter}"
    )
    project = shared_machine.project(f"with-{starter}")
    project.make("train")
    return project


def package(project: Project) -> list[str | Path]:
    """Return the command that runs the project's package."""
    return [project.bin / "python", "-m", project.path.name.replace("-", "_")]


def model_files(project: Project) -> dict[str, bytes]:
    """Return what `train` has written."""
    return {path.name: path.read_bytes() for path in (project / "models").iterdir()}


@pytest.mark.slow
def test_a_starter_passes_its_own_checks(made: Project) -> None:
    # A service has the files of a model, and more, but no more notebooks.
    is_service = "service" in made.path.name
    made.make("test", *(("check", "build") if is_service else ("notebooks",)))
    made.make("evaluate")
    evaluation = json.loads(made.text("models/species.evaluation.json"))
    assert evaluation["rows"] == 86
    assert evaluation["scores"]["accuracy"] > 0.95
    for name in ("confusion-matrix", "importance"):
        image = (made / f"reports/figures/{name}.png").read_bytes()
        assert image.startswith(b"\x89PNG")
    assert made.git("status", "--porcelain") == ""


# What a model does a service does, too: its files are those of the model, and more.


@pytest.mark.slow
@of_model
def test_predictions_come_from_csv_and_parquet(made: Project, tmp_path: Path) -> None:
    new, parquet = tmp_path / "new.csv", tmp_path / "predicted.parquet"
    rows = f"{HEADER}\nDream,NA,49.5,19,200,3800\nBiscoe,male,,15,225,5500\n"
    new.write_text(rows, encoding="utf-8")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    made.run(*package(made), "predict", "-i", new, "-o", first)
    assert [line.split(",")[6] for line in first.read_text().splitlines()] == [
        "predicted_species",
        "Chinstrap",
        "Gentoo",
    ]
    convert = (
        "import sys, pandas as pd;"
        "table = pd.read_csv(sys.argv[1]); table.to_parquet(sys.argv[2])"
    )
    made.run(made.bin / "python", "-c", convert, new, parquet)
    made.run(*package(made), "predict", "-i", parquet, "-o", second)
    ends = [path.read_text().splitlines()[1].split(",")[6:] for path in (first, second)]
    assert ends[0] == ends[1]


PREDICT = """
import sys
from {}.cli import main
for table in sys.argv[2:]:
    try:
        main(["predict", "-i", table, "-o", sys.argv[1]])
    except SystemExit as end:
        print("status", end.code, flush=True)
"""


@pytest.mark.slow
@of_model
def test_bad_input_is_one_line_with_status_1(made: Project, tmp_path: Path) -> None:
    bad = {
        "": "is empty",
        f"{HEADER}\n": "has no rows",
        "island,sex\nDream,male\n": "has no column bill_length_mm",
        f"{HEADER}\nElba,male,1,1,1,1\n": "island is 'Elba', not Biscoe or Dream",
        f"{HEADER}\nDream,male,long,1,1,1\n": "bill_length_mm is 'long', not a number",
    }
    tables = [tmp_path / f"{number}.csv" for number in range(len(bad))]
    for table, text in zip(tables, bad, strict=True):
        table.write_text(text, encoding="utf-8")
    out = tmp_path / "out.csv"
    done = made.run(*package(made), "predict", "-i", tables[0], "-o", out, check=False)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert done.stdout.startswith("error: ")
    # To start costs more than the work, so one process has them all.
    code = PREDICT.format(package(made)[-1])
    said = made.run(made.bin / "python", "-c", code, out, *tables).stdout.splitlines()
    assert len(said) == 2 * len(bad)
    for problem, line, status in zip(bad.values(), said[::2], said[1::2], strict=True):
        assert line.startswith("error: ")
        assert problem in line
        assert status == "status 1"
    assert not out.exists()


@pytest.mark.slow
@of_model
def test_the_same_seed_makes_the_same_model_bit_for_bit(made: Project) -> None:
    before = model_files(made)
    other = ("PYTHONHASHSEED=1", "OMP_NUM_THREADS=2")  # another order, more threads
    made.run("env", *other, *package(made), "train")
    after = model_files(made)
    assert {*after} >= {"species.joblib", "species.record.json", "species.metrics.json"}
    assert {name: after[name] for name in before} == before


# The service


def free_port() -> int:
    """Return a port on which nobody listens."""
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


def listens(port: int) -> bool:
    """Tell whether somebody listens on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def serving(project: Project, log: Path) -> Iterator[tuple[int, int]]:
    """Let make start the service, and give its port and make's process."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "--silent", "serve", f"ARGS=--port {port}"],
            cwd=project.path,
            env=project.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: listens(port), STARTING, "the service listens")
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def served(made: Project, tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """A service that make has started: its port, make's process, its log."""
    log = tmp_path / "log"
    with serving(made, log) as (port, pid):
        yield port, pid, log


@pytest.mark.slow
@of_service
def test_the_service_answers_and_ends_when_it_is_told_to(
    served: tuple[int, int, Path],
) -> None:
    port, pid, log = served
    status, health = ask(port, "GET", "/health")
    assert (status, health["status"]) == (200, "ok")
    status, one = ask(port, "POST", "/predict", json.dumps(PENGUIN))
    assert (status, one["species"]) == (200, "Chinstrap")
    status, many = ask(port, "POST", "/predict", json.dumps([PENGUIN] * 3))
    assert (status, [each["species"] for each in many]) == (200, ["Chinstrap"] * 3)
    for each in many:  # the last digits depend on how many are predicted at once
        assert each["probabilities"] == pytest.approx(one["probabilities"])
    for body in ("{", "[]", '{"island": "Elba"}', json.dumps([PENGUIN] * 1001)):
        status, refusal = ask(port, "POST", "/predict", body)
        assert status == 422
        assert refusal["detail"]
    assert ask(port, "POST", "/predict", " " * 1_000_001)[0] == 413
    assert ask(port, "GET", "/nowhere")[0] == 404

    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not listens(port), ENDING, "the service ends")
    wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, ENDING, "make ends")
    assert time.monotonic() - began < ENDING
    lines = [
        json.loads(line) for line in log.read_text().splitlines() if line[0] == "{"
    ]
    requests = [line for line in lines if line["message"] == "request"]
    assert [line["status"] for line in requests] == [
        200,
        200,
        200,
        *[422] * 4,
        413,
        404,
    ]
    assert "Finished server process" in lines[-1]["message"]
