"""The registry behind the local ECR: on PATH → Debian's package, unpacked into `.batchyard/bin` and not installed."""

from __future__ import annotations

import shutil

from local.home import Home
from local.registry import EXECUTABLE
from local.setup.debian import apt_unpack, on_debian
from local.setup.steps import Progress, SetupError, install_file, scratch_folder


def provide_registry(home: Home, progress: Progress) -> None:
    """Makes sure that lanes find the registry's executable."""
    with progress.step("registry"):
        own = home.bin / EXECUTABLE
        found = str(own) if own.exists() else shutil.which(EXECUTABLE)
        if found is not None:
            progress.outcome(f"found {found}")
            return
        if not on_debian():
            raise SetupError(
                f"{EXECUTABLE} wasn't found; install the CNCF distribution registry and put it on PATH as {EXECUTABLE}"
            )
        progress.doing(f"unpacking Debian's {EXECUTABLE}")
        with scratch_folder(home, "registry") as folder:
            apt_unpack(EXECUTABLE, folder, log=home.logs / "apt-registry.log")
            install_file(folder / "usr" / "bin" / EXECUTABLE, own)
        progress.outcome(f"Debian's {EXECUTABLE} unpacked")
