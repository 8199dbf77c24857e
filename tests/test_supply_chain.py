"""What a project says of its dependencies' faults, its own secrets, and its releases.

The scripts run as make runs them, with a pip-audit of this test's making, or with the
real one where it can be had, against a service on loopback.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Bake, Project, programs_of, run
from journey import MANAGERS

PIP_AUDIT = "pip-audit>=2.9"
HOLE = {"id": "PYSEC-1", "fix_versions": ["9"], "aliases": ["CVE-1"]}

UV_LOCK = """
[[package]]
name = "alpha"
version = "1.0"
source = { registry = "https://packages.example.com/simple" }
[[package]]
name = "alpha"
version = "2.0"
source = { registry = "https://packages.example.com/simple" }
[[package]]
name = "my-analysis"
version = "0.1.0"
source = { editable = "." }
"""
POETRY_LOCK = """
[[package]]
name = "alpha"
version = "1.0"
[[package]]
name = "mine"
version = "3.0"
[package.source]
type = "git"
url = "https://example.com/mine"
"""
PYLOCK = """
[[packages]]
name = "alpha"
version = "1.0"
[[packages]]
name = "mine"
version = "3.0"
[packages.directory]
path = "."
"""
REQUIREMENTS = """
# made by pip-tools
alpha==1.0 ; python_version < "3.14" \\
    --hash=sha256:0000
Beta.x==2.0rc1 \\
    --hash=sha256:1111
    # via alpha==9
"""
PIPFILE_LOCK = json.dumps(
    {
        "default": {"alpha": {"version": "==1.0"}, "mine": {"path": "."}},
        "develop": {"beta": {"version": "==2.0"}},
    }
)
ALPHA = ["alpha==1.0"]
LOCKS = {
    "uv.lock": (UV_LOCK, [*ALPHA, "alpha==2.0"]),
    "poetry.lock": (POETRY_LOCK, ALPHA),
    "pylock.dev.toml": (PYLOCK, ALPHA),
    "requirements-dev.txt": (REQUIREMENTS, ["Beta.x==2.0rc1", *ALPHA]),
    "Pipfile.lock": (PIPFILE_LOCK, [*ALPHA, "beta==2.0"]),
}


@pytest.fixture
def project(bake: Bake, copy: Callable[[Project], Project]) -> Project:
    """A project without a lock file."""
    return copy(bake())


Fake = Callable[..., list[str]]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Make a pip-audit that keeps what it is asked and answers as it is told to."""

    def made(
        *bad: str, knows_canary: bool = True, skips: str = "", answers: bool = True
    ) -> list[str]:
        script = tmp_path / "fake.py"
        holes = [*bad, *(["jinja2==2.4.1"] if knows_canary else [])]
        script.write_text(f"""
import json, pathlib, sys
pins = pathlib.Path(sys.argv[-1]).read_text().split()
with open({str(tmp_path / "asked")!r}, "a") as asked:
    asked.write(json.dumps([pins, sys.argv[1:-1]]) + "\\n")
if not {answers}:
    sys.exit("requests.exceptions.ConnectionError: "
             "HTTPSConnectionPool(host='osv.example.com', port=443): no route")
found = []
for pin in pins:
    name, version = pin.split("==")
    holes = [{HOLE!r}] if pin in {holes!r} else []
    found.append({{"name": name, "skip_reason": "unknown"}} if name == {skips!r}
                 else {{"name": name, "version": version, "vulns": holes}})
print(json.dumps({{"dependencies": found, "fixes": []}}))
sys.exit(any(each.get("vulns") for each in found))
""")
        return [sys.executable, str(script)]

    return made


