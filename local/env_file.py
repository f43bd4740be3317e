"""`.batchyard/env`: what a shell sources to run `pulumi … -s local` by hand."""

from __future__ import annotations

import shlex

from local.lane import DEFAULT_LANE, Lane
from local.processes import write_atomically

_HEAD = "# To source for `pulumi … -s local` by hand (bash, zsh, sh). `make up-local` writes it anew.\n"


def env_file_text(lane: Lane) -> str:
    """Shell lines that put the lane's tools first on PATH (once, however often sourced) and set its variables."""
    folders = ":".join(str(folder) for folder in lane.path_folders)
    lines = [
        f'case ":$PATH:" in *:{shlex.quote(folders)}:*) ;; *) PATH={shlex.quote(folders)}:"$PATH" ;; esac',
        "export PATH",
        "unset AWS_PROFILE AWS_SESSION_TOKEN PULUMI_STACK",
    ]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(lane.variables().items())]
    return _HEAD + "\n".join(lines) + "\n"


def write_env_file(lane: Lane) -> None:
    """Writes the file of the running `lane`: the lane people use by hand has it as `.batchyard/env`."""
    file = lane.home.env_file if lane.name == DEFAULT_LANE else lane.root / "env"
    write_atomically(file, env_file_text(lane))
