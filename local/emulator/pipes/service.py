"""EventBridge Pipes of the lane: one thread asks the sources of all running pipes."""

from __future__ import annotations

import logging
import threading
from typing import Any

from moto.pipes.models import EventBridgePipesBackend, Pipe, PipeStatus, pipes_backends

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.events.targets import service_of
from local.emulator.pipes.queues import QueueReader
from local.emulator.pipes.streams import StreamReader
from local.emulator.pipes.submitter import Submitter
from local.emulator.substitute import Substitutions

POLL_S = 0.2
_log = logging.getLogger(__name__)


class EmulatedPipesBackend(EventBridgePipesBackend):
    """moto's, with states that follow what is desired; a stream's pipe runs once its reader has found its place."""

    def create_pipe(self, *_: Any, **given: Any) -> Pipe:
        pipe: Pipe = super().create_pipe(**given)
        pipe._transitions = []  # moto would go from state to state whenever it is looked at
        pipe.status = _state(pipe, PipeStatus.CREATING)
        return pipe

    def update_pipe(self, name: str, *_: Any, **given: Any) -> Pipe:
        before = self.describe_pipe(name)
        began = (before.source_parameters or {}).get("DynamoDBStreamParameters")
        wanted, was_running = given.get("source_parameters"), before.status == PipeStatus.RUNNING.value
        if began and wanted is not None:
            # where it began to read isn't in an update
            position = {"StartingPosition": began["StartingPosition"]}
            kept = {**position, **wanted.get("DynamoDBStreamParameters", {})}
            given["source_parameters"] = {**wanted, "DynamoDBStreamParameters": kept}
        pipe: Pipe = super().update_pipe(name=name, **given)
        if not (was_running and pipe.desired_state == PipeStatus.RUNNING.value):
            pipe.status = _state(pipe, PipeStatus.STARTING)
        return pipe

    def running(self) -> list[Pipe]:
        return [pipe for pipe in list(self.pipes.values()) if pipe.desired_state == PipeStatus.RUNNING.value]


def _state(pipe: Pipe, beginning: PipeStatus) -> str:
    runs = pipe.desired_state == PipeStatus.RUNNING.value
    return beginning.value if runs and service_of(pipe.source) == "dynamodb" else str(pipe.desired_state)


class PipesService:
    def __init__(self, context: EmulatorContext) -> None:
        self._context = context
        self._clients = Clients(endpoint=context.endpoint, region=context.region)
        submitter = Submitter(self._clients)
        self._streams = StreamReader(context, self._clients, submitter)
        self._readers: dict[str, QueueReader | StreamReader] = {
            "sqs": QueueReader(context, self._clients, submitter),
            "dynamodb": self._streams,
        }
        self._substitutions = Substitutions()
        self._substitutions.backend(pipes_backends, EmulatedPipesBackend)
        self._closed = threading.Event()
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="pipes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=10)
        self._substitutions.undo()

    def _run(self) -> None:
        while not self._closed.wait(POLL_S):
            backend: Any = pipes_backends[self._context.account][self._context.region]
            running: list[Pipe] = backend.running()
            self._streams.forget_others(running)
            for pipe in running:
                try:
                    while self._goes_on(pipe) and self._poll(pipe):
                        pass
                except Exception as error:
                    _log.warning("pipe %s can't read %s: %s", pipe.name, pipe.source, error)

    def _goes_on(self, pipe: Pipe) -> bool:
        """A pipe may be stopped or deleted while its queue is full."""
        return not self._closed.is_set() and pipe.desired_state == PipeStatus.RUNNING.value

    def _poll(self, pipe: Pipe) -> bool:
        reader = self._readers.get(service_of(pipe.source))
        if reader is None:
            _log.warning("pipe %s reads nothing: %s is no queue and no stream", pipe.name, pipe.source)
            return False
        return reader.poll(pipe)
