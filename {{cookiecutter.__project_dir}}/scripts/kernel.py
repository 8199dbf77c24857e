"""Register this environment as a Jupyter kernel of the user, or remove it.

A kernel of the same name that belongs to another environment is left as it is, unless
that environment's Python is gone.

    python scripts/kernel.py register [NAME]
    python scripts/kernel.py remove [NAME]
"""

import os
import shutil
import sys
import tomllib
from pathlib import Path

from ipykernel.kernelspec import install
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

MANIFEST = Path(__file__).parent.parent / "pyproject.toml"


def owner(name: str) -> str | None:
    """Return the Python that the kernel of this name starts, if there is one."""
    try:
        argv = KernelSpecManager().get_kernel_spec(name).argv
    except NoSuchKernel:
        return None
    return argv[0] if argv else None


def is_ours(python: str) -> bool:
    """Tell whether a kernel's Python is that of this environment."""
    return os.path.normcase(python) == os.path.normcase(sys.executable)


def register(name: str) -> str:
    """Register the kernel for the user and return what was done."""
    python = owner(name)
    if python is not None and not is_ours(python) and shutil.which(python):
        return (
            f"'{name}' belongs to {python} and is left as it is.\n"
            f"'make kernel KERNEL={name}-2' registers this one under another name."
        )
    version = "{}.{}".format(*sys.version_info)
    display_name = f"Python {version} ({name})"
    install(user=True, kernel_name=name, display_name=display_name)
    return display_name


def remove(name: str) -> str:
    """Remove the kernel, if it is this environment's, and return what was done."""
    python = owner(name)
    if python is None:
        return f"there is no kernel '{name}'"
    if not is_ours(python):
        return f"'{name}' belongs to {python} and is left as it is"
    KernelSpecManager().remove_kernel_spec(name)
    return f"'{name}' removed"


def main(verb: str, name: str = "") -> None:
    """Do what the command line says; without a name, for the project's own."""
    project = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["project"]
    try:
        print({"register": register, "remove": remove}[verb](name or project["name"]))
    except OSError as error:
        sys.exit(f"no kernel: {error.strerror}: {error.filename}")
    except ValueError as error:
        sys.exit(f"no kernel: one of that name is there, with a broken file: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
