"""The one folder that holds all Batchyard makes on this machine: `.batchyard/` in the repository."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from local.processes import ProcessTable

REPOSITORY = Path(__file__).resolve().parent.parent
HOME_VARIABLE = "BATCHYARD_HOME"
LANE_VARIABLE = "BATCHYARD_LANE"
OFFLINE_VARIABLE = "BATCHYARD_OFFLINE"


@dataclass(frozen=True, kw_only=True)
class Home:
    """Paths under `.batchyard/`. Nothing is created by asking for one.

    `root` may lie elsewhere through the variable BATCHYARD_HOME (tests and private set-ups use that).
    """

    root: Path
    repository: Path = REPOSITORY

    @classmethod
    def default(cls) -> Home:
        """The home of this repository, or the one BATCHYARD_HOME names."""
        named = os.environ.get(HOME_VARIABLE)
        return cls(root=Path(named).resolve() if named else REPOSITORY / ".batchyard")

    @property
    def bin(self) -> Path:
        """Executables made by set-up: the engine, the language host, the registry, `batchyard`."""
        return self.root / "bin"

    @property
    def venv(self) -> Path:
        return self.root / "venv"

    @property
    def python(self) -> Path:
        """The interpreter with the locked packages; the running one where set-up has made none."""
        own = self.venv / "bin" / "python"
        return own if own.exists() else Path(sys.executable)

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of the local stages: its plugins never meet the user's own."""
        return self.root / "pulumi-home"

    @property
    def cache(self) -> Path:
        """Downloads and half-made things; may be deleted at any time while nothing runs."""
        return self.root / "cache"

    @property
    def bytecode(self) -> dict[str, str]:
        """Variables that let Python keep what it compiled in here, also where the machine says to keep nothing.

        The SDK and the emulator take seconds to compile, and an update starts Python five times.
        """
        return {"PYTHONPYCACHEPREFIX": str(self.cache / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}

    @property
    def data(self) -> Path:
        """The demo's files."""
        return self.root / "data"

    @property
    def lanes(self) -> Path:
        return self.root / "lanes"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def docker(self) -> Path:
        """Data of a Docker engine set-up started itself; absent where one was running."""
        return self.root / "docker"

    @property
    def stamps(self) -> Path:
        """One file per finished set-up step, holding what it was made from."""
        return self.root / "stamps"

    @property
    def env_file(self) -> Path:
        """What `source .batchyard/env` reads."""
        return self.root / "env"

    @property
    def processes(self) -> ProcessTable:
        """Every process set-up or a lane started."""
        return ProcessTable(self.root / "processes.json")

    def relative(self, path: Path) -> str:
        """`path` as people see it: from the repository where it lies inside."""
        try:
            return str(path.relative_to(self.repository))
        except ValueError:
            return str(path)
