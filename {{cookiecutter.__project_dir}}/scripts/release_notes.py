"""Print what CHANGELOG.md says of the version that pyproject.toml has.

    python scripts/release_notes.py [TAG]

A tag that is not the version's, or a version of which nothing is said, is refused: a
release would carry the wrong name, or say nothing.
"""

import re
import sys
import tomllib
from pathlib import Path

MANIFEST = Path("pyproject.toml")
CHANGELOG = Path("CHANGELOG.md")


class NotesError(Exception):
    """Why there are no notes, in one line for a person."""


def version(manifest: str) -> str:
    """Return the project's version.

    Args:
        manifest: the text of pyproject.toml.

    Raises:
        NotesError: if it states none.
    """
    try:
        return str(tomllib.loads(manifest)["project"]["version"])
    except (tomllib.TOMLDecodeError, KeyError):
        raise NotesError(f"{MANIFEST} states no version") from None


def check_tag(tag: str, number: str) -> None:
    """Raise NotesError unless the tag is that of this version."""
    if tag != f"v{number}":
        raise NotesError(
            f"the tag {tag} is not v{number}: change the tag, or {MANIFEST}'s version"
        )


def section(changelog: str, number: str) -> str:
    """Return the text below the heading of a version, without the heading.

    Args:
        changelog: the text of CHANGELOG.md.
        number: the version, such as "1.2.3".

    Raises:
        NotesError: if there is no such heading, or nothing below it.
    """
    heading = rf"^##[ ]\[?v?{re.escape(number)}\]?(?![\w.+-]).*\n"
    parts = re.split(heading, changelog + "\n", maxsplit=1, flags=re.MULTILINE)
    if len(parts) < 2:
        raise NotesError(
            f"{CHANGELOG} says nothing of {number}: rename its section"
            f" '## [Unreleased]' to '## [{number}] - YYYY-MM-DD'"
        )
    # It ends at the next version, or where the addresses of links begin.
    text = re.split(r"^##?[ ]|^\[[^\]]+\]:[ ]", parts[1], flags=re.MULTILINE)[0].strip()
    if not text:
        raise NotesError(f"{CHANGELOG} has an empty section for {number}: fill it in")
    return text


def main() -> None:
    """Print the notes, or say in one line why there are none."""
    try:
        number = version(MANIFEST.read_text(encoding="utf-8"))
        if sys.argv[1:]:
            check_tag(sys.argv[1], number)
        notes = section(CHANGELOG.read_text(encoding="utf-8"), number)
    except OSError as error:
        sys.exit(f"No release notes: {error.filename} can't be read")
    except NotesError as error:
        sys.exit(f"No release notes: {error}.")
    sys.stdout.buffer.write(f"{notes}\n".encode())


if __name__ == "__main__":
    main()
