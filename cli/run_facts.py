"""A run, which is one attempt on the ledger, as commands show it: facts for JSON, cells for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from cli.output import mebibytes, seconds
from reports.collect.results import KEY_PARAMETER
from reports.model.attempt import Attempt


@dataclass(frozen=True, kw_only=True)
class Run:
    """One attempt and the results it left."""

    attempt: Attempt
    result_keys: tuple[str, ...]

    @property
    def key(self) -> str | None:
        """The object it worked on; None for a job that takes none."""
        return self.attempt.parameters.get(KEY_PARAMETER)

    def facts(self) -> dict[str, Any]:
        """Plain values with their units in the names; None for what isn't known."""
        attempt, usage = self.attempt, self.attempt.usage
        return {
            "job": attempt.job,
            "job_id": attempt.job_id,
            "attempt": attempt.attempt,
            "queue": attempt.queue,
            "owner": attempt.owner,
            "status": attempt.status,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "exit_code": attempt.exit_code,
            "key": self.key,
            "parameters": dict(attempt.parameters),
            "submitted_at": attempt.submitted_at.isoformat(),
            "started_at": None if attempt.started_at is None else attempt.started_at.isoformat(),
            "stopped_at": attempt.stopped_at.isoformat(),
            "wait_s": attempt.wait_s,
            "run_s": attempt.run_s,
            "vcpus": attempt.vcpus,
            "memory_asked_mib": attempt.memory_mib,
            "memory_peak_mib": attempt.peak_memory_mib,
            "cpu_s": attempt.cpu_s,
            "cgroup_version": None if usage is None else usage.cgroup_version,
            "results": list(self.result_keys),
        }


def run_table(runs: Sequence[Run]) -> Table:
    """One line a run, in the given order."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("job", "queue", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("wait", "run time", "memory asked", "peak"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result key", overflow="fold")
    for run in runs:
        attempt = run.attempt
        name = attempt.job if attempt.attempt == 1 else f"{attempt.job} (attempt {attempt.attempt})"
        style = "green" if attempt.status == "SUCCEEDED" else "red"
        table.add_row(
            escape(name),
            escape(attempt.queue),
            f"[{style}]{attempt.status}[/{style}]",
            seconds(attempt.wait_s),
            seconds(attempt.run_s),
            mebibytes(attempt.memory_mib),
            mebibytes(attempt.peak_memory_mib),
            escape(_result_cell(run)),
        )
    return table


def _result_cell(run: Run) -> str:
    if run.result_keys:
        return shortened(run.result_keys)
    if run.attempt.status == "FAILED":
        return f"{run.attempt.outcome}: {run.attempt.reason}" if run.attempt.reason else run.attempt.outcome
    return "–"


def shortened(keys: Sequence[str]) -> str:
    """All keys of one run on one line: `a/b/{1,2}.jpg`, `a/delays.{csv,parquet}`, `a/{x.csv,y.jpg}`."""
    if len(keys) == 1:
        return keys[0]
    folders = {key.rpartition("/")[0] for key in keys}
    if len(folders) > 1:
        return ", ".join(keys)
    names = [PurePosixPath(key) for key in keys]
    stems, suffixes = [name.stem for name in names], [name.suffix for name in names]
    if len(set(suffixes)) == 1:
        short = f"{{{','.join(stems)}}}{suffixes[0]}"
    elif len(set(stems)) == 1 and all(suffixes):
        short = f"{stems[0]}.{{{','.join(suffix[1:] for suffix in suffixes)}}}"
    else:
        short = f"{{{','.join(name.name for name in names)}}}"
    return f"{folders.pop()}/{short}"
