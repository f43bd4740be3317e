"""`.batchyard/bin/batchyard`: the command line without an activated environment."""

from __future__ import annotations

import shlex

from local.home import HOME_VARIABLE, Home
from local.processes import write_atomically
from local.setup.steps import Progress

COMMAND = "batchyard"


def provide_command(home: Home, progress: Progress) -> None:
    """Writes the `batchyard` command; a lane has it on its PATH."""
    with progress.step("batchyard command"):
        file = home.bin / COMMAND
        text = command_text(home)
        if file.exists() and file.read_text(encoding="utf-8") == text:
            progress.outcome("found")
            return
        write_atomically(file, text)
        file.chmod(0o755)
        progress.outcome(f"written to {home.relative(file)}")


def command_text(home: Home) -> str:
    """A POSIX shell script that runs the command line of this repository, wherever it is called from."""
    variables = {HOME_VARIABLE: str(home.root), **home.bytecode}
    settings = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(home.repository))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
        f"export PYTHONPATH\n{settings}"
        f'exec {shlex.quote(str(home.venv / "bin" / "python"))} -m cli "$@"\n'
    )
