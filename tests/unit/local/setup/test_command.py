from __future__ import annotations

import subprocess
from pathlib import Path

from local.home import Home
from local.setup.command import command_text


def test_the_command_runs_the_repositorys_command_line_from_anywhere(tmp_path: Path) -> None:
    home = Home(root=tmp_path / "a home", repository=tmp_path / "it's a repository")
    python = home.venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$BATCHYARD_HOME|$PYTHONPATH|$PYTHONDONTWRITEBYTECODE|$*"\n')
    python.chmod(0o755)
    command = tmp_path / "batchyard"
    command.write_text(command_text(home))
    command.chmod(0o755)
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/mine", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([command, "runs", "--json"], cwd="/", env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == f"{home.root}|{home.repository}:/mine||-m cli runs --json\n"
