"""EventBridge Pipes of the lane: one thread asks the queues of all running pipes, one message a submission.

A message that makes no job stays in its queue: it is received again after the queue's visibility timeout, and after the
redrive policy's count moves to the dead-letter queue, which is SQS's doing. The pipe's log says why.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.pipes.models import EventBridgePipesBackend, Pipe, PipeStatus, pipes_backends

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.events.delivery import as_delivery_error
from local.emulator.events.service import definition_names
from local.emulator.events.targets import queue_url, resource_of, service_of
from local.emulator.permissions import role_refusal
from local.emulator.pipes.execution import ExecutionError, event_of, function_input, submission
from local.emulator.substitute import Substitutions

PRINCIPAL = "pipes.amazonaws.com"
POLL_S = 0.2
_READING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_log = logging.getLogger(__name__)


class EmulatedPipesBackend(EventBridgePipesBackend):
    """moto's, with states that follow what is desired."""

    def create_pipe(self, *_: Any, **given: Any) -> Pipe:
        pipe: Pipe = super().create_pipe(**given)
        pipe._transitions = []  # moto would go from state to state whenever it is looked at
        pipe.status = pipe.desired_state
        return pipe

    def update_pipe(self, *_: Any, **given: Any) -> Pipe:
        pipe: Pipe = super().update_pipe(**given)
        pipe.status = pipe.desired_state
        return pipe

    def running(self) -> list[Pipe]:
        return [pipe for pipe in list(self.pipes.values()) if pipe.desired_state == PipeStatus.RUNNING.value]


class PipesService:
    def __init__(self, context: EmulatorContext) -> None:
        self._context = context
        self._clients = Clients(endpoint=context.endpoint, region=context.region)
        self._substitutions = Substitutions()
        self._substitutions.backend(pipes_backends, EmulatedPipesBackend)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=10)
        self._substitutions.undo()

    def _run(self) -> None:
        while not self._closed.wait(POLL_S):
            backend: Any = pipes_backends[self._context.account][self._context.region]
            for pipe in backend.running():
                try:
                    while self._goes_on(pipe) and self._poll(pipe):
                        pass
                except Exception as error:
                    _log.warning("pipe %s can't read %s: %s", pipe.name, pipe.source, error)

    def _goes_on(self, pipe: Pipe) -> bool:
        """A pipe may be stopped or deleted while its queue is full."""
        return not self._closed.is_set() and pipe.desired_state == PipeStatus.RUNNING.value

    def _poll(self, pipe: Pipe) -> bool:
        """Takes a few messages; whether there were any."""
        refused = role_refusal(
            pipe.role_arn, service=PRINCIPAL, action=_READING[0], resources=[pipe.source], source_arn=pipe.arn
        )
        if refused is not None or service_of(pipe.source) != "sqs":
            _log.warning("pipe %s reads nothing: %s", pipe.name, refused or f"{pipe.source} is no queue")
            return False
        sqs = self._clients("sqs")
        url = queue_url(self._clients, pipe.source)
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages = received.get("Messages", [])
        for message in messages:
            event = event_of(message, queue_arn=pipe.source, region=self._context.region)
            try:
                self._submit(pipe, event)
            except Exception as error:
                self._failed(pipe, event, error)
                self._give_back(url, message)
            else:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    def _submit(self, pipe: Pipe, event: Mapping[str, Any]) -> None:
        if service_of(pipe.target) == "lambda":
            self._invoke(pipe, event)
            return
        parameters = (pipe.target_parameters or {}).get("BatchJobParameters")
        if service_of(pipe.target) != "batch" or not parameters:
            raise ExecutionError(f"{pipe.target}: the emulator's pipes submit jobs, with BatchJobParameters")
        job = submission(parameters, queue_arn=pipe.target, event=event)
        self._require(pipe, "batch:SubmitJob", [pipe.target, definition_names(job["jobDefinition"], pipe.target)])
        self._clients("batch").submit_job(**job)

    def _invoke(self, pipe: Pipe, event: Mapping[str, Any]) -> None:
        """A batch of one, as pipes hand it to functions: a list."""
        told = pipe.target_parameters or {}
        if (told.get("LambdaFunctionParameters") or {}).get("InvocationType") != "FIRE_AND_FORGET":
            raise ExecutionError(f"{pipe.target}: the emulator's pipes wait for no function: FIRE_AND_FORGET")
        text = function_input(told.get("InputTemplate"), event)
        self._require(pipe, "lambda:InvokeFunction", [pipe.target])
        self._clients("lambda").invoke(
            FunctionName=resource_of(pipe.target), InvocationType="Event", Payload=f"[{text}]"
        )

    @staticmethod
    def _require(pipe: Pipe, starting: str, target: list[str | tuple[str, ...]]) -> None:
        """Raises ExecutionError unless the pipe's role may read its source, and do this with its target."""
        wanted: list[tuple[str, list[str | tuple[str, ...]]]] = [(one, [pipe.source]) for one in _READING]
        for action, resources in [*wanted, (starting, target)]:
            refused = role_refusal(
                pipe.role_arn, service=PRINCIPAL, action=action, resources=resources, source_arn=pipe.arn
            )
            if refused is not None:
                raise ExecutionError(refused)

    def _give_back(self, url: str, message: Mapping[str, Any]) -> None:
        """The message is seen again after the queue's timeout on the emulated clock."""
        sqs = self._clients("sqs")
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        timeout_s = int(asked["Attributes"]["VisibilityTimeout"]) * self._context.second_scale
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=max(1, round(timeout_s))
        )

    def _failed(self, pipe: Pipe, event: Mapping[str, Any], error: Exception) -> None:
        reason = str(error) if isinstance(error, ExecutionError) else as_delivery_error(error).message
        _log.info("pipe %s submits nothing for message %s: %s", pipe.name, event["messageId"], reason)
        wanted = pipe.log_configuration or {}
        group_arn = (wanted.get("CloudwatchLogsLogDestination") or {}).get("LogGroupArn")
        if not group_arn or wanted.get("Level") in (None, "OFF"):
            return
        line: dict[str, Any] = {
            "resourceArn": pipe.arn,
            "timestamp": round(datetime.now(UTC).timestamp() * 1000),
            "executionId": str(uuid.uuid4()),
            "messageType": "ExecutionFailed",
            "logLevel": "ERROR",
            "error": {"message": reason},
        }
        if "ALL" in (wanted.get("IncludeExecutionData") or ()):
            line["payload"] = json.dumps([dict(event)], ensure_ascii=False)
        try:
            self._write(resource_of(group_arn), pipe.name, line)
        except Exception:
            _log.exception("the log %s of pipe %s can't be written", group_arn, pipe.name)

    def _write(self, group: str, stream: str, line: Mapping[str, Any]) -> None:
        logs = self._clients("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        text = json.dumps(line, ensure_ascii=False)
        logs.put_log_events(
            logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": line["timestamp"], "message": text}]
        )
