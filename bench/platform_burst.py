"""A burst of events on a stage that is up: what has become of each, told by Batch and by the ledger.

It is about submissions: what Batch has accepted. The burst's jobs run no container, for their compute environments are
DISABLED meanwhile and every job waits as RUNNABLE; a burst of 2,000 would else measure Docker. Afterwards the jobs are
terminated, which ends them as FAILED, so that each has its row in the ledger.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from reports.collect.ledger import LedgerReader

PARAMETER: Final = "order"
"""Of the job; each event has its own value for it."""
JOB: Final = """\
description: What an event of the burst starts
owner: platform
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 64}
command: ["Ref::order"]
triggers:
  - event:
      bus: default
      pattern: {source: [bench.burst], detail-type: [Order]}
      sample: {source: bench.burst, detail-type: Order, detail: {order: a-1}}
      take: {order: $.detail.order}
"""
SENDERS: Final = 4
"""As many as the emulator's EventBridge has workers."""
_ENTRIES: Final = 10
"""The most PutEvents takes."""
_DESCRIBED: Final = 100
"""The most DescribeJobs takes."""
_PATIENCE_S: Final = 60.0
"""Without another submission or row for so long, what is still missing is lost."""
_LOOK_S: Final = 0.5

Submissions = Mapping[str, Sequence[str]]
"""Event's own id → ids of the jobs it started."""


