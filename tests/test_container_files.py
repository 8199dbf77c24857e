"""What the files of the containers say, read by the programs that they are for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Bake, Machine, Project, default_context, follow_schema, run
from containers import missing
from journey import MANAGERS, put_first_on_path

STARTERS = default_context()["starter"]
INDEX_URL = "https://packages.example.com/team/simple/"
FILES = {
    ".devcontainer/devcontainer.json",
    ".dockerignore",
    "Dockerfile",
    "compose.yaml",
    "containers.mk",
}

every_manager = pytest.mark.parametrize("manager", MANAGERS)
every_index = pytest.mark.parametrize("index", ["", INDEX_URL])
Copy = Callable[[Project], Project]
# What Docker takes for the beginning of an instruction, as far as it is used here.
KNOWN = (
    "ARG CMD COPY ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL RUN STOPSIGNAL USER WORKDIR"
)
WITH_INDEX = "scripts/with_index.py"


def test_without_docker_nothing_speaks_of_containers(bake: Bake) -> None:
    plain, whole = bake(docker=False), bake()
    assert {*whole.files} - {*plain.files} == FILES
    # The workflows are one text for all, and ask for the file when they run.
    for_all = (".csv", "LICENSE", "ci.yml")
    for name in plain.files:
        if not name.endswith(for_all):
            said = re.findall(r"(?i)docker|compose|containers?\b", plain.text(name))
            assert not said, (name, said)


@pytest.mark.slow
def test_hadolint_finds_no_fault_in_any_dockerfile(bake: Bake) -> None:
    projects = [
        bake(environment_manager=manager, package_index_url=index, starter=starter)
        for manager in MANAGERS
        for index in ("", INDEX_URL)
        for starter in STARTERS
    ]
    run("hadolint", "--no-color", *(each / "Dockerfile" for each in projects))


# The Dockerfile, stage by stage


def stages(project: Project) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Return the stages of a Dockerfile: name to origin and instructions, in order."""
    lines = [
        line
        for line in project.text("Dockerfile").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = " ".join(line.split()).partition(" ")
        if word == "FROM":
            origin, _, name = rest.partition(" AS ")
            found[name] = (origin, [])
        elif name:
            assert word in KNOWN.split(), line
            found[name][1].append((word, rest))
    return found


def of_kind(instructions: list[tuple[str, str]], kind: str) -> list[str]:
    """Return what the instructions of one kind say."""
    return [rest for word, rest in instructions if word == kind]


@every_manager
@every_index
def test_each_stage_is_made_of_what_it_needs(
    bake: Bake, manager: str, index: str
) -> None:
    project = bake(environment_manager=manager, package_index_url=index)
    found = stages(project)
    assert {name: origin for name, (origin, _) in found.items()} == {
        "base": "${BASE}",
        "manager": "base",
        "dependencies": "manager",
        "development": "manager",
        "package": "development",
        "dev": "development",
        "jupyter": "base",
        "notebook": "dev",
        "prod": "base",
    }
    assert "\nARG BASE=python:3.13-slim\n" in project.text("Dockerfile")
    locks = default_context()["_managers"][manager]["locks"]
    into_manager = " ".join(of_kind(found["manager"][1], "COPY"))
    assert {*locks} <= {*into_manager.split()}
    assert of_kind(found["prod"][1], "COPY") == [
        "--from=dependencies /opt/venv /opt/venv",
        "--from=package /package/opt/venv /opt/venv",
    ]
    assert of_kind(found["notebook"][1], "COPY") == [
        "--from=jupyter /opt/jupyter /opt/jupyter"
    ]
    manifest = "pyproject.toml README.md LICENSE ./"
    assert of_kind(found["package"][1], "COPY") == [manifest, "src src"]
    assert of_kind(found["dev"][1], "COPY") == [manifest]


@every_manager
@every_index
def test_a_build_stops_at_the_first_fault_and_keeps_caches_and_secrets_out(
    bake: Bake, manager: str, index: str
) -> None:
    project = bake(environment_manager=manager, package_index_url=index)
    assert "||" not in project.text("Dockerfile")
    secrets = [f"package_index_{name}" for name in ("username", "password")]
    mounts = {f"--mount=type=secret,id={name}" for name in secrets}
    for name, (_, instructions) in stages(project).items():
        for command in of_kind(instructions, "RUN"):
            installs = re.search(r"\b(pip|uv|poetry|pipenv|hatchling)\b", command)
            caches = re.findall(r"--mount=type=cache,target=(\S+)", command)
            # Debian's image throws away what apt has got, unless it is told not to.
            keeps = "rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update &&"
            assert (keeps in command) == ("apt-get" in command), command
            assert bool(caches) == bool(installs or "apt-get" in command), command
            used = "with_index.py" in command
            assert (mounts <= {*command.split()}) == used, (name, command)
            assert not used or index
            assert ";" not in command
            read = re.findall(r"(?<![>=])/tmp/[\w.]+", command)
            assert {*read} == {*re.findall(r">(/tmp/[\w.]+)", command)}, command
            for each in command.split(" && "):
                pip = re.search(r"\bpip .*\binstall\b", each)
                assert not pip or " install --no-compile " in each
        made = [each for each in of_kind(instructions, "RUN") if "-d @3155" in each]
        assert bool(made) == (name in ("base", "dependencies", "package")), name


def steps(instructions: list[tuple[str, str]]) -> list[list[str]]:
    """Return the commands of each RUN, without what is mounted for them."""
    return [
        re.sub(r"--mount=\S+ ", "", each).split(" && ")
        for each in of_kind(instructions, "RUN")
    ]


@every_manager
@every_index
def test_the_environments_of_an_image_are_made_by_the_managers_commands(
    bake: Bake, manager: str, index: str
) -> None:
    found = stages(bake(environment_manager=manager, package_index_url=index))
    container = MANAGERS[manager]["container"]
    made = "python -m venv --without-pip --prompt my-analysis /opt/venv"
    dated = "find /opt/venv -exec touch -h -d @315532800 {} +"
    with_index = "python /usr/local/lib/with_index.py " if index else ""
    for stage, purpose, last in (
        ("dependencies", "production", dated),
        ("development", "development", "chmod -R a+rwX /opt/venv"),
    ):
        lines = [line.replace("$(WITH)", with_index) for line in container[purpose]]
        assert steps(found[stage][1]) == [[made, *lines, last]]


@every_index
def test_what_pip_keeps_is_in_the_cache_that_is_mounted_and_in_no_layer(
    bake: Bake, index: str
) -> None:
    homes: dict[str, dict[str, str]] = {"${BASE}": {}}
    for name, (origin, instructions) in stages(bake(package_index_url=index)).items():
        env = homes[name] = {**homes[origin]}
        for word, rest in instructions:
            exported = re.findall(r"\bexport (.*?) &&", rest)
            if word == "ENV" or exported:
                given = shlex.split(" ".join(exported) or rest)
                now = dict(each.split("=", 1) for each in given)
                env |= now if word == "ENV" else {}
            if "/.cache" in rest and word == "RUN":
                seen = {**env, **(now if exported else {})}
                assert f"target={seen['HOME']}/.cache " in rest, (name, rest)
                assert seen["PYTHONPYCACHEPREFIX"].startswith(f"{seen['HOME']}/.cache")


def test_the_package_and_jupyterlab_are_installed_where_they_are_copied_from(
    bake: Bake,
) -> None:
    found = stages(bake())
    build, install, _ = steps(found["package"][1])[0]
    assert build == "python -m hatchling build --target wheel --directory /wheel"
    options = "--no-compile-bytecode --destdir /package"
    assert install == f"python -m installer {options} /wheel/*.whl"
    _, made, install = steps(found["jupyter"][1])[0]
    assert made == "python -m venv /opt/jupyter"
    assert install.startswith("/opt/jupyter/bin/pip install ")


def test_what_is_worked_in_has_the_source_and_the_kernel_of_the_notebooks(
    bake: Bake,
) -> None:
    project = bake()
    found = stages(project)
    apt, install = steps(found["dev"][1])
    assert apt[-1] == "apt-get install --yes --no-install-recommends git make"
    *package, kernel, shared = install
    assert package == [
        *("mkdir -p src/my_analysis", "touch src/my_analysis/__init__.py"),
        "pip --python /opt/venv/bin/python install --no-compile --no-deps"
        " --no-build-isolation --editable .",
    ]
    notebook = json.loads(project.text("notebooks/01-explore.ipynb"))
    wanted = notebook["metadata"]["kernelspec"]
    assert shlex.split(kernel) == [
        *("python", "-m", "ipykernel", "install", "--sys-prefix"),
        *("--name", wanted["name"], "--display-name", wanted["display_name"]),
    ]
    assert shared == "chmod -R a+rwX /opt/venv/share"
    assert of_kind(found["notebook"][1], "ENV") == [
        "JUPYTER_PATH=/opt/venv/share/jupyter"
    ]


def is_sent(name: str, rules: list[str]) -> bool:
    """Tell whether .dockerignore lets a file into a build: the last rule that fits."""
    parts = name.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    sent = True
    for rule in rules:
        pattern = re.escape(rule.removeprefix("!").removeprefix("/"))
        pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, each) for each in above):
            sent = rule.startswith("!")
    return sent


