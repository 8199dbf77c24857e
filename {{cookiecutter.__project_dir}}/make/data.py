"""Fetch the files that data.toml lists; one that is there is checked and kept."""

import sys
import tomllib
from pathlib import Path

import pooch

LIST = Path("data.toml")


def fetch(name: str, url: str, expected: str) -> None:
    """Fetch a file unless it is there.

    Raises:
        ValueError: The file, here or there, has another SHA-256; ours is kept as it is.
        OSError: There is no answer, or no place for the file.
    """
    path = Path(name)
    if not path.resolve().is_relative_to(Path.cwd()):
        raise ValueError("is outside the project")
    if not path.exists():
        hashed = f"sha256:{expected}"
        pooch.retrieve(url, hashed, path.name, path.parent, progressbar=True)
    elif (found := pooch.file_hash(name)) != expected:  # pooch would overwrite it
        raise ValueError(
            f"is here with SHA-256 {found}, not {expected}: move it, or correct {LIST}"
        )


pooch.get_logger().setLevel("ERROR")
if not LIST.exists():
    print(f"There is no {LIST}: data/raw/README.md shows what it lists.")
    sys.exit()
try:
    files = tomllib.loads(LIST.read_text(encoding="utf-8")).get("files", {})
except (OSError, ValueError) as error:
    sys.exit(f"{LIST} can't be read: {error}")
for name, source in files.items():
    try:
        fetch(name, source["url"], source["sha256"].lower())
    except (LookupError, TypeError, AttributeError):
        sys.exit(f"{LIST}: {name} needs the texts url and sha256")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        sys.exit(f"{name} {reason}\nThen 'make data' fetches what is missing.")
    print(f"{name} is here")
