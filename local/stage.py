"""Bringing the local stage up and down in a lane: `make up-local`, `make down-local` and the demo.

The emulator keeps its account in memory. So a new emulator, and an engine that was killed in the middle of an update,
leave a Pulumi state that no longer tells the truth; both are noticed here, and the stage is brought up from nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator_process import EmulatorError
from local.env_file import write_env_file
from local.home import Home
from local.lane import Lane, PulumiError
from local.left_over import stop_left_over
from local.processes import process_identity, write_atomically
from local.registry import RegistryError

PROJECT = "batchyard"
DEFAULT_STACK = "local"
_INTERRUPT_GRACE_S = 120.0
_BROUGHT_UP = "brought-up.json"

Report = Callable[[str], None]


class StageBusyError(Exception):
    """Another `pulumi` is changing the stack right now."""


@dataclass(frozen=True, kw_only=True)
class StageUp:
    """A stage that is up: its lane's endpoint, its stack's outputs, and why it was made anew, if it was."""

    endpoint: str
    instance_id: str
    outputs: dict[str, Any]
    made_anew_because: str | None
    seconds: float


def bring_up(
    lane: Lane,
    *,
    stack: str = DEFAULT_STACK,
    report: Report = print,
    line: Report | None = None,
    cwd: Path | None = None,
) -> StageUp:
    """Starts the lane, brings `stack` of the program in `cwd` (the repository) up in it and writes `.batchyard/env`.

    `report` gets a sentence per thing done, `line` every line the engine prints. Raises PulumiError, EmulatorError,
    RegistryError, StageBusyError. Interrupted (KeyboardInterrupt), it lets the engine end its operations first.
    """
    began_s = time.monotonic()
    state = lane.start()
    files = StackFiles(lane=lane, stack=stack)
    reason = files.why_untrue(state.instance_id)
    if reason is not None:
        report(f"{reason}; bringing the stage up from nothing")
        # a plugin of that engine could still finish what it began, in the new account
        stop_left_over(lane.home, lane=lane.name)
        if files.instance() == state.instance_id:
            # half of an update lives in this emulator, under names the next one would stumble over
            lane.stop()
            state = lane.start()
        files.forget()
    write_env_file(lane)
    if not files.checkpoint.exists():
        lane.pulumi("stack", "init", stack, cwd=cwd)
    files.mark(state.instance_id)
    run_pulumi(lane, "up", "--yes", "--skip-preview", "--stack", stack, line=line or ignore, cwd=cwd)
    shown = lane.pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack, cwd=cwd)
    return StageUp(
        endpoint=state.endpoint,
        instance_id=state.instance_id,
        outputs=json.loads(shown.stdout),
        made_anew_because=reason,
        seconds=time.monotonic() - began_s,
    )


def bring_down(
    lane: Lane,
    *,
    stack: str = DEFAULT_STACK,
    report: Report = print,
    line: Report | None = None,
    cwd: Path | None = None,
) -> None:
    """Destroys `stack` and stops the lane. Where the account is gone already, only the state left is dropped."""
    files = StackFiles(lane=lane, stack=stack)
    state = lane.running()
    if state is None:
        report("the emulator isn't running, so nothing is left to destroy")
    elif files.checkpoint.exists():
        reason = files.why_untrue(state.instance_id)
        if reason is None:
            run_pulumi(lane, "destroy", "--yes", "--skip-preview", "--stack", stack, line=line or ignore, cwd=cwd)
            report("the stage is destroyed")
        else:
            report(f"{reason}; its account is dropped with the emulator")
    files.forget()
    lane.stop()
    report(f"lane {lane.name} is stopped")


@dataclass(frozen=True, kw_only=True)
class StackFiles:
    """The files of a stack in a lane's own Pulumi backend, and which emulator it was brought up in."""

    lane: Lane
    stack: str

    @property
    def checkpoint(self) -> Path:
        return self._backend / "stacks" / PROJECT / f"{self.stack}.json"

    def why_untrue(self, instance_id: str) -> str | None:
        """Why the state doesn't describe the emulator `instance_id`; None when it does, or when there is none.

        Raises StageBusyError while another engine works on the stack.
        """
        self.require_idle()
        if not self.checkpoint.exists():
            return None
        pending = self.pending_operations()
        if pending is None:
            return "the stack's state isn't whole"
        if pending:
            return f"an engine was killed in the middle of {len(pending)} operation{'s' if len(pending) > 1 else ''}"
        if self.instance() != instance_id:
            return "the emulator was restarted and its account is empty"
        return None

    def pending_operations(self) -> list[str] | None:
        """The resources an engine was changing when it died; None when the state can't be read."""
        try:
            latest = json.loads(self.checkpoint.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}
            return [operation["resource"]["urn"] for operation in latest.get("pending_operations") or []]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def require_idle(self) -> None:
        """Removes locks of engines that died; StageBusyError when one is alive."""
        for lock in self._locks():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                pid = int(json.loads(lock.read_text(encoding="utf-8"))["pid"])
                if process_identity(pid) is not None and is_engine(pid):
                    raise StageBusyError(
                        f"stack {self.stack}: pulumi (process {pid}) is changing it; wait for it or interrupt it"
                    )
            lock.unlink(missing_ok=True)

    def instance(self) -> str | None:
        """The emulator the stack was last brought up in."""
        try:
            return str(json.loads(self._brought_up.read_text(encoding="utf-8"))[self.stack])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def mark(self, instance_id: str) -> None:
        """Notes that the stack is about to be brought up in `instance_id`."""
        try:
            known = json.loads(self._brought_up.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        write_atomically(self._brought_up, json.dumps({**known, self.stack: instance_id}) + "\n")

    def forget(self) -> None:
        """Drops the stack's state, locks and history: what they describe is gone."""
        for file in self.checkpoint.parent.glob(f"{self.stack}.json*"):
            file.unlink(missing_ok=True)
        for kind in ("history", "backups"):
            shutil.rmtree(self._backend / kind / PROJECT / self.stack, ignore_errors=True)
        for lock in self._locks():
            lock.unlink(missing_ok=True)

    @property
    def _backend(self) -> Path:
        return self.lane.root / "state" / ".pulumi"

    @property
    def _brought_up(self) -> Path:
        return self.lane.root / _BROUGHT_UP

    def _locks(self) -> Iterator[Path]:
        yield from list((self._backend / "locks").glob(f"**/{PROJECT}/{self.stack}/*.json"))


def is_engine(pid: int) -> bool:
    """Whether the process is a `pulumi`: the number in a lock may have gone to another program since."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip().startswith("pulumi")
    except OSError:
        return not Path("/proc/self/comm").exists()


def run_pulumi(lane: Lane, *arguments: str, line: Report, cwd: Path | None = None) -> None:
    """Runs `pulumi` and hands every line it prints to `line` at once. Raises PulumiError with all of them.

    An interruption is passed on to the engine, which then ends the operations under way and writes its state: it is
    waited for before KeyboardInterrupt goes on.
    """
    environ = lane.environ()
    command = [lane.engine(environ), "--non-interactive", *arguments]
    process = subprocess.Popen(
        command,
        cwd=cwd or lane.home.repository,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # the terminal's Ctrl-C must not reach the engine beside ours: a second one makes it drop its operations
        process_group=0,
    )
    printed: list[str] = []
    assert process.stdout is not None
    try:
        for text in process.stdout:
            printed.append(text)
            line(text.rstrip("\n"))
        returncode = process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        if not _ends_within(process, _INTERRUPT_GRACE_S):
            process.kill()
        raise
    if returncode:
        raise PulumiError(arguments, returncode, "".join(printed))


def _ends_within(process: subprocess.Popen[str], seconds: float) -> bool:
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    os.set_blocking(process.stdout.fileno(), False)
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        # a full pipe would keep the engine from ever ending
        with contextlib.suppress(OSError, TypeError, ValueError):
            os.read(process.stdout.fileno(), 65536)
        time.sleep(0.05)
    return True


def ignore(_line: str) -> None:
    """A `line` that shows nothing."""


def main(arguments: list[str]) -> int:
    """`python -m local.stage up|down`: exit code 0, 1 with the reason on stderr, 2 for another word."""
    if arguments not in (["up"], ["down"]):
        print("usage: python -m local.stage up|down", file=sys.stderr)
        return 2
    lane = Lane(home=Home.default())
    try:
        if arguments == ["down"]:
            bring_down(lane, line=print)
            return 0
        stage = bring_up(lane, line=print)
    except PulumiError as problem:
        # its output has been shown, line by line
        print(f"stage local: pulumi {problem.arguments[0]} ended with {problem.returncode}, see above", file=sys.stderr)
        return 1
    except (EmulatorError, RegistryError, StageBusyError, FileNotFoundError) as problem:
        print(f"stage local: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stage local: interrupted; run it again to go on", file=sys.stderr)
        return 130
    env = lane.home.relative(lane.home.env_file)
    print(f"the stage is up at {stage.endpoint} ({stage.seconds:.0f} s)")
    print(f"next: `source {env}`, then `pulumi preview -s local`, or `aws --endpoint-url {stage.endpoint} s3 ls`")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
