"""Drives jobs: asks the scheduler what starts, runs it, keeps timeouts. One thread for all jobs, one per attempt.

Nothing is polled: the engine's thread sleeps until a job is submitted or ends, or until the next deadline.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.emulator.batch.arns import new_task_id
from local.emulator.batch.blocked import find_blocked
from local.emulator.batch.environments import ComputeEnvironment
from local.emulator.batch.fleet import Fleet
from local.emulator.batch.jobs import WAITING, Attempt, Job
from local.emulator.batch.lifecycle import Lifecycle
from local.emulator.batch.plans import log_stream_name, plan_of
from local.emulator.batch.running import FAILED_TO_START, Handle, Outcome, Plan, Runner
from local.emulator.batch.share_log import ShareLog
from local.emulator.batch.state_events import Publish
from local.emulator.batch.store import Store
from local.emulator.batch.tasks import task_of
from local.emulator.capacity import Home, Task, Watchers
from local.emulator.context import EmulatorContext
from scheduling.decide import decide
from scheduling.model import Start, State

# ECS waits 30 s between SIGTERM and SIGKILL; a container needs some real time to react, however fast the
# lane's clock and slow the machine
STOP_GRACE_S = 30.0
MIN_STOP_GRACE_S = 10.0
CLOSE_WAIT_S = 20.0

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Active:
    """An attempt on its way."""

    job: Job
    attempt: Attempt
    home: Home
    began_s: float
    handle: Handle = field(default_factory=Handle)
    timed_out: bool = False
    # the reason TerminateJob gave
    terminated: str | None = None

    @property
    def is_stopping(self) -> bool:
        return self.timed_out or self.terminated is not None

    def task(self) -> Task:
        return task_of(self.job, self.attempt, self.home, stop_requested=self.is_stopping)


class Engine:
    """Runs one account and region's jobs. Public methods take the store's lock themselves, and briefly.

    The context's watchers are told of every instance and task.
    """

    def __init__(
        self,
        store: Store,
        context: EmulatorContext,
        runner: Runner,
        *,
        publish: Publish,
        clock_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._context = context
        self._runner = runner
        self._clock_s = clock_s
        self._wall_s = wall_s
        self.lifecycle = Lifecycle(store, publish=publish, now_ms=self.now_ms)
        self._watchers = Watchers(context.watchers)
        self.fleet = Fleet(arns=store.arns, watchers=self._watchers, now_ms=self.now_ms)
        self._shares = ShareLog(store, second_s=context.real_seconds(1.0))
        self._active: dict[str, _Active] = {}
        # (when, tie-breaker, job id, attempt) of running attempts' timeouts
        self._timeouts: list[tuple[float, int, str, int]] = []
        self._ties = itertools.count()
        self._changed = threading.Condition(store.lock)
        self._dirty = False
        self._closed = False
        self._threads: set[threading.Thread] = set()
        self._loop = threading.Thread(target=self._run, name="batch-scheduler", daemon=True)
        self._loop.start()

    def now_ms(self) -> int:
        return int(self._wall_s() * 1000)

    # from ECS

    def register(self, environment: ComputeEnvironment, ec2_instance_id: str, instance_type: str) -> str:
        """Somebody's own instance joins an unmanaged environment; gives its container instance's ARN."""
        with self._changed:
            arn = self.fleet.register(environment, ec2_instance_id, instance_type)
            self._wake()
            return arn

    def deregister(self, container_instance_arn: str, *, force: bool) -> bool:
        """It takes no more jobs and goes with its last. Without `force` a busy one stays, and the answer is False."""
        with self._changed:
            return self.fleet.deregister(container_instance_arn, force=force)

    # from the API

    def submit(self, job: Job) -> None:
        with self._changed:
            self.lifecycle.submit(job)
            self._wake()

    def cancel(self, job_id: str, reason: str) -> None:
        """CancelJob: ends what hasn't started; of what has, nothing happens."""
        with self._changed:
            job = self._store.jobs.get(job_id)
            if job is not None:
                self.lifecycle.cancel(job, reason, terminate=False)
                self._wake()

    def terminate(self, job_id: str, reason: str) -> None:
        """TerminateJob: ends what runs as well."""
        with self._changed:
            job = self._store.jobs.get(job_id)
            if job is None:
                return
            for one in [*job.children, job]:
                active = self._active.get(one.id)
                if one.status in WAITING:
                    self.lifecycle.cancel(one, reason, terminate=True)
                elif active is not None and not active.is_stopping:
                    active.terminated = reason
                    one.is_terminated = True
                    self._stop(active)
            self._wake()

    def wake(self) -> None:
        """Something the scheduler depends on has changed: an environment, a queue."""
        with self._changed:
            self._wake()

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify_all()

    def close(self) -> None:
        """Starts nothing any more, ends what runs. The runner removes the containers."""
        with self._changed:
            self._closed = True
            for active in self._active.values():
                active.handle.stop_requested.set()
            threads = list(self._threads)
            self._changed.notify_all()
        self._runner.close()
        deadline = self._clock_s() + CLOSE_WAIT_S
        for thread in [self._loop, *threads]:
            thread.join(timeout=max(0.0, deadline - self._clock_s()))
        # a container made in the very moment the others were removed
        self._runner.close()

    # the engine's thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._closed, timeout=self._seconds_to_deadline())
                if self._closed:
                    return
                self._dirty = False
                try:
                    self._expire()
                    self._start_what_fits()
                    self._note_blocked()
                except Exception:
                    # one bad job must not end all others
                    logger.exception("the scheduler stumbled")

    def _seconds_to_deadline(self) -> float | None:
        deadlines = [self._timeouts[0][0]] if self._timeouts else []
        deadlines += [limit for job in self.lifecycle.runnable.values() if (limit := self._limit_of(job)) is not None]
        return max(0.0, min(deadlines) - self._clock_s()) if deadlines else None

    def _limit_of(self, job: Job) -> float | None:
        """When the queue's jobStateTimeLimitActions end a blocked job, None if they don't."""
        if job.blocked_code is None or job.blocked_since_s is None:
            return None
        queue = self._store.queues.get(job.queue_arn)
        if queue is None:
            return None
        limits = [int(limit["maxTimeSeconds"]) for limit in queue.limits if limit["reason"] == job.blocked_code]
        return job.blocked_since_s + self._context.real_seconds(min(limits)) if limits else None

    def _expire(self) -> None:
        now_s = self._clock_s()
        while self._timeouts and self._timeouts[0][0] <= now_s:
            _, _, job_id, number = heapq.heappop(self._timeouts)
            active = self._active.get(job_id)
            if active is not None and active.attempt.number == number and not active.is_stopping:
                active.timed_out = True
                self._stop(active)
        for job in list(self.lifecycle.runnable.values()):
            limit = self._limit_of(job)
            if limit is not None and limit <= now_s:
                self.lifecycle.time_limit(job)

    def _start_what_fits(self) -> None:
        runnable = list(self.lifecycle.runnable.values())
        if not runnable:
            return
        for start in decide(self._state(runnable), self._wall_s() + 1.0):
            self._begin(self._store.jobs[start.job_id], start)

    def _state(self, runnable: list[Job]) -> State:
        return State(
            environments=tuple(one.for_scheduling() for one in self._store.environments.values()),
            queues=tuple(
                queue.for_scheduling(self._store.fair_share_of(queue)) for queue in self._store.queues.values()
            ),
            jobs=tuple(job.waiting for job in runnable),
            instances=self.fleet.instances(),
            fargate_vcpus=self.fleet.fargate_vcpus(),
            share_uses=self._shares.uses([active.job for active in self._active.values()], self._clock_s()),
        )

    def _note_blocked(self) -> None:
        for job, code, text in find_blocked(self._store, self.lifecycle.runnable.values()):
            if code is None:
                self.lifecycle.unblock(job)
            elif job.blocked_code != code:
                self.lifecycle.block(job, code, text, self._clock_s())

    # attempts

    def _begin(self, job: Job, start: Start) -> None:
        environment = self._store.environments[start.environment]
        seat = self.fleet.admit(start, job.request, environment)
        arns, task_id = self._store.arns, new_task_id()
        cluster = environment.cluster_name
        attempt = Attempt(
            number=len(job.attempts) + 1,
            environment_arn=environment.arn,
            environment_name=environment.name,
            instance_id=seat.ec2_instance_id,
            container_instance_arn=seat.container_instance_arn,
            task_id=task_id,
            task_arn=arns.task(cluster, task_id),
            log_stream_name=log_stream_name(job, task_id),
            created_at_ms=self.now_ms(),
        )
        self.lifecycle.starting(job, attempt)
        active = _Active(job=job, attempt=attempt, home=environment.home(arns), began_s=self._clock_s())
        self._active[job.id] = active
        self._watchers.tell(lambda watcher: watcher.task_placed(active.task()))
        plan = plan_of(job, attempt, self._context)
        thread = threading.Thread(
            target=self._attend, args=(active, plan), name=f"batch-attempt-{job.id[:8]}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _attend(self, active: _Active, plan: Plan) -> None:
        """An attempt's thread."""
        try:
            outcome = self._runner.run(
                plan, active.handle, on_pulled=lambda: self._pulled(active), on_started=lambda: self._started(active)
            )
        except Exception as error:
            logger.exception("attempt %d of %s", plan.attempt, plan.job_id)
            outcome = Outcome(
                exit_code=None, reason=f"CannotStartContainerError: {error!r}", status_reason=FAILED_TO_START
            )
        finally:
            active.handle.settled.set()
            active.handle.done.set()
        with self._changed:
            self._threads.discard(threading.current_thread())
            self._active.pop(active.job.id, None)
            if not self._closed:
                self._shares.ended(active.job, self._clock_s() - active.began_s, self._clock_s())
                self.lifecycle.ended(active.job, outcome, timed_out=active.timed_out, terminated=active.terminated)
                self._watchers.tell(lambda watcher: watcher.task_stopped(active.task()))
            self.fleet.release(active.job.id)
            self._wake()

    def _pulled(self, active: _Active) -> None:
        with self._changed:
            active.attempt.pulled_at_ms = self.now_ms()

    def _started(self, active: _Active) -> None:
        with self._changed:
            if self._closed:
                return
            self.lifecycle.running(active.job)
            self._watchers.tell(lambda watcher: watcher.task_running(active.task()))
            if active.job.timeout_s is not None:
                deadline_s = self._clock_s() + self._context.real_seconds(active.job.timeout_s)
                entry = (deadline_s, next(self._ties), active.job.id, active.attempt.number)
                heapq.heappush(self._timeouts, entry)
                # the engine's thread may sleep past it
                self._wake()

    def _stop(self, active: _Active) -> None:
        """Stops an attempt's container; not in this thread, which holds the lock."""
        active.attempt.stopping_at_ms = self.now_ms()
        active.handle.stop_requested.set()
        grace_s = max(MIN_STOP_GRACE_S, self._context.real_seconds(STOP_GRACE_S))
        threading.Thread(
            target=self._runner.stop, args=(active.handle, grace_s), name="batch-stop", daemon=True
        ).start()
