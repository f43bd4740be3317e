"""The ledger's two kinds of rows → one `Attempt` per attempt.

Rows arrive at least once, in any order, days apart. A row that says less than another of the same job loses to it, so
the answer is the same for every order and every number of copies. A line that is no row is set aside with its reason,
never dropped in silence and never a reason to fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from jobs import conventions
from reports.collect.values import (
    LARGEST_INTEGER,
    RowError,
    told_items,
    told_measured,
    told_moment,
    told_resources,
    told_text,
    told_time,
    told_whole,
    why,
)
from reports.model.attempt import Attempt, Outcome, Usage, platform_of

_SHOWN_CHARACTERS: Final = 200
_OUT_OF_MEMORY: Final = conventions.OUT_OF_MEMORY.partition(":")[0]
_RECLAIMED: Final = ("Host EC2", "Your Spot Task was interrupted")
_NOT_STARTED: Final = ("Task failed to start", "Cannot", "ResourceInitializationError")
_KILLED: Final = (137, 143)


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A line of the ledger that is no row."""

    place: str
    """`<object key>:<line>`."""
    reason: str
    text: str
    """Its beginning."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What rows say: attempts by the time they ended, and what couldn't be read."""

    attempts: tuple[Attempt, ...]
    set_aside: tuple[SetAside, ...]
    duplicates: int = 0
    """Rows that said nothing another didn't."""
    usage_without_attempt: int = 0
    """The probe's lines of attempts whose row hasn't come yet: they run, or their event is late."""

    def of_job(self, job: str) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.job == job)


@dataclass(frozen=True, kw_only=True)
class UsageRow:
    """The line that won among those of one attempt."""

    job_id: str
    attempt: int
    usage: Usage
    ended_at: str
    """The probe's clock, as it wrote it."""
    row: Mapping[str, Any]


