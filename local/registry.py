"""The registry that stands in for ECR's storage: Debian's `docker-registry`, one a lane, configured by us."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.emulator_process import tail
from local.home import Home
from local.ports import LOOPBACK, answers, preferred_port
from local.processes import wait_until, write_atomically

EXECUTABLE = "docker-registry"
START_TIMEOUT_S = 60.0
_ATTEMPTS = 3

_CONFIGURATION = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http:
  addr: {host}:{port}
  secret: {secret}
"""


class RegistryError(Exception):
    """The registry isn't there, or didn't come up."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    home: Home
    lane: str
    folder: Path

    @property
    def record_name(self) -> str:
        return f"lane/{self.lane}/registry"

    @property
    def file(self) -> Path:
        return self.folder / "registry.json"

    @property
    def log(self) -> Path:
        return self.folder / "registry.log"

    def address(self) -> str | None:
        """`localhost:<port>` of the running registry; None when there is none."""
        port = self._port()
        running = port is not None and self.home.processes.find(self.record_name) is not None
        return f"localhost:{port}" if running else None

    def last_address(self) -> str | None:
        """The address images were last pushed to, whether the registry runs or not."""
        port = self._port()
        return None if port is None else f"localhost:{port}"

    def start(self) -> str:
        """The address of the running registry, or of a new one on the images the lane's folder holds.

        Raises RegistryError with the remedy when there is no executable, or with the end of the log.
        """
        address = self.address()
        port = self._port()
        if address is not None and port is not None and answers(port):
            return address
        executable = registry_executable(self.home)
        for _ in range(_ATTEMPTS):
            self.stop()
            # another process may take the port between the look and the start, so a failed start tries a new one
            port = preferred_port(port)
            if self._start_on(port, executable):
                return f"localhost:{port}"
            port = None
        raise RegistryError(
            f"lane {self.lane}: the registry didn't start; the end of {self.home.relative(self.log)}:\n{tail(self.log)}"
        )

    def stop(self) -> bool:
        """Ends the registry; its images stay. True if it was running."""
        return self.home.processes.stop(self.record_name)

    def _start_on(self, port: int, executable: str) -> bool:
        storage = self.folder / "registry"
        storage.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "registry.yml"
        write_atomically(
            configuration,
            _CONFIGURATION.format(
                storage=json.dumps(str(storage)), host=LOOPBACK, port=port, secret=secrets.token_hex(16)
            ),
        )
        process = self.home.processes.start(self.record_name, [executable, "serve", str(configuration)], log=self.log)
        wait_until(lambda: process.poll() is not None or answers(port), timeout_s=START_TIMEOUT_S)
        if process.poll() is not None or not answers(port):
            return False
        write_atomically(self.file, json.dumps({"port": port}) + "\n")
        return True

    def _port(self) -> int | None:
        try:
            return int(json.loads(self.file.read_text(encoding="utf-8"))["port"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def untag_images(address: str) -> int:
    """Takes the names of the registry `address` from this machine's images, but keeps the layers; returns how many."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=60)
    except DockerException:
        return 0
    removed = 0
    try:
        for image in client.images.list():
            for name in (*image.tags, *image.attrs.get("RepoDigests", ())):
                if str(name).startswith(f"{address}/"):
                    try:
                        client.images.remove(str(name), noprune=True)
                    except DockerException:
                        continue  # a container of somebody's still uses it
                    removed += 1
    except DockerException:
        return removed
    finally:
        client.close()
    return removed


def registry_executable(home: Home) -> str:
    """The registry set-up unpacked, else the one on PATH; RegistryError with the remedy when there is none."""
    own = home.bin / EXECUTABLE
    found = str(own) if own.exists() else shutil.which(EXECUTABLE)
    if found is None:
        raise RegistryError(f"{EXECUTABLE}: not found; run `make setup` (Debian: apt-get install docker-registry)")
    return found