def order(own_id: str) -> Mapping[str, str]:
    """The event that starts the job above, as an entry of PutEvents."""
    return {"Source": "bench.burst", "DetailType": "Order", "Detail": json.dumps({PARAMETER: own_id})}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What has become of the events of a burst."""

    ids: Sequence[str]
    """In the order in which they were put."""
    submissions: Submissions
    seconds: float
    """From the first put to the last submission."""
    put_s: float
    """From the first put to the answer to the last."""
    recorded: Submissions
    """Submissions that the ledger has."""

    @property
    def lost(self) -> int:
        """Events without a submission."""
        return sum(1 for one in self.ids if not self.submissions.get(one))

    @property
    def doubled(self) -> int:
        """Events with more than one submission."""
        return sum(1 for one in self.ids if len(self.submissions.get(one, ())) > 1)

    @property
    def doubled_unseen(self) -> int:
        """Events with more than one submission of which the ledger doesn't have every one."""
        several = (one for one in self.ids if len(self.submissions.get(one, ())) > 1)
        return sum(1 for one in several if set(self.submissions[one]) - set(self.recorded.get(one, ())))

    @property
    def per_s(self) -> float:
        """Submissions a second."""
        return sum(map(len, self.submissions.values())) / self.seconds


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Bursts on one stage; `client` gives boto3's clients, `queue` is the ARN of the job's queue.

    `event` makes an entry of PutEvents that starts one job of the stage with the id as its parameter `order`.
    """

    event: Callable[[str], Mapping[str, str]]
    client: Callable[[str], Any]
    queue: str
    stage: str
    ledger_bucket: str
    say: Callable[[str], None] = lambda _: None

    def events(self, count: int, *, again: int = 0) -> Outcome:
        """Puts `count` events as fast as possible, the first `again` of them twice, and waits for their submissions
        and for the rows of these."""
        token = secrets.token_hex(3)
        ids = [f"{token}-{number:05}" for number in range(count)]
        put = [*ids, *ids[:again]]
        with self.nothing_runs():
            others = self._waiting()
            began_s = time.time()
            self._put(put)
            put_s = time.time() - began_s
            self.say(f"burst: {len(put):,} events put in {put_s:.1f} s")
            ours, last_ms = self._submitted(set(ids), len(put), others)
            seconds = last_ms / 1000 - began_s
            self._terminate([job for jobs in ours.values() for job in jobs])
        recorded = self._recorded(ours)
        return Outcome(ids=ids, submissions=ours, seconds=seconds, put_s=put_s, recorded=recorded)

    def direct(self, count: int, definition: str) -> float:
        """The floor: as many SubmitJob calls of boto3, by as many threads as EventBridge delivers with; seconds."""
        batch = self.client("batch")
        token = secrets.token_hex(3)

        def submit(number: int) -> str:
            asked = {PARAMETER: f"{token}-{number:05}"}
            made = batch.submit_job(jobName="direct", jobQueue=self.queue, jobDefinition=definition, parameters=asked)
            return str(made["jobId"])

        with self.nothing_runs():
            began_s = time.monotonic()
            with ThreadPoolExecutor(SENDERS) as pool:
                jobs = list(pool.map(submit, range(count)))
            took_s = time.monotonic() - began_s
            self._terminate(jobs)
        return took_s

    @contextmanager
    def nothing_runs(self) -> Iterator[None]:
        """The queue's compute environments are DISABLED meanwhile: jobs are accepted, and wait."""
        batch = self.client("batch")
        (queue,) = batch.describe_job_queues(jobQueues=[self.queue])["jobQueues"]
        environments = [one["computeEnvironment"] for one in queue["computeEnvironmentOrder"]]
        for one in environments:
            batch.update_compute_environment(computeEnvironment=one, state="DISABLED")
        try:
            yield
        finally:
            for one in environments:
                batch.update_compute_environment(computeEnvironment=one, state="ENABLED")

    def _put(self, ids: Sequence[str]) -> None:
        events = self.client("events")

        def put(some: Sequence[str]) -> None:
            answer = events.put_events(Entries=[self.event(one) for one in some])
            assert answer["FailedEntryCount"] == 0, answer

        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(put, [ids[at : at + _ENTRIES] for at in range(0, len(ids), _ENTRIES)]))

    def _waiting(self) -> set[str]:
        """Ids of the queue's RUNNABLE jobs."""
        pages = self.client("batch").get_paginator("list_jobs").paginate(jobQueue=self.queue, jobStatus="RUNNABLE")
        return {one["jobId"] for page in pages for one in page["jobSummaryList"]}

    def _submitted(self, ids: set[str], wanted: int, others: set[str]) -> tuple[Submissions, int]:
        """What the events have started, once it is all or nothing more comes; when the last was accepted, ms.

        `others` waited before.
        """
        self._until("submissions", lambda: len(self._waiting() - others), wanted)
        found = sorted(self._waiting() - others)
        ours: dict[str, list[str]] = {}
        last_ms = 0
        for at in range(0, len(found), _DESCRIBED):
            asked = found[at : at + _DESCRIBED]
            for job in self.client("batch").describe_jobs(jobs=asked)["jobs"]:
                named = job["parameters"].get(PARAMETER)
                if named in ids:
                    ours.setdefault(named, []).append(job["jobId"])
                    last_ms = max(last_ms, job["createdAt"])
        return ours, last_ms

    def _terminate(self, jobs: Sequence[str]) -> None:
        batch = self.client("batch")
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda job: batch.terminate_job(jobId=job, reason="the burst is counted"), jobs))

    def _recorded(self, submissions: Submissions) -> Submissions:
        """What of the submissions the ledger has, once it is all or nothing more comes."""
        reader = LedgerReader(s3=self.client("s3"), bucket=self.ledger_bucket, stage=self.stage)
        jobs = {job for some in submissions.values() for job in some}
        recorded: dict[str, list[str]] = {}

        def look() -> int:
            recorded.clear()
            for attempt in reader.read().attempts:
                if attempt.job_id in jobs:
                    recorded.setdefault(attempt.parameters[PARAMETER], []).append(attempt.job_id)
            return sum(map(len, recorded.values()))

        self._until("rows of the ledger", look, len(jobs))
        return recorded

    def _until(self, what: str, look: Callable[[], int], wanted: int) -> None:
        pause = threading.Event()
        before, moved_s = -1, time.monotonic()
        while (there := look()) < wanted:
            if there != before:
                before, moved_s = there, time.monotonic()
                self.say(f"burst: {there:,} of {wanted:,} {what}")
            elif time.monotonic() - moved_s > _PATIENCE_S:
                self.say(f"burst: {wanted - there:,} {what} don't come")
                return
            pause.wait(_LOOK_S)