@dataclass(kw_only=True)
class RowReader:
    """Takes lines of any order, gives attempts. `stage` names whose ledger it is, `owners` job → owner."""

    stage: str
    owners: Mapping[str, str] = field(default_factory=dict)
    _rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _usage: dict[tuple[str, int], tuple[str, Usage, Mapping[str, Any]]] = field(default_factory=dict)
    _set_aside: dict[str, SetAside] = field(default_factory=dict)
    _duplicates: int = 0

    def add_attempt_lines(self, lines: Iterable[str], place: str) -> None:
        """Lines of an object under `attempts/`."""
        for where, text, value in self._objects(lines, place):
            try:
                _attempts(value, self)
                weight = _weight(value)
            except (RowError, RecursionError) as problem:
                self.put_aside(where, why(problem), text)
                continue
            job_id = str(value["job_id"])
            known = self._rows.get(job_id)
            if known is not None:
                self._duplicates += 1
            if known is None or weight > _weight(known):
                self._rows[job_id] = value

    def add_usage_lines(self, lines: Iterable[str], place: str) -> None:
        """Lines of an object under `usage/`."""
        for where, text, value in self._objects(lines, place):
            try:
                key, ended_at, usage = _usage(value)
            except (RowError, RecursionError) as problem:
                self.put_aside(where, why(problem), text)
                continue
            known = self._usage.get(key)
            if known is not None:
                self._duplicates += 1
            if known is None or (ended_at, repr(usage)) > (known[0], repr(known[1])):
                self._usage[key] = (ended_at, usage, value)

    def collected(self) -> Collected:
        """All attempts told so far. More lines may follow."""
        attempts = [attempt for row in self._rows.values() for attempt in _attempts(row, self)]
        attempts.sort(key=lambda attempt: (attempt.stopped_at, attempt.submitted_at, attempt.attempt_id))
        told = {(attempt.job_id, attempt.attempt) for attempt in attempts}
        return Collected(
            attempts=tuple(attempts),
            set_aside=tuple(sorted(self._set_aside.values(), key=lambda line: line.place)),
            duplicates=self._duplicates,
            usage_without_attempt=sum(1 for key in self._usage if key not in told),
        )

    @property
    def set_aside_by_text(self) -> Mapping[str, SetAside]:
        """Bad lines by their whole text."""
        return self._set_aside

    def objects(self, lines: Iterable[str], place: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Each JSON object of `lines` with its place and text; what is none is set aside."""
        yield from self._objects(lines, place)

    def rows(self) -> Iterator[tuple[Mapping[str, Any], list[Attempt]]]:
        """Each job's winning row and its attempts."""
        for row in self._rows.values():
            yield row, _attempts(row, self)

    def usage(self) -> Iterator[UsageRow]:
        """What the probe said of each attempt, at last."""
        for (job_id, attempt), (ended_at, usage, row) in self._usage.items():
            yield UsageRow(job_id=job_id, attempt=attempt, usage=usage, ended_at=ended_at, row=row)

    def usage_of(self, job_id: str, attempt: int) -> tuple[Usage | None, str]:
        """What the probe measured, and the owner it named."""
        found = self._usage.get((job_id, attempt))
        return (None, "") if found is None else (found[1], told_text(found[2], "owner"))

    def _objects(self, lines: Iterable[str], place: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for number, line in enumerate(lines, start=1):
            rest = line.strip()
            while rest:
                where, text = f"{place}:{number}", rest
                try:
                    # one line holds several objects where a record came without its newline
                    value, end = _DECODER.raw_decode(rest)
                except (ValueError, RecursionError):
                    self.put_aside(where, "is no JSON", text)
                    break
                rest = rest[end:].lstrip()
                if isinstance(value, dict):
                    yield where, text, value
                else:
                    self.put_aside(where, f"is a JSON {type(value).__name__}, a row is an object", text)

    def put_aside(self, place: str, reason: str, text: str) -> None:
        """Remember a line that is no row."""
        # by its text: a bad line delivered twice is one bad line
        self._set_aside.setdefault(text, SetAside(place=place, reason=reason, text=text[:_SHOWN_CHARACTERS]))


_DECODER: Final = json.JSONDecoder()


def _weight(row: Mapping[str, Any]) -> tuple[int, str, str, str]:
    attempts = row.get("attempts")
    told = len(attempts) if isinstance(attempts, list) else 0
    return told, str(row.get("time", "")), str(row.get("event_id", "")), json.dumps(row, sort_keys=True)


def _attempts(row: Mapping[str, Any], reader: RowReader) -> list[Attempt]:
    """The attempts of one row; none for the parent of an array, which runs nothing itself. Raises RowError."""
    job_id = told_text(row, "job_id")
    status = told_text(row, "status")
    if not job_id:
        raise RowError("has no job_id")
    if status not in ("SUCCEEDED", "FAILED"):
        raise RowError(f"has the status {status[:40]!r}, not SUCCEEDED or FAILED")
    told = row.get("attempts") or []
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise RowError("has attempts that are no list of objects")
    array_index = told_whole(row, "array_index", most=LARGEST_INTEGER)
    if not told and array_index is None and told_whole(row, "array_size") is not None:
        return []
    submitted_at = told_time(row, "created_at")
    if submitted_at is None:
        raise RowError("has no created_at")
    vcpus, memory_mib = told_resources(row)
    job = _short(told_text(row, "job_definition"), reader.stage)
    queue = _short(told_text(row, "job_queue"), reader.stage)
    if not job or not queue:
        raise RowError("has no job_definition or no job_queue")
    parameters = row.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise RowError("has parameters that are no object")
    capabilities = row.get("platform_capabilities") or []
    # read here so that a bad one is found here
    told_text(row, "time"), told_text(row, "event_id")

    found: list[Attempt] = []
    waiting_since = submitted_at
    for number, one in enumerate(told or [{}], start=1):
        last = number >= len(told)
        container = one.get("container") or {}
        if not isinstance(container, dict):
            raise RowError(f"has an attempt {number} whose container is no object")
        started_at = told_time(one, "startedAt")
        stopped_at = told_time(one, "stoppedAt")
        exit_code = told_whole(container, "exitCode", most=LARGEST_INTEGER)
        reason = told_text(container, "reason")
        told_text(container, "containerInstanceArn"), told_text(container, "taskArn")
        status_reason = told_text(one, "statusReason")
        if last:
            # what the event says of the job is what it says of its last attempt
            started_at = started_at or (told_time(row, "started_at") if told else None)
            stopped_at = stopped_at or told_time(row, "stopped_at") or told_moment(row, "time")
            exit_code = exit_code if exit_code is not None else told_whole(row, "exit_code", most=LARGEST_INTEGER)
            status_reason = told_text(row, "status_reason") or status_reason
        if stopped_at is None:
            raise RowError(f"has an attempt {number} that never stopped")
        attempt_status: Literal["SUCCEEDED", "FAILED"] = "SUCCEEDED" if last and status == "SUCCEEDED" else "FAILED"
        usage, owner = reader.usage_of(job_id, number)
        found.append(
            Attempt(
                attempt_id=f"{job_id}#{number}",
                job_id=job_id,
                attempt=number,
                job=job,
                job_name=told_text(row, "job_name"),
                owner=owner or reader.owners.get(job, ""),
                stage=reader.stage,
                queue=queue,
                platform=platform_of(capabilities),
                image=told_text(row, "image"),
                vcpus=vcpus,
                memory_mib=memory_mib,
                submitted_at=submitted_at,
                waiting_since=waiting_since,
                started_at=started_at,
                stopped_at=stopped_at,
                status=attempt_status,
                outcome=_outcome(attempt_status, started_at, exit_code, reason, status_reason),
                reason="; ".join(dict.fromkeys(filter(None, [reason, status_reason]))),
                exit_code=exit_code,
                array_index=array_index,
                log_stream=told_text(container, "logStreamName")
                or (told_text(row, "log_stream") if last else "")
                or None,
                parameters={str(name): str(value) for name, value in parameters.items()},
                usage=usage,
            )
        )
        waiting_since = stopped_at
    return found


def _outcome(
    status: str, started_at: datetime | None, exit_code: int | None, reason: str, status_reason: str
) -> Outcome:
    if status == "SUCCEEDED":
        return "succeeded"
    if reason.startswith(_OUT_OF_MEMORY):
        return "out-of-memory"
    if status_reason.startswith(_RECLAIMED):
        return "reclaimed"
    if status_reason.startswith(conventions.TIMED_OUT):
        return "timed-out"
    ended_itself = not status_reason or status_reason.startswith(conventions.EXITED)
    if started_at is None:
        # Batch puts why a container didn't start into its reason; somebody's own words end a job that only waited
        return "not-started" if reason or ended_itself or status_reason.startswith(_NOT_STARTED) else "cancelled"
    if not ended_itself and exit_code in (None, *_KILLED):
        return "cancelled"
    return "application-error"


def _usage(row: Mapping[str, Any]) -> tuple[tuple[str, int], str, Usage]:
    """Key, end, what was measured. Raises RowError."""
    if row.get("type") != conventions.USAGE_TYPE:
        raise RowError(f"has the type {str(row.get('type'))[:40]!r}, not {conventions.USAGE_TYPE!r}")
    if row.get("version") != conventions.USAGE_VERSION:
        raise RowError(
            f"has version {str(row.get('version'))[:40]}; this Batchyard reads version {conventions.USAGE_VERSION}"
        )
    job_id, exit_code = told_text(row, "job_id"), told_whole(row, "exit_code")
    attempt = told_whole(row, "attempt", most=LARGEST_INTEGER)
    if not job_id or attempt is None or attempt < 1 or exit_code is None:
        raise RowError("has no job_id, attempt or exit_code")
    cgroup_version = told_whole(row, "cgroup_version")
    usage = Usage(
        peak_memory_mib=told_measured(row, "peak_memory_mib"),
        memory_limit_mib=told_measured(row, "memory_limit_mib"),
        cpu_s=told_measured(row, "cpu_s"),
        wall_s=told_measured(row, "wall_s"),
        cgroup_version=0 if cgroup_version is None else cgroup_version,
        exit_code=exit_code,
        signal=told_text(row, "signal") or None,
        items=told_items(row),
    )
    # read here so that a bad one is found here
    told_text(row, "owner"), told_text(row, "compute_environment"), told_text(row, "started_at")
    return (job_id, attempt), told_text(row, "ended_at"), usage


def _short(arn: str, stage: str) -> str:
    """`…:job-definition/batchyard-local-flights:3` → `flights`; a foreign name stays as it is."""
    name = arn.rpartition("/")[2].partition(":")[0]
    return name.removeprefix(f"{conventions.PROJECT}-{stage}-")