def audit(
    project: Project, command: list[str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as make does, with the command as one word."""
    shown = " ".join(f'"{word}"' for word in command)
    python = (sys.executable, "scripts/audit.py")
    return project.run(*python, shown, *options, check=False)


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which an audit that can't be trusted ends."""
    (line,) = done.stdout.splitlines()
    assert done.returncode == 1
    assert line.startswith("No audit, so nothing is known to be safe: ")
    return line


def asked(tmp_path: Path) -> list[str]:
    """Return the pins that pip-audit was asked about, after the canary."""
    lines = (tmp_path / "asked").read_text().splitlines()
    first, *others = [json.loads(line)[0] for line in lines]
    assert first == ["jinja2==2.4.1"]
    for pins in others:
        names = [pin.partition("==")[0] for pin in pins]
        assert len(names) == len({*names})
    return sorted(pin for pins in others for pin in pins)


@pytest.mark.parametrize("name", LOCKS)
def test_the_versions_of_every_kind_of_lock_file_are_looked_at_and_nothing_else(
    project: Project, fake: Fake, tmp_path: Path, name: str
) -> None:
    text, pins = LOCKS[name]
    (project / name).write_text(text, "utf-8")
    done = audit(project, fake(), "--timeout", "3")
    count = f"any of the {len(pins)} locked versions"
    assert done.stdout == f"No vulnerability is known in {count}.\n"
    assert done.returncode == 0
    assert asked(tmp_path) == sorted(pins)
    assert '"--timeout", "3"' in (tmp_path / "asked").read_text()


def test_a_known_hole_is_told_with_what_mends_it(project: Project, fake: Fake) -> None:
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    done = audit(project, fake("alpha==2.0"))
    assert done.returncode == 1
    first, last = done.stdout.splitlines()
    assert first == "alpha 2.0: PYSEC-1 (CVE-1), mended in 9"
    assert "--ignore-vuln ID" in last


def test_a_service_out_of_reach_is_a_failure(project: Project, fake: Fake) -> None:
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    line = failed(audit(project, fake(answers=False)))
    assert "the advisory service at osv.example.com can't be reached" in line


def test_a_service_that_knows_of_nothing_is_a_failure(
    project: Project, fake: Fake
) -> None:
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    line = failed(audit(project, fake(knows_canary=False)))
    assert "does not even know of the holes in jinja2==2.4.1" in line


def test_a_version_that_was_left_out_is_a_failure(project: Project, fake: Fake) -> None:
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    line = failed(audit(project, fake(skips="alpha")))
    assert line.endswith("some versions only, not at alpha.")


def test_no_lock_file_or_a_broken_one_is_a_failure(
    project: Project, fake: Fake
) -> None:
    assert "run 'make lock'" in failed(audit(project, fake()))
    (project / "uv.lock").write_text("<<<<<<< ours\n")
    assert "uv.lock can't be read: 'make lock'" in failed(audit(project, fake()))


def test_a_missing_program_is_a_failure(project: Project) -> None:
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    line = failed(audit(project, ["/nowhere/pip-audit"]))
    assert "/nowhere/pip-audit: No such file" in line


# The real pip-audit


class Osv(BaseHTTPRequestHandler):
    """An advisory service that knows of one hole, in the canary."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        query = json.loads(self.rfile.read(length))
        bad = (query["package"]["name"], query["version"]) == ("jinja2", "2.4.1")
        affected = {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "2.7.2"}]}],
        }
        hole = {"id": "PYSEC-2014-8", "summary": "A hole.", "affected": [affected]}
        body = json.dumps({"vulns": [hole]} if bad else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    """The address of an advisory service on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_the_real_pip_audit_passes_only_what_its_service_has_answered_for(
    project: Project, osv: str
) -> None:
    get = ("uvx", "--from", PIP_AUDIT, "pip-audit")
    done = run(*get, "--version", check=False)
    if done.returncode != 0:
        pytest.skip(f"pip-audit can't be had here: {done.stdout.strip()[-200:]}")
    (project / "uv.lock").write_text(UV_LOCK, "utf-8")
    passed = audit(project, [*get], "--osv-url", osv)
    assert (
        passed.stdout == "No vulnerability is known in any of the 2 locked versions.\n"
    )
    (project / "uv.lock").write_text(
        UV_LOCK + '[[package]]\nname = "jinja2"\n' 'version = "2.4.1"\n'
    )
    found = audit(project, [*get], "--osv-url", osv)
    assert found.returncode == 1
    assert "jinja2 2.4.1: PYSEC-2014-8 " in found.stdout
    nowhere = osv.replace("127.0.0.1", "127.0.0.2")
    line = failed(audit(project, [*get], "--osv-url", nowhere))
    assert "the advisory service at 127.0.0.2 can't be reached" in line


# Release notes


def notes(
    project: Project, changelog: str | None, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as make does, with this changelog."""
    path = project / "CHANGELOG.md"
    path.unlink()
    if changelog is not None:
        path.write_text(changelog, "utf-8")
    python = (sys.executable, "scripts/release_notes.py")
    return project.run(*python, *words, check=False)


@pytest.mark.parametrize(
    "heading", ["## [0.1.0] - 2026-01-01", "## 0.1.0", "## v0.1.0", "## [0.1.0]"]
)
@pytest.mark.parametrize(
    "next_", ["", "## [0.0.9]\n\n- Old.\n", "[0.1.0]: https://x\n"]
)
def test_the_notes_are_what_stands_below_the_version(
    project: Project, heading: str, next_: str
) -> None:
    before = "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n"
    text = f"{before}{heading}\n\n### Added\n\n- „A“.\n\n"
    done = notes(project, text + next_, "v0.1.0")
    assert done.stdout == "### Added\n\n- „A“.\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("changelog", "tag", "said"),
    [
        ("## [0.1.0]\n\n- A.\n", "v0.1.1", "the tag v0.1.1 is not v0.1.0"),
        ("## [0.1.0]\n\n- A.\n", "0.1.0", "the tag 0.1.0 is not v0.1.0"),
        ("## [Unreleased]\n\n- A.\n", "v0.1.0", "says nothing of 0.1.0"),
        ("## [0.1.0rc1]\n\n- A.\n", "v0.1.0", "says nothing of 0.1.0"),
        ("## [0.1.0.post1]\n\n- A.\n", "v0.1.0", "says nothing of 0.1.0"),
        ("## [0.1.0]\n\n## [0.0.9]\n\n- A.\n", "v0.1.0", "an empty section for 0.1.0"),
        (None, "v0.1.0", "CHANGELOG.md can't be read"),
    ],
)
def test_a_release_without_notes_or_with_a_wrong_tag_is_refused(
    project: Project, changelog: str | None, tag: str, said: str
) -> None:
    done = notes(project, changelog, tag)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("No release notes: ")
    assert said in line


# Secrets


@pytest.mark.parametrize("ci", ["github", "gitlab"])
@pytest.mark.parametrize("starter", ["analysis", "service"])
def test_the_baseline_of_secrets_lists_none(bake: Bake, ci: str, starter: str) -> None:
    project = bake(ci=ci, starter=starter)
    assert json.loads(project.text(".secrets.baseline"))["results"] == {}


SEARCH = """
import json, sys
from detect_secrets.core import baseline
from detect_secrets.core.plugins import util
from detect_secrets.core.secrets_collection import SecretsCollection
kinds = util.get_mapping_from_secret_type_to_class().values()
with open(sys.argv[1]) as file:
    baseline.load(json.load(file))
found = SecretsCollection()
found.scan_file(sys.argv[2])
print(json.dumps([
    [kind.__name__ for kind in kinds],
    baseline.format_for_output(SecretsCollection()),
    [secret.line_number for _, secret in found],
]))
"""


def test_secrets_are_looked_for_as_the_baseline_says(
    bake: Bake, stack: Path, tmp_path: Path
) -> None:
    digest = hashlib.sha512(b"").digest()
    digits, letters = digest.hex()[:32], base64.b64encode(digest).decode()
    planted = {
        f'   "id": "{digits}",': False,  # of a notebook's cell
        f'   "id": "{digits}"': False,
        f'    "image/png": "{letters}",': False,
        f'   "key": "{digits}",': True,
        f'    "image": "{letters}",': True,
    }
    (tmp_path / "a.ipynb").write_text("\n".join(planted), encoding="utf-8")
    python = (programs_of(stack) / "python", "-c", SEARCH)
    done = run(*python, bake() / ".secrets.baseline", tmp_path / "a.ipynb")
    kinds, written, lines = json.loads(done.stdout)
    baseline = json.loads(bake().text(".secrets.baseline"))
    assert sorted(each["name"] for each in baseline["plugins_used"]) == sorted(kinds)
    # It would write the same itself, but for its version and the time.
    assert {*baseline} == {*written}
    for key in ("plugins_used", "filters_used", "results"):
        assert baseline[key] == written[key]
    assert [n in lines for n in range(1, len(planted) + 1)] == [*planted.values()]


def test_secrets_are_not_looked_for_in_what_is_full_of_checksums(bake: Bake) -> None:
    filters = json.loads(bake().text(".secrets.baseline"))["filters_used"]
    (left_out,) = (
        each["pattern"] for each in filters if each["path"].endswith("_exclude_file")
    )
    locks = {file for manager in MANAGERS.values() for file in manager["locks"]}
    tracked = {*bake().files, "sub/uv.lock.py", *locks, ".cruft.json"}
    passed_over = {
        name for name in tracked if any(re.search(each, name) for each in left_out)
    }
    assert passed_over == {*locks, ".cruft.json"}
