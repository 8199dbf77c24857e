"""Register this environment as a Jupyter kernel of the user, or remove it.

A kernel of that name that starts another environment's Python is left as it is, unless
that Python is gone.

    python make/kernel.py register NAME
    python make/kernel.py remove NAME
"""

import shutil
import sys
from pathlib import Path

from ipykernel.kernelspec import install
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel


def owner(name: str) -> Path | None:
    """Return the Python that the kernel of this name starts, None if there is none."""
    try:
        spec = KernelSpecManager(ensure_native_kernel=False).get_kernel_spec(name)
        return Path(spec.argv[0])
    except (NoSuchKernel, LookupError, ValueError):
        return None


def main(verb: str, name: str) -> None:
    """Do what the command line says, or say in one line why not."""
    python = owner(name)
    ours = python is None or python.parent == Path(sys.executable).parent
    if not ours and python and shutil.which(python):
        print(f"The kernel '{name}' belongs to {python} and is left as it is.")
        print(f"'make kernel KERNEL={name}-2' registers this one under another name.")
    elif verb == "remove" and python:
        KernelSpecManager().remove_kernel_spec(name)
        print(f"Kernel '{name}' removed.")
    elif verb == "register":
        title = f"Python {sys.version_info[0]}.{sys.version_info[1]} ({name})"
        install(user=True, kernel_name=name, display_name=title)
        print(f'Kernel "{title}" registered.')


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"no kernel: {error.strerror}: {error.filename}")
