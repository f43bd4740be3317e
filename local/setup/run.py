"""All steps of set-up, in order. The first runs on the system's Python, the others in the environment it makes."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.home import Home
from local.setup.steps import Progress, SetupError, Step

_INSIDE = "--inside"


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when all is ready, 1 with one sentence on stderr when it isn't."""
    parser = argparse.ArgumentParser(
        prog="python3 -m local.setup", description="Makes this machine ready for Batchyard."
    )
    parser.add_argument("--only", metavar="STEP", action="append", help="run only this step (may be repeated)")
    parser.add_argument(_INSIDE, metavar="BEGAN", type=float, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    home = Home.default()
    # a termination ends the step's command too, like Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began_s = options.inside if options.inside is not None else time.time()
    try:
        with _alone(home):
            if options.inside is None:
                _bootstrap(home)
            else:
                _rest(home, options.only, began_s)
                return 0
    except SetupError as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: interrupted; `make setup` goes on from here", file=sys.stderr)
        return 130
    return _go_on_inside(home, options.only or [], began_s)


def _go_on_inside(home: Home, only: Sequence[str], began_s: float) -> int:
    command = [str(home.venv / "bin" / "python"), "-m", "local.setup", _INSIDE, str(began_s)]
    command += [part for step in only for part in ("--only", step)]
    os.chdir(home.repository)
    sys.stdout.flush()
    return os.execv(command[0], command)


def steps() -> dict[str, Step]:
    """Every step after the bootstrap by its name. Imported late: they need the locked packages."""
    from local.setup.base_image import provide_base_image
    from local.setup.command import provide_command
    from local.setup.demo_files import provide_demo_files
    from local.setup.docker_engine import provide_docker_engine
    from local.setup.engine import forget_build_caches, provide_engine, provide_language_host
    from local.setup.plugins import provide_plugins
    from local.setup.registry import provide_registry

    return {
        "engine": provide_engine,
        "language-host": provide_language_host,
        "build-caches": forget_build_caches,
        "plugins": provide_plugins,
        "docker": provide_docker_engine,
        "registry": provide_registry,
        "base-image": provide_base_image,
        "demo-files": provide_demo_files,
        "command": provide_command,
    }


def _bootstrap(home: Home) -> None:
    from local.setup.python_environment import make_python_environment

    print(f"set-up of {home.relative(home.root)}", flush=True)
    make_python_environment(home, Progress())


def _rest(home: Home, only: Sequence[str] | None, began_s: float) -> None:
    known = steps()
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise SetupError(f"--only {unknown[0]} is no step; the steps are {', '.join(known)}")
    progress = Progress()
    for name, step in known.items():
        if not only or name in only:
            step(home, progress)
    print(f"set-up done in {time.time() - began_s:.1f} s", flush=True)


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """A second set-up waits for the first, then finds everything."""
    home.root.mkdir(parents=True, exist_ok=True)
    with Path(home.root / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up is running; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
