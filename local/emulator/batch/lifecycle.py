"""A job's way through its statuses: what follows from what. No thread and no container of its own.

All methods are called with the store's lock held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from local.emulator.batch.jobs import (
    FAILED,
    FINAL,
    PENDING,
    RUNNABLE,
    RUNNING,
    STARTING,
    SUBMITTED,
    SUCCEEDED,
    WAITING,
    Attempt,
    Job,
)
from local.emulator.batch.running import TIMED_OUT, Outcome
from local.emulator.batch.state_events import Publish, queue_blocked, state_change
from local.emulator.batch.store import Store
from local.emulator.batch.submission import children_of
from scheduling.retry import evaluate_on_exit

CHILD_FAILED = "Array Child Job failed"
DEPENDENCY_FAILED = "Dependent Job failed"


class Lifecycle:
    """Moves jobs from status to status and tells EventBridge. `now_ms` is the wall clock."""

    def __init__(self, store: Store, *, publish: Publish, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._publish = publish
        self._now_ms = now_ms
        # job id -> jobs that wait for its end
        self._dependents: dict[str, list[Job]] = defaultdict(list)
        self.runnable: dict[str, Job] = {}
        self.submitted = 0

    # into the queue

    def submit(self, job: Job) -> None:
        """A new job: PENDING while it waits for others, RUNNABLE otherwise."""
        self.submitted += 1
        self._store.jobs[job.id] = job
        for dependency in job.depends_on:
            if dependency.get("jobId"):
                self._dependents[dependency["jobId"]].append(job)
        self._set(job, PENDING)
        self._go_on(job)

    def _go_on(self, job: Job) -> None:
        """Makes a PENDING job RUNNABLE (an array: spawns its children) if all it waits for has succeeded."""
        if job.status != PENDING or job.children:
            return
        for dependency in job.depends_on:
            # N_TO_N and SEQUENTIAL hold between children
            if job.is_array_parent and dependency.get("type"):
                continue
            other = self._store.jobs.get(dependency["jobId"])
            if other is not None and other.status == FAILED:
                self._fail(job, DEPENDENCY_FAILED)
                return
            if other is None or other.status != SUCCEEDED:
                return
        if job.is_array_parent:
            arns, now_ms = self._store.arns, self._now_ms()
            job.children = children_of(job, arns=arns, now_ms=now_ms, next_order=self.submitted)
            for child in job.children:
                self._store.jobs[child.id] = child
            for child in job.children:
                self.submit(child)
            return
        self.runnable[job.id] = job
        self._set(job, RUNNABLE)

    # attempts

    def starting(self, job: Job, attempt: Attempt) -> None:
        self.runnable.pop(job.id, None)
        job.blocked_code = None
        job.blocked_since_s = None
        job.status_reason = None
        job.current = attempt
        self._set(job, STARTING)

    def running(self, job: Job) -> None:
        now_ms = self._now_ms()
        job.started_at_ms = now_ms
        if job.current is not None:
            job.current.started_at_ms = now_ms
        self._set(job, RUNNING)

    def ended(self, job: Job, outcome: Outcome, *, timed_out: bool, terminated: str | None) -> None:
        """An attempt's end: SUCCEEDED, RUNNABLE for another attempt, or FAILED."""
        attempt = job.current
        if attempt is None:
            return
        now_ms = self._now_ms()
        attempt.stopped_at_ms = now_ms
        attempt.exit_code = outcome.exit_code
        attempt.reason = outcome.reason
        attempt.status_reason = TIMED_OUT if timed_out else terminated or outcome.status_reason
        job.attempts.append(attempt)
        job.current = None
        job.status_reason = attempt.status_reason
        if terminated is not None or timed_out:
            self._finish(job, FAILED)
        elif outcome.exit_code == 0:
            self._finish(job, SUCCEEDED)
        elif self._tries_again(job, attempt):
            self.runnable[job.id] = job
            self._set(job, RUNNABLE)
        else:
            self._finish(job, FAILED)

    @staticmethod
    def _tries_again(job: Job, attempt: Attempt) -> bool:
        if len(job.attempts) >= int(job.retry_strategy["attempts"]):
            return False
        rules: list[dict[str, Any]] = job.retry_strategy["evaluateOnExit"]
        return evaluate_on_exit(rules, attempt.exit_code, attempt.reason, attempt.status_reason) == "RETRY"

    # ends before an attempt

    def cancel(self, job: Job, reason: str, *, terminate: bool) -> None:
        """Ends a job that hasn't started, with all of its children that haven't; others stay as they are."""
        if job.status not in WAITING:
            return
        job.is_cancelled = job.is_cancelled or not terminate
        job.is_terminated = job.is_terminated or terminate
        if job.children:
            for child in job.children:
                self.cancel(child, reason, terminate=terminate)
            return
        self._fail(job, reason)

    def block(self, job: Job, code: str, text: str, now_s: float) -> None:
        """Notes why the head of a queue can't start, and tells EventBridge. Once per reason."""
        job.blocked_code = code
        job.blocked_since_s = now_s
        job.status_reason = text
        self._send(queue_blocked, job)

    def unblock(self, job: Job) -> None:
        job.blocked_code = None
        job.blocked_since_s = None
        job.status_reason = None

    def time_limit(self, job: Job) -> None:
        """The queue's jobStateTimeLimitActions end a blocked job."""
        job.is_cancelled = True
        self._fail(job, f"Canceled by JobStateTimeLimit action due to reason: {job.blocked_code}")

    def _fail(self, job: Job, reason: str) -> None:
        job.status_reason = reason
        self._finish(job, FAILED)

    def _finish(self, job: Job, status: str) -> None:
        self.runnable.pop(job.id, None)
        job.stopped_at_ms = self._now_ms()
        self._set(job, status)
        if job.parent is not None:
            self._child_finished(job.parent)
        for dependent in self._dependents.pop(job.id, []):
            self._go_on(dependent)

    def _child_finished(self, parent: Job) -> None:
        if parent.status in FINAL or any(child.status not in FINAL for child in parent.children):
            return
        failed = any(child.status == FAILED for child in parent.children)
        if failed:
            parent.status_reason = CHILD_FAILED
        self._finish(parent, FAILED if failed else SUCCEEDED)

    def _set(self, job: Job, status: str) -> None:
        job.status = status
        if status != SUBMITTED:
            self._send(state_change, job)

    def _send(self, event: Callable[..., dict[str, Any]], job: Job) -> None:
        arns = self._store.arns
        self._publish(event(job, account=arns.account, region=arns.region, now_ms=self._now_ms()))
