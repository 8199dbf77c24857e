"""Download the files that data.toml lists, and check the existing ones."""

import sys
import tomllib
from pathlib import Path

import pooch

pooch.get_logger().setLevel("ERROR")
try:
    files = tomllib.loads(Path("data.toml").read_text(encoding="utf-8"))["files"]
    listed = [
        (Path(name), source["url"], source["sha256"].lower())
        for name, source in files.items()
    ]
except FileNotFoundError:
    print("There is no data.toml: data/raw/README.md has an example.")
    sys.exit()
except Exception as error:
    sys.exit(f"data.toml does not follow the example in data/raw/README.md: {error!r}")
for path, url, expected in listed:
    try:
        if not path.exists():
            hashed = f"sha256:{expected}"
            pooch.retrieve(url, hashed, path.name, path.parent, progressbar=True)
        elif (found := pooch.file_hash(str(path))) != expected:
            raise ValueError(  # pooch would overwrite it
                f"has SHA-256 {found}, not {expected}: move it away, or correct"
                " data.toml"
            )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        sys.exit(f"{path} {reason}\nThen 'make data' downloads the missing files.")
    print(f"{path.as_posix()} is complete")