@every_manager
@every_index
def test_a_build_is_sent_what_it_copies_and_nothing_else(
    bake: Bake, manager: str, index: str
) -> None:
    project = bake(environment_manager=manager, package_index_url=index)
    copied: dict[str, set[str]] = {"${BASE}": set()}
    for stage, (origin, instructions) in stages(project).items():
        sources = [each.split()[:-1] for each in of_kind(instructions, "COPY")]
        copied[stage] = copied[origin].union(*sources)
        runs = " ".join(of_kind(instructions, "RUN"))
        assert "with_index.py" not in runs or WITH_INDEX in copied[stage]
    everything = {each for sources in copied.values() for each in sources}
    assert (WITH_INDEX in everything) == bool(index)
    secret = {".env", "src/.env", "src/my_analysis/__pycache__/cli.pyc", ".git/config"}
    there = {*project.files, *MANAGERS[manager]["locks"]}
    rules = project.text(".dockerignore").splitlines()
    sent = {
        name
        for name in there | secret
        if is_sent(name, [rule for rule in rules if not rule.startswith("#")])
    }
    wanted = everything | {name for name in there if name.startswith("src/")}
    assert sent == {name for name in wanted if name in there}


def test_what_runs_is_for_a_user_without_rights_and_hears_a_stop(bake: Bake) -> None:
    found = stages(bake(starter="service"))
    base = " ".join(of_kind(found["base"][1], "RUN"))
    assert "app:x:1000:1000::/home/app:/bin/bash' >>/etc/passwd && " in base
    assert "app:x:1000:' >>/etc/group && " in base
    assert "install -d -m 1777 /home/app && install -d /app /opt/venv && " in base
    assert of_kind(found["base"][1], "WORKDIR") == ["/app"]
    assert of_kind(found["base"][1], "ENV") == [
        "PATH=/opt/venv/bin:${PATH} PYTHONUNBUFFERED=1"
    ]
    said = {
        (name, kind): of_kind(instructions, kind)
        for name, (_, instructions) in found.items()
        for kind in ("USER", "EXPOSE", "CMD", "ENTRYPOINT", "STOPSIGNAL")
        if of_kind(instructions, kind)
    }
    lab = ["--allow-root", "--ip=0.0.0.0", "--no-browser", "--port=8888"]
    assert said == {
        ("dev", "USER"): ["1000:1000"],
        ("dev", "CMD"): ['["bash"]'],
        ("notebook", "EXPOSE"): ["8888"],
        ("notebook", "CMD"): [json.dumps(["/opt/jupyter/bin/jupyter-lab", *lab])],
        ("prod", "USER"): ["1000:1000"],
        ("prod", "EXPOSE"): ["8000"],
        ("prod", "STOPSIGNAL"): ["SIGINT"],
        ("prod", "ENTRYPOINT"): ['["my-analysis"]'],
        ("prod", "CMD"): ['["serve"]'],
    }
    (health,) = of_kind(found["prod"][1], "HEALTHCHECK")
    options, _, command = health.partition(" CMD ")
    limits = dict(each.removeprefix("--").split("=") for each in options.split())
    assert limits == {
        "interval": "5s",
        "timeout": "3s",
        "start-period": "60s",
        "retries": "3",
    }
    python, option, code = json.loads(command)
    assert (python, option) == ("python", "-c")
    compile(code, "health", "exec")
    assert "/health', timeout=2)" in code
    # What is kept between two starts goes where it can be written.
    assert of_kind(found["prod"][1], "ENV") == [
        "MPLCONFIGDIR=/tmp/matplotlib PYTHONPYCACHEPREFIX=/tmp/bytecode"
        " MY_ANALYSIS_ROOT=/app MY_ANALYSIS_HOST=0.0.0.0"
    ]
    assert of_kind(found["dev"][1], "ENV") == [
        "HOME=/home/app PYTHONPYCACHEPREFIX= VENV=/opt/venv"
    ]


