"""The demo's files: real months of flights and real photographs."""

from __future__ import annotations

from local.home import Home
from local.setup.steps import Progress, fingerprint, run_logged, stamp, stamped

STAMP = "demo-files"


def provide_demo_files(home: Home, progress: Progress) -> None:
    """Makes the demo's files with `local/demo_data.py`; unchanged sources keep what is there."""
    with progress.step("demo files"):
        wanted = fingerprint(home.repository / "local" / "demo_data.py")
        if home.data.is_dir() and stamped(home, STAMP, wanted):
            progress.outcome("found")
            return
        progress.doing("making months of flights and photographs")
        run_logged(
            [home.python, "-m", "local.demo_data"],
            log=home.logs / "demo-files.log",
            remedy="check this machine's pip, then run `make setup` again",
            cwd=home.repository,
        )
        stamp(home, STAMP, wanted)
        progress.outcome(f"{sum(1 for file in home.data.rglob('*') if file.is_file())} files made")
