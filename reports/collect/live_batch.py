"""Attempts straight from AWS Batch, for an account that has no ledger yet: what it still remembers, about a week.

Batch is asked page by page for the finished jobs of each queue, then a hundred ids at a time for what each did. An
answer is kept as a line of `attempts/` in a folder of the ledger's layout, so everything that reads a ledger reads it;
ids described before aren't asked for again, so a run that was ended goes on where it stopped.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity.wait import wait_base

from reports.collect.patience import WAIT, patiently
from reports.collect.store import write_whole

IDS_A_CALL: Final = 100
REMEMBERED: Final = "finished jobs for about a week"
_STATUSES: Final = ("SUCCEEDED", "FAILED")
_RETRIED: Final = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "ServerException"}
)
_ARRAY: Final = "arrayProperties"


@dataclass(frozen=True, kw_only=True)
class Live:
    """What Batch told."""

    jobs: int
    """Described now."""
    known: int
    """Described by an earlier run."""
    missing: tuple[str, ...]
    """Sentences for the report."""


def collect_live(
    batch: Any,
    queues: Sequence[str],
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    wait: wait_base = WAIT,
) -> Live:
    """Write the finished jobs of `queues` (names or ARNs) as `attempts/day=…/` under `folder`.

    `batch` is a boto3 client. `progress` is told jobs described and to describe. No fault of AWS is raised: it becomes
    a sentence in `missing`.
    """
    missing: list[str] = []
    known = _known(folder)
    found: dict[str, None] = {}
    for queue in queues:
        for status in _STATUSES:
            try:
                found.update(dict.fromkeys(_listed(batch, {"jobQueue": queue, "jobStatus": status}, wait)))
            except (ClientError, BotoCoreError) as fault:
                missing.append(f"the {status} jobs of {queue} couldn't be listed to the end: {fault}")
    wanted = [job_id for job_id in found if job_id not in known]
    done = 0
    begin = 0
    while begin < len(wanted):
        ids = wanted[begin : begin + IDS_A_CALL]
        begin += len(ids)
        try:
            jobs = _asked(batch.describe_jobs, wait, jobs=ids)["jobs"]
        except (ClientError, BotoCoreError) as fault:
            missing.append(f"{len(wanted) - begin + len(ids):,} jobs couldn't be described: {fault}")
            break
        for job in jobs:
            # an array's children are listed only through their parent
            if job.get(_ARRAY, {}).get("size") is not None:
                try:
                    children = [
                        child
                        for status in _STATUSES
                        for child in _listed(batch, {"arrayJobId": job["jobId"], "jobStatus": status}, wait)
                    ]
                except (ClientError, BotoCoreError) as fault:
                    missing.append(f"the children of {job['jobId']} couldn't be listed to the end: {fault}")
                    continue
                wanted += [child for child in children if child not in known and child not in found]
                found.update(dict.fromkeys(children))
        _keep(folder, [_row(job) for job in jobs])
        done += len(jobs)
        progress(done, len(wanted))
    return Live(jobs=done, known=len(found) - len(wanted), missing=tuple(missing))


def _listed(batch: Any, asked: Mapping[str, str], wait: wait_base) -> Iterator[str]:
    page: Mapping[str, Any] = {}
    while True:
        more = {"nextToken": page["nextToken"]} if page.get("nextToken") else {}
        page = _asked(batch.list_jobs, wait, **asked, **more)
        yield from (str(job["jobId"]) for job in page["jobSummaryList"])
        if not page.get("nextToken"):
            return


def _asked(call: Callable[..., Any], wait: wait_base, **request: Any) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = patiently(_RETRIED, attempts=6, wait=wait)(call, **request)
    return answer


def _row(job: Mapping[str, Any]) -> dict[str, Any]:
    """The line that the stage's rule would have written of the job's last event; what Batch doesn't say is ""."""
    container = job.get("container", {})
    array = job.get(_ARRAY, {})
    ended_ms = job.get("stoppedAt") or job.get("createdAt") or 0
    ended = datetime.fromtimestamp(ended_ms / 1000, tz=UTC)
    asked = container.get("resourceRequirements") or [
        # jobs of before 2020 say what they ask for in fields of their own
        {"type": kind, "value": str(container[name])}
        for kind, name in (("VCPU", "vcpus"), ("MEMORY", "memory"))
        if name in container
    ]
    return {
        "event_id": f"described-{job['jobId']}",
        "time": f"{ended.strftime('%Y-%m-%dT%H:%M:%S')}Z",
        "job_id": job["jobId"],
        "job_name": job.get("jobName", ""),
        "job_queue": job.get("jobQueue", ""),
        "job_definition": job.get("jobDefinition", ""),
        "status": job.get("status", ""),
        "status_reason": job.get("statusReason", ""),
        "created_at": job.get("createdAt", ""),
        "started_at": job.get("startedAt", ""),
        "stopped_at": job.get("stoppedAt", ""),
        "attempts": job.get("attempts", []),
        "resource_requirements": asked,
        "image": container.get("image", ""),
        "exit_code": container.get("exitCode", ""),
        "reason": container.get("reason", ""),
        "log_stream": container.get("logStreamName", ""),
        "array_index": array.get("index", ""),
        "array_size": array.get("size", ""),
        "parameters": job.get("parameters", {}),
        "platform_capabilities": job.get("platformCapabilities", []),
    }


def _keep(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    by_day: dict[str, list[str]] = {}
    for row in rows:
        by_day.setdefault(str(row["time"])[:10], []).append(json.dumps(row))
    for day, lines in by_day.items():
        place = folder / "attempts" / f"day={day}"
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / f"described-{uuid.uuid4().hex}", "\n".join(lines) + "\n")


def _known(folder: Path) -> frozenset[str]:
    # an array's parent is asked for again: its children may not all have been described
    rows = (_told(line) for path in (folder / "attempts").rglob("described-*") for line in _lines(path))
    return frozenset(str(row["job_id"]) for row in rows if row.get("array_size") == "" and "job_id" in row)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _told(line: str) -> Mapping[str, Any]:
    """Nothing for a damaged line: its job is asked for again."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
