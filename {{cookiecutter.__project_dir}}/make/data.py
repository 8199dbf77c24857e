"""Fetch the files that data.toml lists; one that is there is checked and kept."""

import sys
import tomllib
from pathlib import Path

import pooch

pooch.get_logger().setLevel("ERROR")
try:
    files = tomllib.loads(Path("data.toml").read_text(encoding="utf-8"))["files"]
    listed = [(Path(name), files[name]["url"], files[name]["sha256"]) for name in files]
except FileNotFoundError:
    print("There is no data.toml: data/raw/README.md shows what it lists.")
    sys.exit()
except (OSError, ValueError, LookupError, TypeError) as error:
    sys.exit(f"data.toml is not like the example in data/raw/README.md: {error!r}")
for path, url, expected in listed:
    try:
        if not path.exists():
            hashed = f"sha256:{expected}"
            pooch.retrieve(url, hashed, path.name, path.parent, progressbar=True)
        elif (found := pooch.file_hash(str(path))) != expected.lower():
            raise ValueError(  # pooch would overwrite it
                f"is here with SHA-256 {found}, not {expected}: move it, or correct"
                " data.toml"
            )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        sys.exit(f"{path} {reason}\nThen 'make data' fetches what is missing.")
    print(f"{path.as_posix()} is here")
