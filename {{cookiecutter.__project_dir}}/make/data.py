"""Fetch the files that data.toml lists; one that is there is checked and kept."""

import sys
import tomllib
from pathlib import Path

import pooch

LIST = Path("data.toml")


def fetch(name: str, url: str, sha256: str) -> str:
    """Fetch a file unless it is there, and say in one line what happened.

    Raises:
        ValueError: The file, here or there, has another SHA-256; ours is kept as it is.
        OSError: There is no answer, or no place for the file.
    """
    path = Path(name)
    if not path.resolve().is_relative_to(Path.cwd()):
        raise ValueError("is outside the project")
    expected = sha256.lower()
    if path.exists():  # pooch would overwrite it
        if (found := pooch.file_hash(str(path))) != expected:
            raise ValueError(
                f"is here with SHA-256 {found}, not {expected}: move it away, "
                f"or correct {LIST}"
            )
        return f"{name} is here"
    options = {"fname": path.name, "path": path.parent, "progressbar": True}
    try:
        pooch.retrieve(url, known_hash=f"sha256:{expected}", **options)
    except ValueError as error:  # pooch has removed what it fetched
        raise ValueError(f"from {url}: {' '.join(str(error).split())}") from None
    return f"{name} is fetched"


def main() -> None:
    """Fetch all files, or say which one failed and how to go on."""
    pooch.get_logger().setLevel("ERROR")
    try:
        files = tomllib.loads(LIST.read_text(encoding="utf-8")).get("files", {})
        if not files:
            print(f"{LIST} lists no files; the comment in it shows how.")
    except (OSError, ValueError) as error:
        sys.exit(f"{LIST} can't be read: {error}")
    for name, source in files.items():
        try:
            print(fetch(name, source["url"], source["sha256"]))
        except (LookupError, TypeError, AttributeError):
            sys.exit(f"{LIST}: {name} needs the texts url and sha256")
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            sys.exit(f"{name} {reason}\nThen 'make data' fetches what is missing.")


if __name__ == "__main__":
    main()
