"""Write the environment's own Jupyter kernels, and register one for the user.

A kernel of the user that starts another environment's Python is left as it is.

    python make/kernel.py PROJECT [NAME | --own]
"""

import contextlib
import shutil
import sys
from pathlib import Path

from ipykernel.kernelspec import install
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

project, name = sys.argv[1], sys.argv[-1]
version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
# With an absolute path: another environment's Jupyter takes "python" for its own.
# Written before each use: in a copied environment they still start the original.
for own in ("python3", project):
    title = f"{version} ({project})"
    with contextlib.suppress(PermissionError):  # in an image, which needs none
        install(prefix=f"{sys.prefix}/jupyter", kernel_name=own, display_name=title)
if name == "--own":
    sys.exit()

kernels = KernelSpecManager(ensure_native_kernel=False)
try:
    python = Path(kernels.get_kernel_spec(name).argv[0])
except (NoSuchKernel, LookupError, ValueError):  # none, or a damaged one
    python = Path(sys.executable)
if python.parent != Path(sys.executable).parent and shutil.which(python):
    print(f"The kernel '{name}' belongs to {python} and is left as it is.")
    print(f"'make kernel KERNEL={name}-2' registers this one under another name.")
else:
    title = f"{version} ({name})"
    try:
        install(user=True, kernel_name=name, display_name=title)
    except (OSError, ValueError) as error:
        sys.exit(f"no kernel: {error}")
    print(f'Kernel "{title}" registered.')
