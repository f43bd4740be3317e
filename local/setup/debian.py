"""Debian packages: installed as root, or unpacked into `.batchyard/` where a package is a single executable."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local.setup.steps import SetupError, run_logged

_OS_RELEASE = Path("/etc/os-release")


def os_id(release: Path = _OS_RELEASE) -> set[str]:
    """The system's name and those it is like (`ID`, `ID_LIKE` of os-release); empty where there is no such file."""
    try:
        lines = release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name for key in ("ID", "ID_LIKE") for name in values.get(key, "").strip("\"'").split()}


def on_debian(release: Path = _OS_RELEASE) -> bool:
    return "debian" in os_id(release) and shutil.which("apt-get") is not None


def on_debian_as_root(release: Path = _OS_RELEASE) -> bool:
    return on_debian(release) and os.geteuid() == 0


def apt_install(*packages: str, log: Path) -> None:
    """Installs Debian packages without their recommendations; SetupError when apt can't."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    remedy = f"run `apt-get update && apt-get install {' '.join(packages)}` yourself, then `make setup` again"
    install = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *packages]
    try:
        run_logged(install, log=log, remedy=remedy, environ=environ)
    except SetupError:
        # on a fresh machine the package lists are missing or too old for the mirror
        run_logged(["apt-get", "update"], log=log, remedy=remedy, environ=environ)
        run_logged(install, log=log, remedy=remedy, environ=environ)


def apt_unpack(package: str, folder: Path, *, log: Path) -> None:
    """Downloads the Debian package and unpacks it into `folder`, installing nothing; needs no root."""
    folder.mkdir(parents=True, exist_ok=True)
    remedy = f"run `apt-get install {package}` yourself, then `make setup` again"
    download = ["apt-get", "download", "-o", "APT::Sandbox::User=root", package]
    try:
        run_logged(download, log=log, remedy=remedy, cwd=folder)
    except SetupError:
        if os.geteuid() != 0:
            raise
        run_logged(["apt-get", "update"], log=log, remedy=remedy)
        run_logged(download, log=log, remedy=remedy, cwd=folder)
    archives = list(folder.glob(f"{package}_*.deb"))
    if not archives:
        raise SetupError(f"apt-get downloaded no {package}; {remedy}")
    run_logged(["dpkg-deb", "-x", archives[0], folder], log=log, remedy=remedy)
