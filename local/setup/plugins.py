"""The provider plugins: official ones where they are installed, else the stand-ins of `local/providers`."""

from __future__ import annotations

import subprocess

from local.home import Home
from local.setup.steps import Progress, SetupError


def provide_plugins(home: Home, progress: Progress) -> None:
    """Makes sure that the local stages' PULUMI_HOME has both provider plugins, in the versions of the SDK packages."""
    from local.providers.pack import PackError, install_stand_ins

    with progress.step("provider plugins"):
        said: list[str] = []
        try:
            install_stand_ins(home, said.append)
        except (PackError, OSError, subprocess.SubprocessError) as problem:
            raise SetupError(str(problem)) from problem
        progress.outcome("; ".join(said))
