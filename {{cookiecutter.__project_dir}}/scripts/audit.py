"""Look for known vulnerabilities in what the lock file says, with pip-audit.

    python scripts/audit.py PIP-AUDIT-COMMAND [OPTION …]

An audit that could not look is a failure, not a pass. So the same command first has to
find the hole in an old release that is known to have one: where the service is out of
reach, or a mirror knows nothing of advisories, it does not.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

CANARY = "jinja2==2.4.1"  # CVE-2014-1402 and others since
FOREIGN = ("editable", "virtual", "directory", "path", "git", "vcs", "file")
OPTIONS = (
    *("--vulnerability-service", "osv"),
    *("--no-deps", "--disable-pip"),  # the pins are complete: nothing is resolved
    *("--progress-spinner", "off", "--format", "json", "--desc", "off"),
)

Dependency = dict[str, Any]


class AuditError(Exception):
    """Why nothing can be said of the versions, in one line for a person."""


def in_toml(text: str) -> set[str]:
    """Return the pins of a uv.lock, a poetry.lock or a pylock.toml."""
    content = tomllib.loads(text)
    packages = content.get("package", []) + content.get("packages", [])
    return {
        f"{each['name']}=={each['version']}"
        for each in packages
        if "version" in each and not is_foreign(each)
    }


def is_foreign(package: Dependency) -> bool:
    """Tell whether a locked package comes from elsewhere than a package index."""
    source = package.get("source", {})
    kinds = {*package, *source, source.get("type")} - {None}
    return not kinds.isdisjoint(FOREIGN)


def in_requirements(text: str) -> set[str]:
    """Return the pins of a requirements file, without hashes and markers."""
    return set(re.findall(r"^[\w.-]+==[^\s;\\]+", text, re.MULTILINE))


def in_pipfile_lock(text: str) -> set[str]:
    """Return the pins of a Pipfile.lock."""
    content = json.loads(text)
    return {
        f"{name}{entry['version']}"
        for section in ("default", "develop")
        for name, entry in content.get(section, {}).items()
        if "version" in entry
    }


KINDS = {
    "uv.lock": in_toml,
    "poetry.lock": in_toml,
    "pylock*.toml": in_toml,
    "requirements*.txt": in_requirements,
    "Pipfile.lock": in_pipfile_lock,
}


def locked(project: Path) -> list[str]:
    """Return every version that the lock files pin, as "name==version".

    Raises:
        AuditError: if there is no lock file, or none that can be read.
    """
    found: set[str] = set()
    for pattern, pins in KINDS.items():
        for path in project.glob(pattern):
            try:
                found |= pins(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                raise AuditError(
                    f"{path.name} can't be read: 'make lock' makes it anew"
                ) from None
    if not found:
        raise AuditError("there is no lock file with versions in it: run 'make lock'")
    return sorted(found)


def batches(pins: list[str]) -> list[list[str]]:
    """Return the pins in groups in which no name occurs twice.

    A lock file has several versions of a package where platforms differ, and pip-audit
    takes one at a time.
    """
    groups: list[dict[str, str]] = []
    for pin in pins:
        name = pin.partition("==")[0].lower()
        free = next((group for group in groups if name not in group), None)
        if free is None:
            groups.append(free := {})
        free[name] = pin
    return [list(group.values()) for group in groups]


def ask(command: list[str], pins: list[str]) -> list[Dependency]:
    """Return what pip-audit says of each pin.

    Raises:
        AuditError: if it does not answer for every one of them.
    """
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory, "requirements.txt")
        requirements.write_text("\n".join(pins) + "\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [*command, *OPTIONS, "--requirement", str(requirements)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise AuditError(f"{command[0]}: {error.strerror}") from None
    try:
        dependencies: list[Dependency] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise AuditError(silence(done.stderr)) from None
    skipped = [each["name"] for each in dependencies if "vulns" not in each]
    if skipped or len(dependencies) != len(pins):
        names = ", ".join(skipped) or f"{len(pins) - len(dependencies)} of {len(pins)}"
        raise AuditError(f"pip-audit looked at some versions only, not at {names}")
    return dependencies


def silence(said: str) -> str:
    """Return why pip-audit did not answer, from what it said last instead."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    host = re.search(r"(Connection|Timeout|SSL|Proxy)\w*: .*host='([^']+)'", last)
    if host:
        return f"the advisory service at {host[2]} can't be reached"
    return f"pip-audit failed: {last[:200]}"


def report(dependencies: list[Dependency]) -> list[str]:
    """Return one line for each known vulnerability."""
    return [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        f" ({', '.join(vulnerability.get('aliases', [])) or 'no other name'}),"
        f" mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for each in dependencies
        for vulnerability in each["vulns"]
    ]


def audit(command: list[str], project: Path) -> tuple[int, list[str]]:
    """Return how many versions were looked at, and what was found.

    Raises:
        AuditError: if the answer would not be worth trusting.
    """
    pins = locked(project)
    if not report(ask(command, [CANARY])):
        raise AuditError(f"the service does not even know of the holes in {CANARY}")
    found = [line for group in batches(pins) for line in report(ask(command, group))]
    return len(pins), found


def main() -> None:
    """Print what is known of the locked versions; end with 1 if anything is."""
    command = [*shlex.split(sys.argv[1]), *sys.argv[2:]]
    try:
        number, found = audit(command, Path.cwd())
    except AuditError as error:
        sys.exit(f"No audit, so nothing is known to be safe: {error}.")
    if found:
        print(*found, sep="\n")
        sys.exit(
            "'make upgrade' moves to newer versions; ARGS=\"--ignore-vuln ID\" lets one"
            " pass that does not concern this project."
        )
    print(f"No vulnerability is known in any of the {number} locked versions.")


if __name__ == "__main__":
    main()
