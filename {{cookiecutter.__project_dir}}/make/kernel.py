"""Write the environment's own Jupyter kernels, and register one for the user.

A kernel of the same name that starts another environment's Python is not changed.

    python make/kernel.py PROJECT [NAME]
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import install
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

project, name = sys.argv[1], sys.argv[-1]
version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"


def write(kernel: str, title: str, **place: Any) -> None:
    """Write a kernel, or exit with one line that says why that failed."""
    try:
        install(kernel_name=kernel, display_name=title, **place)
    except (OSError, ValueError) as error:
        sys.exit(f"The kernel '{kernel}' can't be written: {error}")


# With an absolute path: another environment's Jupyter runs its own "python".
# The environment of an image is read-only and already has its kernel.
for own in ("python3", project):
    if os.access(sys.prefix, os.W_OK):
        write(own, f"{version} ({project})", prefix=f"{sys.prefix}/jupyter")

kernels = KernelSpecManager(ensure_native_kernel=False)
try:
    python = Path(kernels.get_kernel_spec(name).argv[0])
except (NoSuchKernel, LookupError, ValueError):  # none, or a damaged one
    python = Path(sys.executable)
if python.parent != Path(sys.executable).parent and shutil.which(python):
    print(f"The kernel '{name}' belongs to {python} and was not changed.")
    print(f"'make kernel KERNEL={name}-2' registers this one under another name.")
else:
    write(name, f"{version} ({name})", user=True)
    print(f'Kernel "{version} ({name})" registered.')
