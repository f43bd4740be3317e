"""The locked Python environment in `.batchyard/venv`, made by uv. Runs on the standard library."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.home import Home
from local.setup.debian import apt_install, on_debian_as_root
from local.setup.steps import Progress, SetupError, fingerprint, run_logged, stamp, stamped

NAME = "python environment"
LOCK = "requirements.lock"
STAMP = "python-environment"
UV_VERSION = "0.13.9"
# uv has settings of its own; where only pip's are given, they hold for uv too
_PIP_TO_UV = (
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
    ("PIP_CERT", "SSL_CERT_FILE"),
)
_PIP_SETTINGS = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL", "cert": "PIP_CERT"}


def make_python_environment(home: Home, progress: Progress) -> None:
    """Makes or updates the environment so that it holds exactly what the lock file names."""
    lock = home.repository / LOCK
    wanted = fingerprint(lock)
    python = home.venv / "bin" / "python"
    marker = home.stamps / STAMP
    with progress.step(NAME):
        if python.exists() and stamped(home, STAMP, wanted):
            progress.outcome("found")
            return
        # an environment without its stamp was interrupted: which of its packages are whole can't be told
        whole = python.exists() and marker.exists()
        progress.doing("installing the packages of requirements.lock")
        uv = find_uv(home)
        environ = uv_environ(home, os.environ)
        if not whole:
            shutil.rmtree(home.venv, ignore_errors=True)
            command = [*uv, "venv", "--quiet", "--python", sys.executable, str(home.venv)]
            run_logged(command, log=home.logs / "venv.log", remedy="see the log", environ=environ)
        marker.unlink(missing_ok=True)
        run_logged(
            [*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(lock)],
            log=home.logs / "packages.log",
            remedy="check the package index this machine's pip is set to, then run `make setup` again",
            environ=environ,
        )
        stamp(home, STAMP, wanted)
        progress.outcome("updated to requirements.lock" if whole else "made from requirements.lock")


def find_uv(home: Home) -> list[str]:
    """The command that runs uv: on PATH, else installed by pip into `.batchyard/uv`."""
    found = shutil.which("uv")
    if found is not None:
        return [found]
    own = home.root / "uv" / "bin" / "uv"
    if own.exists() and subprocess.run([own, "--version"], capture_output=True, check=False).returncode == 0:
        return [str(own)]
    folder = home.root / "uv"
    shutil.rmtree(folder, ignore_errors=True)
    run_logged(
        [sys.executable, "-m", "venv", str(folder)] if _has_ensurepip() else _venv_without_ensurepip(folder),
        log=home.logs / "uv.log",
        remedy="install Python's venv module (Debian: apt-get install python3-venv) or uv",
    )
    run_logged(
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"],
        log=home.logs / "uv.log",
        remedy="install uv yourself, or check the package index this machine's pip is set to",
    )
    return [str(own)]


def _has_ensurepip() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


def _venv_without_ensurepip(folder: Path) -> list[str]:
    """Debian keeps ensurepip in a package of its own."""
    if importlib.util.find_spec("pip") is not None:
        # the system's pip, seen from inside, installs into the environment
        return [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(folder)]
    if not on_debian_as_root():
        raise SetupError("Python has neither ensurepip nor pip; install uv, or on Debian as root python3-venv")
    apt_install("python3-venv", log=folder.parent / "logs" / "apt.log")
    return [sys.executable, "-m", "venv", str(folder)]


def uv_environ(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: pip's own settings where uv has none, and a cache in `.batchyard/`."""
    pip = {**_pip_configuration(), **environ}
    result = dict(environ)
    result.setdefault("UV_CACHE_DIR", str(home.cache / "uv"))
    for from_pip, to_uv in _PIP_TO_UV:
        if pip.get(from_pip) and not environ.get(to_uv):
            result[to_uv] = pip[from_pip]
    result.pop("VIRTUAL_ENV", None)
    return result


def _pip_configuration() -> dict[str, str]:
    """Settings of pip's configuration files, named like their variables; none where there is no pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return parse_pip_configuration(answer.stdout) if answer.returncode == 0 else {}


def parse_pip_configuration(text: str) -> dict[str, str]:
    """`global.index-url='…'` lines → {"PIP_INDEX_URL": …}; other settings are left out."""
    settings: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        variable = _PIP_SETTINGS.get(key.rpartition(".")[2].strip())
        if variable is not None:
            settings[variable] = " ".join(value.strip().strip("'\"").replace("\\n", " ").split())
    return settings