def test_an_image_tells_what_it_is(bake: Bake) -> None:
    _, instructions = stages(bake(license="Apache-2.0"))["prod"]
    (label,) = of_kind(instructions, "LABEL")
    of = "org.opencontainers.image"
    assert dict(each.split("=", 1) for each in label.split()) == {
        f"{of}.title": '"my-analysis"',
        f"{of}.version": '"${VERSION}"',
        f"{of}.revision": '"${REVISION}"',
        f"{of}.licenses": '"Apache-2.0"',
        f"{of}.base.name": '"python:3.13-slim"',
    }
    assert of_kind(instructions, "ARG") == ['REVISION="" VERSION=""']


# Compose


def composed(project: Project, **env: str) -> dict[str, Any]:
    """Return how compose understands compose.yaml, with every profile."""
    if run("docker", "compose", "version", check=False).returncode != 0:
        missing("docker compose, which reads compose.yaml, is not here")
    command = ("docker", "compose", "--profile", "*", "config", "--format", "json")
    done = run(*command, cwd=project.path, env={**os.environ, **env})
    read: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return read


@every_index
@pytest.mark.parametrize("starter", STARTERS)
def test_compose_reads_its_file_and_locks_production_down(
    bake: Bake, starter: str, index: str
) -> None:
    project = bake(starter=starter, package_index_url=index)
    services = composed(project)["services"]
    has_api = starter == "service"
    always = {"dev", "notebook", "pipeline"}
    assert {*services} == (always | {"api"} if has_api else always)
    for name in {"pipeline", "api"} & {*services}:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "1000:1000"
    for service in services.values():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1"
        secrets = [each["source"] for each in service["build"].get("secrets", [])]
        wanted = ["package_index_password", "package_index_username"] if index else []
        assert sorted(secrets) == wanted


