"""Packs the stand-ins as plugin tarballs and installs them into the local stages' own PULUMI_HOME.

`python -m local.providers.pack <name> <version>` installs one. A stand-in never shadows an official plugin: where
that is installed in the person's PULUMI_HOME, or on PATH, it is the one that is used.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from local.home import Home
from local.providers.framework.sdk import installed_version

PLUGINS: Final = {"aws": "pulumi-aws", "docker": "pulumi-docker"}
_INSTALL_TIMEOUT_S: Final = 300


class PackError(Exception):
    """A stand-in could not be installed: what was tried, what the engine said, what to do."""


def launcher(home: Home, name: str) -> str:
    """The plugin's executable: it hands over to the stand-in's module, run by the home's interpreter."""
    python, repository = shlex.quote(str(home.python)), shlex.quote(str(home.repository))
    return (
        "#!/bin/sh\n"
        f"# Batchyard's stand-in for pulumi-resource-{name}; it talks to the local emulator only\n"
        f'PYTHONPATH={repository} exec {python} -m local.providers.{name} "$@"\n'
    )


def tarball(home: Home, name: str) -> bytes:
    """A plugin tarball (.tgz) with the launcher in it; the same bytes for the same launcher."""
    content = launcher(home, name).encode()
    entry = tarfile.TarInfo(f"pulumi-resource-{name}")
    entry.size, entry.mode = len(content), 0o755
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def plugin_folder(pulumi_home: Path, name: str, version: str) -> Path:
    """Where an engine with this PULUMI_HOME keeps a resource plugin."""
    return pulumi_home / "plugins" / f"resource-{name}-v{version}"


def official(home: Home, name: str, version: str) -> Path | None:
    """An official plugin's executable: in the person's PULUMI_HOME, or on PATH. None where there is none."""
    executable = f"pulumi-resource-{name}"
    own = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    if own.resolve() == home.pulumi_home.resolve():  # the local stages' environment is active
        own = Path.home() / ".pulumi"
    candidates = [plugin_folder(own, name, version) / executable]
    found = shutil.which(executable)
    if found is not None:
        candidates.append(Path(found))
    for candidate in candidates:
        if candidate.exists() and not _is_stand_in(candidate) and home.pulumi_home not in candidate.parents:
            return candidate
    return None


def _is_stand_in(executable: Path) -> bool:
    with executable.open("rb") as file:
        return b"Batchyard's stand-in" in file.read(200)


def is_current(home: Home, name: str, version: str) -> bool:
    """Whether this very launcher is installed."""
    executable = plugin_folder(home.pulumi_home, name, version) / f"pulumi-resource-{name}"
    return executable.is_file() and executable.read_bytes() == launcher(home, name).encode()


def install_stand_in(home: Home, name: str, version: str) -> str:
    """Install one stand-in, or link the official plugin; a sentence says which. Errors: PackError.

    Nothing is done where the launcher hasn't changed.
    """
    folder = plugin_folder(home.pulumi_home, name, version)
    found = official(home, name, version)
    if found is not None:
        if folder.is_symlink() or folder.exists():
            _remove(folder)
        folder.mkdir(parents=True)
        (folder / found.name).symlink_to(found.resolve())
        return f"{name}: the official plugin at {found}"
    if is_current(home, name, version):
        return f"{name}: the stand-in is in place"
    if folder.is_symlink() or folder.exists():
        _remove(folder)
    content = tarball(home, name)
    archive = home.cache / f"pulumi-resource-{name}-{hashlib.sha256(content).hexdigest()[:12]}.tgz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(content)
    command = [_engine(home), "plugin", "install", "resource", name, version, "-f", str(archive), "--reinstall"]
    environ = {
        **os.environ,
        "PULUMI_HOME": str(home.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False, cwd=home.root
    )
    if done.returncode != 0 or not is_current(home, name, version):
        said = (done.stderr or done.stdout).strip()
        raise PackError(f"`{shlex.join(command)}` failed: {said}; remedy: run `make clean setup`")
    return f"{name}: the stand-in, version {version}"


def _engine(home: Home) -> str:
    own = home.bin / "pulumi"
    found = str(own) if own.exists() else shutil.which("pulumi")
    if found is None:
        raise PackError(f"the Pulumi engine is neither at {own} nor on PATH; remedy: run `make setup`")
    return found


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def install_stand_ins(home: Home, say: Callable[[str], object]) -> None:
    """All plugins, in the versions of the installed SDK packages; `say` gets a sentence for each. Errors: PackError."""
    for name, package in PLUGINS.items():
        say(install_stand_in(home, name, installed_version(package)))


def main(arguments: Sequence[str]) -> int:
    """`[<name> <version>]`: one plugin, or all."""
    home = Home.default()
    try:
        if not arguments:
            install_stand_ins(home, lambda text: sys.stdout.write(text + "\n"))
        else:
            name, version = arguments
            if name not in PLUGINS:
                raise PackError(f"there is no stand-in for {name}; allowed: {', '.join(PLUGINS)}")
            sys.stdout.write(install_stand_in(home, name, version) + "\n")
    except PackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
