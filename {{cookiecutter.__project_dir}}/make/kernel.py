"""Register this environment as a Jupyter kernel of the user.

A kernel of that name that starts another environment's Python is left as it is.

    python make/kernel.py NAME
"""

import shutil
import sys
from pathlib import Path

from ipykernel.kernelspec import install
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

name = sys.argv[1]
kernels = KernelSpecManager(ensure_native_kernel=False)
try:
    python = Path(kernels.get_kernel_spec(name).argv[0])
except (NoSuchKernel, LookupError, ValueError):  # none, or a damaged one
    python = Path(sys.executable)
if python.parent != Path(sys.executable).parent and shutil.which(python):
    print(f"The kernel '{name}' belongs to {python} and is left as it is.")
    print(f"'make kernel KERNEL={name}-2' registers this one under another name.")
else:
    title = f"Python {sys.version_info[0]}.{sys.version_info[1]} ({name})"
    try:
        install(user=True, kernel_name=name, display_name=title)
    except OSError as error:
        sys.exit(f"no kernel: {error.strerror}: {error.filename}")
    print(f'Kernel "{title}" registered.')