@every_index
@pytest.mark.parametrize("starter", STARTERS)
def test_each_container_gets_what_it_needs(
    bake: Bake, starter: str, index: str
) -> None:
    """As any reader of YAML understands the file."""
    project = bake(starter=starter, package_index_url=index)
    content = yaml.safe_load(project.text("compose.yaml"))
    secrets = [f"package_index_{name}" for name in ("username", "password")]
    given = {"secrets": secrets} if index else {}
    for_all = {
        "init": True,
        "user": "${HOST_UID:-1000}:${HOST_GID:-1000}",
        "env_file": [{"path": ".env", "required": False}],
    }
    arguments = ["REVISION", "SOURCE_DATE_EPOCH", "VERSION"]
    locked_down = {
        "image": "${IMAGE:-my-analysis:prod}",
        "build": {"context": ".", "target": "prod", "args": arguments, **given},
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    at_app = {"environment": {"MY_ANALYSIS_ROOT": "/app"}}
    mounted = {"volumes": [".:/app"], **at_app}
    kept = ["data", "reports", *(["models"] if starter != "analysis" else [])]
    wanted = {
        "dev": {
            **for_all,
            **mounted,
            "profiles": ["dev"],
            "image": "my-analysis:dev",
            "build": {"context": ".", "target": "dev", **given},
        },
        "notebook": {
            **for_all,
            **mounted,
            **({"profiles": ["notebook"]} if starter == "service" else {}),
            "image": "my-analysis:notebook",
            "build": {"context": ".", "target": "notebook", **given},
            "ports": ["127.0.0.1:${JUPYTER_PORT:-8888}:8888"],
        },
        "pipeline": {
            **for_all,
            **locked_down,
            **at_app,
            "profiles": ["pipeline"],
            "volumes": [f"./{name}:/app/{name}" for name in kept],
            "entrypoint": ["sh", "-ec"],
            "command": content["services"]["pipeline"]["command"],
        },
    }
    if starter == "service":
        wanted["api"] = {
            **for_all,
            **locked_down,
            "restart": "unless-stopped",
            "environment": {
                "MY_ANALYSIS_ROOT": "/app",
                "MY_ANALYSIS_HOST": "0.0.0.0",
                "MY_ANALYSIS_PORT": 8000,
            },
            "volumes": ["./models:/app/models:ro"],
            "ports": ["127.0.0.1:${PORT:-8000}:8000"],
            "logging": {
                "driver": "json-file",
                "options": {"max-size": "10m", "max-file": "3"},
            },
        }
    assert content["name"] == "my-analysis"
    assert content["services"] == wanted
    (script,) = content["services"]["pipeline"]["command"]
    steps = ["prepare", "figures", "train", "evaluate"]
    steps = steps if starter != "analysis" else steps[:2]
    assert script.splitlines() == [f"my-analysis {step}" for step in steps]
    assert content.get("secrets", {}) == (
        {name: {"environment": name.upper()} for name in secrets} if index else {}
    )


@pytest.mark.parametrize("starter", STARTERS)
def test_what_starts_is_what_make_says(bake: Bake, starter: str) -> None:
    project = bake(starter=starter)
    services = yaml.safe_load(project.text("compose.yaml"))["services"]
    (name,) = (name for name, each in services.items() if "profiles" not in each)
    (said,) = re.findall(r"^up:.*## Start (.*) in", project.text("containers.mk"), re.M)
    assert said == {"api": "the service", "notebook": "JupyterLab"}[name]


def test_compose_takes_the_image_that_a_server_names(bake: Bake) -> None:
    services = composed(bake(starter="service"), IMAGE="registry.example.org/a:1")
    assert services["services"]["api"]["image"] == "registry.example.org/a:1"


@pytest.mark.slow
@pytest.mark.parametrize("starter", STARTERS)
def test_compose_names_only_keys_of_its_specification(
    bake: Bake, starter: str, tmp_path: Path
) -> None:
    project = bake(starter=starter)
    content = yaml.safe_load(project.text("compose.yaml"))
    (tmp_path / "compose.json").write_text(json.dumps(content))
    follow_schema("compose-spec", tmp_path / "compose.json")


def test_the_pipeline_runs_every_step_of_the_starter_in_order(bake: Bake) -> None:
    (said,) = composed(bake(starter="model"))["services"]["pipeline"]["command"]
    steps = [line.split()[-1] for line in said.strip().splitlines()]
    assert steps == ["prepare", "figures", "train", "evaluate"]


@pytest.mark.slow
def test_the_dev_container_is_read_by_its_own_program(
    devcontainer: Path, bake: Bake
) -> None:
    project = bake(starter="service")
    options = ("--workspace-folder", project.path, "--docker-path", "/bin/true")
    done = run(devcontainer, "read-configuration", *options)
    read = json.loads(done.stdout[done.stdout.index('{"configuration') :])
    configuration = read["configuration"]
    assert configuration["workspaceFolder"] == "/app"
    assert configuration["build"]["target"] == "dev"
    dockerfile = project / ".devcontainer" / configuration["build"]["dockerfile"]
    assert dockerfile.resolve() == (project / "Dockerfile").resolve()
    assert configuration["forwardPorts"] == [8000, 8888]
    assert "options" not in configuration["build"]


@pytest.mark.parametrize("starter", STARTERS)
def test_the_dev_container_works_on_the_source(bake: Bake, starter: str) -> None:
    said = json.loads(bake(starter=starter).text(".devcontainer/devcontainer.json"))
    settings = said.pop("customizations")["vscode"]["settings"]
    assert settings == {"python.defaultInterpreterPath": "/opt/venv/bin/python"}
    assert said == {
        "name": "my-analysis",
        "build": {"dockerfile": "../Dockerfile", "context": "..", "target": "dev"},
        "workspaceMount": "source=${localWorkspaceFolder},target=/app,type=bind",
        "workspaceFolder": "/app",
        "runArgs": ["--init"],
        "containerEnv": {"MY_ANALYSIS_ROOT": "/app"},
        "remoteUser": "app",
        "updateRemoteUserUID": True,
        "forwardPorts": [8000, 8888] if starter == "service" else [8888],
    }


def test_the_dev_container_is_built_with_the_credentials_of_the_index(
    bake: Bake,
) -> None:
    project = bake(package_index_url=INDEX_URL)
    build = json.loads(project.text(".devcontainer/devcontainer.json"))["build"]
    for name in ("username", "password"):
        secret = f"package_index_{name}"
        assert f"--secret=id={secret},env={secret.upper()}" in build["options"]
        assert f"id={secret}" in project.text("Dockerfile")


@pytest.mark.parametrize("starter", STARTERS)
def test_the_readme_brings_up_on_a_server_what_is_there(
    bake: Bake, starter: str
) -> None:
    text = bake(starter=starter).text("README.md")
    served, ran = ("docker compose up --detach" in text), ("run --rm pipeline" in text)
    assert (served, ran) == ((True, False) if starter == "service" else (False, True))


def test_the_extensions_are_those_of_the_local_editor(bake: Bake) -> None:
    project = bake()
    inside = json.loads(project.text(".devcontainer/devcontainer.json"))
    outside = json.loads(project.text(".vscode/extensions.json"))
    assert (
        inside["customizations"]["vscode"]["extensions"] == outside["recommendations"]
    )


# What make says where there is nothing to do it with


def saying(project: Project, machine: Machine, *words: str) -> str:
    """Return what make prints on this machine, which can't do it."""
    done = run("make", *words, cwd=project.path, env=machine.env, check=False)
    assert done.returncode == 2
    return done.stdout


def test_a_missing_docker_is_one_line(bake: Bake, copy: Copy, machine: Machine) -> None:
    machine.hide("docker")
    project = copy(bake())
    for verb in ("image", "image-save", "shell", "pipeline", "up", "down", "logs"):
        said = saying(project, machine, verb).splitlines()
        assert said[0] == "docker is missing: get it from docs.docker.com/get-docker."
        assert len(said) == 2  # and make's own


def test_an_engine_that_does_not_answer_is_one_line(
    bake: Bake, copy: Copy, machine: Machine
) -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker, whose engine is to be missing, is not here itself")
    machine.env["DOCKER_HOST"] = f"unix://{machine.home}/no-engine.sock"
    said = saying(copy(bake()), machine, "image").splitlines()
    assert said[0].startswith("docker does not reach its engine: ")
    assert len(said) == 2


def test_a_project_without_a_lock_file_is_told_how_to_get_one(
    bake: Bake, copy: Copy, machine: Machine
) -> None:
    said = saying(copy(bake()), machine, "image", "DOCKER=true").splitlines()
    assert said[0] == "There is no uv.lock: run 'make lock' first."


def test_pushing_nowhere_is_told(bake: Bake, copy: Copy, machine: Machine) -> None:
    project = copy(bake())
    (project / "uv.lock").touch()
    said = saying(project, machine, "image-push", "DOCKER=true")
    assert "Where to? make image-push REGISTRY=registry.example.org/team" in said
    assert "true build" not in said


def test_a_shell_is_opened_in_a_container_that_is_built_for_it(
    bake: Bake, copy: Copy, machine: Machine
) -> None:
    project = copy(bake())
    (project / "uv.lock").touch()
    record = machine.home / "asked"
    said = f'echo "$@ for $HOST_UID:$HOST_GID" >>"{record}"'
    docker = put_first_on_path(machine, "docker", said)
    words = ("shell", "ARGS=python -V", f"DOCKER={docker}")
    run("make", *words, cwd=project.path, env=machine.env)
    owner = f"{os.getuid()}:{os.getgid()}"
    asked = record.read_text("utf-8").splitlines()
    assert asked[-1] == f"compose run --build --rm dev python -V for {owner}"


# The credentials of a private index


@every_manager
def test_the_credentials_reach_the_manager_in_the_variables_that_it_reads(
    bake: Bake, tmp_path: Path, manager: str
) -> None:
    project = bake(environment_manager=manager, package_index_url=INDEX_URL)
    secrets = {"username": "ada", "password": "s3cr$t@/%#:"}
    for name, value in secrets.items():
        (tmp_path / f"package_index_{name}").write_text(value)
    code = (
        "import json, pathlib, with_index as w;"
        f"print(json.dumps(w.variables(w.credentials(pathlib.Path({str(tmp_path)!r})))))"
    )
    done = run("python3", "-B", "-c", code, cwd=project / "scripts")
    given = json.loads(done.stdout)
    assert given["PACKAGE_INDEX_USERNAME"] == "ada"
    index = default_context()["_managers"][manager]["index"]
    for name in {**index["exports"], **index["credentials"]}:
        quoted = "https://ada:s3cr%24t%40%2F%25%23%3A@packages.example.com/team/simple/"
        assert given[name] in (*secrets.values(), quoted)
    # Where there are none, compose makes files that hold nothing.
    (tmp_path / "package_index_username").write_text("")
    (tmp_path / "package_index_password").unlink()
    left = json.loads(run("python3", "-B", "-c", code, cwd=project / "scripts").stdout)
    assert {*left.values()} <= {INDEX_URL}
