"""Register this environment as a Jupyter kernel of the user, or remove it.

The kernelspec is the one that ipykernel has put into the environment, under a name of
its own: `ipykernel install` writes the same, but takes ten times as long to start.
A kernel of that name that belongs to another environment is left as it is, unless that
environment's Python is gone.

    python scripts/kernel.py register [NAME]
    python scripts/kernel.py remove [NAME]
"""

import json
import shutil
import sys
import tomllib
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir, jupyter_path

MANIFEST = Path(__file__).parent.parent / "pyproject.toml"
INSTALLED = Path(sys.prefix, "share", "jupyter", "kernels", "python3")
USERS = Path(jupyter_data_dir(), "kernels")


def owner(name: str) -> str | None:
    """Return the Python that the kernel of this name starts, if there is one.

    Raises:
        ValueError: its file can't be read.
    """
    specs = (Path(place, name, "kernel.json") for place in jupyter_path("kernels"))
    found = next((spec for spec in specs if spec.is_file()), None)
    if found is None:
        return None
    try:
        return str(json.loads(found.read_text(encoding="utf-8"))["argv"][0])
    except (LookupError, TypeError, ValueError):
        raise ValueError(f"{found} is no kernelspec: remove it") from None


def is_ours(python: str) -> bool:
    """Tell whether a kernel's Python is that of this environment, by whatever path."""
    return Path(python).parent.resolve() == Path(sys.executable).parent.resolve()


def register(name: str) -> str:
    """Register the kernel for the user and return what was done."""
    python = owner(name)
    if python is not None and not is_ours(python) and shutil.which(python):
        return (
            f"'{name}' belongs to {python} and is left as it is.\n"
            f"'make kernel KERNEL={name}-2' registers this one under another name."
        )
    spec = json.loads((INSTALLED / "kernel.json").read_text(encoding="utf-8"))
    # Frozen modules keep the debugger out of the standard library.
    spec["argv"][:1] = [sys.executable, "-Xfrozen_modules=off"]
    version = "{}.{}".format(*sys.version_info)
    spec["display_name"] = f"Python {version} ({name})"
    shutil.copytree(INSTALLED, USERS / name, dirs_exist_ok=True)
    text = json.dumps(spec, indent=1)
    (USERS / name / "kernel.json").write_text(text, encoding="utf-8")
    return str(spec["display_name"])


def remove(name: str) -> str:
    """Remove the kernel, if it is this environment's, and return what was done."""
    python = owner(name)
    if python is None:
        return f"there is no kernel '{name}'"
    if not is_ours(python):
        return f"'{name}' belongs to {python} and is left as it is"
    shutil.rmtree(USERS / name)
    return f"'{name}' removed"


def main(verb: str, name: str = "") -> None:
    """Do what the command line says; without a name, for the project's own."""
    project = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["project"]
    try:
        print({"register": register, "remove": remove}[verb](name or project["name"]))
    except (OSError, ValueError, shutil.Error) as error:
        told = getattr(error, "strerror", None)
        sys.exit(f"no kernel: {f'{told}: {error.filename}' if told else error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
