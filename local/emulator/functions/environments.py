"""Execution environments: a container of a function's image each, kept for its next event.

As on Lambda nothing but /tmp can be written to, and no container is root. A function's timeout runs in real seconds
whatever the lane's clock does, for the container reads its deadline; the size of /tmp isn't held.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.emulator.batch.running import OUT_OF_MEMORY, Handle, Outcome, Plan, Runner
from local.emulator.context import CONTAINER_HOST, EmulatorContext
from local.emulator.functions.function import Function
from local.emulator.functions.runtime_api import Answer, Event, RuntimeApi

# of the lane: more wait, and the oldest that has nothing to do makes room
MOST = 8
# emulated seconds that an environment waits for its next event
KEPT_S = 300.0
# as whom Lambda runs containers
USER = "993:990"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one try of an event went."""

    # None for a good end; `Unhandled` otherwise
    error: str | None
    payload: Any
    began_ms: int
    # the start of the environment counts where it was for this event
    billed_ms: int
    duration_ms: float
    init_ms: float | None
    log_stream: str


class Environment:
    def __init__(self, function: Function, context: EmulatorContext, runner: Runner) -> None:
        self.function = function
        self._runner = runner
        self._api = RuntimeApi(context.bridge_address or "127.0.0.1")
        self._handle = Handle()
        self._outcome: Outcome | None = None
        self._began_s = time.monotonic()
        self._first = True
        now = datetime.now(UTC)
        self.log_stream = f"{now:%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._plan = self._plan_of(context)
        self._thread = threading.Thread(target=self._run, name=f"function-{function.name}", daemon=True)
        self._thread.start()

    def _plan_of(self, context: EmulatorContext) -> Plan:
        function = self.function
        return Plan(
            name=f"batchyard-{context.lane}-function-{uuid.uuid4().hex[:12]}",
            job_id=function.name,
            attempt=1,
            image=function.image,
            command=function.command,
            environment={
                **function.environment,
                "AWS_LAMBDA_RUNTIME_API": f"{CONTAINER_HOST}:{self._api.port}",
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mib),
                "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                # what on AWS comes from the function's role
                "AWS_ENDPOINT_URL": context.container_endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": context.region,
                "AWS_DEFAULT_REGION": context.region,
                "TZ": ":UTC",
            },
            memory_mib=function.memory_mib,
            vcpus=function.vcpus,
            log_group=function.log_group,
            log_stream=self.log_stream,
            creates_log_group=function.log_group.startswith("/aws/lambda/"),
            user=USER,
            read_only=True,
            scratch=("/tmp",),
        )

    def _run(self) -> None:
        try:
            self._outcome = self._runner.run(self._plan, self._handle, _nothing, _nothing)
        finally:
            self._api.wake()

    @property
    def ended(self) -> bool:
        return self._handle.done.is_set()

    def invoke(self, request_id: str, payload: str) -> Result:
        """Gives the container one event and waits for its end. An environment that failed by itself has ended then."""
        event = Event(
            request_id=request_id,
            payload=payload,
            function_arn=self.function.arn,
            timeout_s=float(self.function.timeout_s),
        )
        began_ms = int(time.time() * 1000)
        offered_s = time.monotonic()
        self._api.offer(event)
        answer = self._api.await_answer(ended=self._handle.done.is_set)
        ended_s = time.monotonic()
        if answer is None:
            answer = self._without_answer(request_id)
        taken_s = self._api.taken_s
        duration_ms = (ended_s - (offered_s if taken_s is None else taken_s)) * 1000
        init_ms: float | None = None
        if self._first:
            init_ms = ((self._api.ready_s or ended_s) - self._began_s) * 1000
            self._first = False
        return Result(
            error="Unhandled" if answer.failed else None,
            payload=answer.payload,
            began_ms=began_ms,
            billed_ms=max(1, math.ceil(duration_ms + (init_ms or 0.0))),
            duration_ms=duration_ms,
            init_ms=init_ms,
            log_stream=self.log_stream,
        )

    def _without_answer(self, request_id: str) -> Answer:
        """In Lambda's words: the runtime left, or its time was over."""
        said = f"RequestId: {request_id} Error: "
        outcome = self._outcome
        if not self.ended or outcome is None:
            self.stop()
            text = f"{said}Task timed out after {self.function.timeout_s:.2f} seconds"
            return Answer(failed=True, payload={"errorType": "Sandbox.Timedout", "errorMessage": text})
        if outcome.exit_code is None:
            text = f"{said}{outcome.reason or 'the container did not start'}"
            return Answer(failed=True, payload={"errorType": "Runtime.InvalidEntrypoint", "errorMessage": text})
        killed = outcome.reason == OUT_OF_MEMORY or outcome.exit_code == 137
        how = "signal: killed" if killed else f"exit status {outcome.exit_code}"
        text = f"{said}Runtime exited with error: {how}"
        return Answer(failed=True, payload={"errorType": "Runtime.ExitError", "errorMessage": text})

    def stop(self) -> None:
        """Ends the container at once."""
        self._runner.stop(self._handle, 0.0)
        self._thread.join(timeout=30)
        self._api.close()


class Environments:
    """All of the lane. Asked from the invoker's threads."""

    def __init__(self, context: EmulatorContext, runner: Runner) -> None:
        self._context = context
        self._runner = runner
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Environment]] = []
        self._stopping = ThreadPoolExecutor(max_workers=4, thread_name_prefix="function-ends")
        self._all: set[Environment] = set()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="function-keeper", daemon=True)
        self._keeper.start()

    def take(self, function: Function) -> Environment:
        """One that has nothing to do, or a new one."""
        with self._lock:
            for at, (_, one) in enumerate(self._idle):
                if one.function == function and not one.ended:
                    del self._idle[at]
                    return one
            while self._idle and len(self._all) >= MOST:
                self._end(self._idle.pop(0)[1])
        made = Environment(function, self._context, self._runner)
        with self._lock:
            self._all.add(made)
        return made

    def give_back(self, environment: Environment, *, current: Function | None) -> None:
        """Kept for the next event, unless the function has changed or the container has ended."""
        with self._lock:
            if environment.ended or current != environment.function or self._closed.is_set():
                self._end(environment)
            else:
                self._idle.append((time.monotonic(), environment))

    def discard(self, name: str) -> None:
        """Ends what waits of a function; what works ends when it is given back."""
        with self._lock:
            for entry in [entry for entry in self._idle if entry[1].function.name == name]:
                self._idle.remove(entry)
                self._end(entry[1])

    def close(self) -> None:
        self._closed.set()
        self._keeper.join(timeout=10)
        with self._lock:
            self._idle.clear()
            for one in list(self._all):
                self._end(one)
        self._stopping.shutdown(wait=True)
        self._runner.close()

    def _end(self, environment: Environment) -> None:
        self._all.discard(environment)
        self._stopping.submit(environment.stop)

    def _keep(self) -> None:
        kept_s = self._context.real_seconds(KEPT_S)
        while not self._closed.wait(max(0.5, kept_s / 10)):
            with self._lock:
                for entry in [entry for entry in self._idle if time.monotonic() - entry[0] > kept_s or entry[1].ended]:
                    self._idle.remove(entry)
                    self._end(entry[1])


def _nothing() -> None:
    pass
