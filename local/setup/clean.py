"""`make clean`: stops every process Batchyard started, then removes `.batchyard/`. Runs on the standard library."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.home import HOME_VARIABLE, Home
from local.left_over import stop_containers_of, stop_left_over
from local.processes import stop_process
from local.setup.docker_engine import PROCESS_NAME as DOCKER_ENGINE
from local.setup.docker_engine import exec_root

_PROC = Path("/proc")
_DOCKER_GRACE_S = 60.0


def clean(home: Home) -> list[str]:
    """Stops what runs and removes the home; returns what was stopped, by name."""
    if not home.root.exists():
        return []
    stopped = stop_lanes(home)
    stopped += stop_left_over(home)
    engine = home.processes.find(DOCKER_ENGINE)
    _remove_images(home)
    if engine is not None:
        home.processes.stop(DOCKER_ENGINE, grace_s=_DOCKER_GRACE_S)
        stopped.append(DOCKER_ENGINE)
    for record in home.processes.all():
        if stop_process(record):
            stopped.append(record.name)
    if stop_containers_of(exec_root(home)):
        stopped.append("containerd")
    unmount_below(home.root)
    unmount_below(exec_root(home))
    if exec_root(home).parent == Path("/run"):
        shutil.rmtree(exec_root(home), ignore_errors=True)
    remove_tree(home.root)
    return stopped


def stop_lanes(home: Home) -> list[str]:
    """Ends emulators first (they remove their containers), then the registries."""
    stopped = []
    lanes = [record for record in home.processes.all() if record.name.startswith("lane/")]
    for record in sorted(lanes, key=lambda record: (not record.name.endswith("/emulator"), record.name)):
        if home.processes.stop(record.name, grace_s=30.0):
            stopped.append(record.name)
    return stopped


def unmount_below(folder: Path) -> None:
    """Detaches what a Docker engine that was killed left mounted below `folder`: deleting through it would be worse."""
    try:
        mounts = [line.split()[1] for line in (_PROC / "self" / "mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    below = [mount.encode().decode("unicode_escape") for mount in mounts]
    for mount in sorted((mount for mount in below if Path(mount).is_relative_to(folder)), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


def remove_tree(folder: Path) -> None:
    """Removes `folder`, also folders in it that their maker left without write permission (Go's modules)."""

    def make_writable(_function: object, path: str, _problem: object) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            Path(path).unlink()

    shutil.rmtree(folder, onerror=make_writable)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_images(home: Home) -> None:
    """Images lie in the Docker engine; those of an engine that isn't ours are removed with the locked packages' SDK."""
    python = home.venv / "bin" / "python"
    if not python.exists():
        return
    code = (
        "from local.home import Home; from local.setup.base_image import remove_images; remove_images(Home.default())"
    )
    environ = {**os.environ, HOME_VARIABLE: str(home.root)}
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [python, "-c", code], cwd=home.repository, env=environ, capture_output=True, timeout=120, check=False
        )


def main() -> int:
    home = Home.default()
    if home.root == home.repository or home.repository.is_relative_to(home.root):
        print(f"clean: {HOME_VARIABLE} is {home.root}, which holds the repository; unset it", file=sys.stderr)
        return 2
    stopped = clean(home)
    print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    if home.root.exists():
        print(f"clean: {home.root} couldn't be removed whole; delete the rest by hand", file=sys.stderr)
        return 1
    print(f"removed {home.relative(home.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
