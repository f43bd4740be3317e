"""A lane: one emulated AWS account with its registry, its Pulumi state and the environment to reach them.

The stage `local` runs in the lane `local`; every test session and bench makes lanes of its own beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator_process import EmulatorProcess, EmulatorState
from local.home import HOME_VARIABLE, LANE_VARIABLE, Home
from local.ports import LOOPBACK
from local.registry import Registry, untag_images

DEFAULT_LANE = "local"
REGION = "us-east-1"
ACCOUNT = "123456789012"
# the local stage keeps no secret of anybody; the committed salt of Pulumi.local.yaml belongs to this passphrase
PASSPHRASE = "batchyard-local"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# settings of the user's own account and engine that must not leak into a lane, whatever their values
_FOREIGN_PREFIXES = ("AWS_", "PULUMI_")
_KEPT = frozenset({"AWS_CA_BUNDLE"})


class PulumiError(Exception):
    """A `pulumi` command failed; `output` holds all it printed."""

    def __init__(self, arguments: tuple[str, ...], returncode: int, output: str) -> None:
        super().__init__(f"pulumi {' '.join(arguments)} ended with {returncode}:\n{output.strip()}")
        self.arguments = arguments
        self.returncode = returncode
        self.output = output


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One emulated account under `<home>/lanes/<name>/`.

    `second_scale` is how many real seconds an emulated one takes (1.0; tests 0.05).
    """

    home: Home
    name: str = DEFAULT_LANE
    second_scale: float = 1.0

    @property
    def root(self) -> Path:
        return self.home.lanes / self.name

    @property
    def emulator(self) -> EmulatorProcess:
        return EmulatorProcess(home=self.home, lane=self.name, folder=self.root, second_scale=self.second_scale)

    @property
    def registry(self) -> Registry:
        return Registry(home=self.home, lane=self.name, folder=self.root)

    # running it

    def start(self) -> EmulatorState:
        """Starts what isn't running: the registry, then the emulator on it; returns once both answer.

        Raises EmulatorError or RegistryError with the end of the log when one doesn't come up.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with self._exclusively():
            registry = self.registry.start()
            return self.emulator.start(registry=registry)

    def stop(self) -> None:
        """Ends the emulator, its containers and the registry. The folder, with logs and Pulumi state, stays."""
        if not self.root.exists():
            return
        with self._exclusively():
            self.emulator.stop()
            self.registry.stop()

    def remove(self) -> None:
        """Stops the lane and deletes its folder, and its images' names; the layers serve the next lane's builds."""
        registry = self.registry.last_address()
        self.stop()
        if registry is not None:
            untag_images(registry)
        shutil.rmtree(self.root, ignore_errors=True)

    def running(self) -> EmulatorState | None:
        """The running emulator; None when there is none."""
        return self.emulator.state()

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>` of the running emulator. Raises EmulatorError when none runs."""
        return self.emulator.require().endpoint

    # using it

    def environ(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for commands on this lane: the parent's (`base`), without its AWS and Pulumi settings."""
        inherited = os.environ if base is None else base
        kept = {k: v for k, v in inherited.items() if k in _KEPT or not k.startswith(_FOREIGN_PREFIXES)}
        kept.pop("PYTHONHOME", None)
        kept["PATH"] = os.pathsep.join([*(str(folder) for folder in self.path_folders), kept.get("PATH", os.defpath)])
        return {**kept, **self.variables(), **_no_proxy(kept)}

    @property
    def path_folders(self) -> tuple[Path, ...]:
        """What goes first on PATH. The language host takes the first `python3` it finds: the locked one."""
        return (self.home.python.parent, self.home.bin)

    def variables(self) -> dict[str, str]:
        """The variables a lane sets, beside PATH."""
        state = self.root / "state"
        state.mkdir(parents=True, exist_ok=True)
        self.home.pulumi_home.mkdir(parents=True, exist_ok=True)
        return {
            HOME_VARIABLE: str(self.home.root),
            LANE_VARIABLE: self.name,
            **self.home.bytecode,
            "VIRTUAL_ENV": str(self.home.python.parent.parent),
            "PULUMI_HOME": str(self.home.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            # set-up installs every plugin; without these two each command waits for a download that may never come
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # a copy of the whole state with every update, of a state that is dropped with its emulator
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **_CREDENTIALS,
        }

    def pulumi(
        self,
        *arguments: str,
        cwd: Path | None = None,
        check: bool = True,
        environ: Mapping[str, str] | None = None,
        timeout_s: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi` on this lane, in the repository unless `cwd` says otherwise; stdout and stderr apart.

        `environ` adds to the lane's. Raises PulumiError when it fails and `check`, subprocess.TimeoutExpired after
        `timeout_s`, FileNotFoundError with the remedy when there is no engine.
        """
        complete = {**self.environ(), **(environ or {})}
        done = subprocess.run(
            [self.engine(complete), "--non-interactive", *arguments],
            cwd=cwd or self.home.repository,
            env=complete,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        if check and done.returncode:
            raise PulumiError(arguments, done.returncode, done.stdout + done.stderr)
        return done

    def engine(self, environ: Mapping[str, str]) -> str:
        """Path of the `pulumi` command of `environ`."""
        found = shutil.which("pulumi", path=environ["PATH"])
        if found is None:
            raise FileNotFoundError("pulumi: no engine on PATH or in .batchyard/bin; run `make setup`")
        return found

    def client(self, service: str) -> Any:
        """A boto3 client of `service` on this lane's emulator; one per service and emulator, safe between threads."""
        return _client(service, self.endpoint)

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Two commands starting the same lane at once end with one lane."""
        self.home.lanes.mkdir(parents=True, exist_ok=True)
        with (self.home.lanes / f".{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@functools.lru_cache(maxsize=256)
def _client(service: str, endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    config = Config(max_pool_connections=32, retries={"max_attempts": 3, "mode": "standard"}, proxies={})
    return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """On a machine behind a proxy, the emulator is still reached directly."""
    if not any(name.lower() in ("http_proxy", "all_proxy") for name in environ):
        return {}
    named = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = ",".join([*filter(None, [named]), LOOPBACK, "localhost"])
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def lanes_of(home: Home) -> list[Lane]:
    """Every lane with a folder in `home`."""
    if not home.lanes.is_dir():
        return []
    return [Lane(home=home, name=folder.name) for folder in sorted(home.lanes.iterdir()) if folder.is_dir()]
