"""What all pipes do with what they read: a submission as the pipe's role, or a line in its log that says why not."""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.pipes.models import Pipe

from local.emulator.clients import Clients
from local.emulator.events.delivery import as_delivery_error
from local.emulator.events.service import definition_names
from local.emulator.events.targets import resource_of, service_of
from local.emulator.permissions import role_refusal
from local.emulator.pipes.execution import ExecutionError, credentials_needed, function_input, statement, submission

PRINCIPAL = "pipes.amazonaws.com"
_log = logging.getLogger(__name__)


def refusal(pipe: Pipe, action: str, *resources: str | tuple[str, ...]) -> str | None:
    """Why the pipe's role doesn't let it; None if it does."""
    return role_refusal(pipe.role_arn, service=PRINCIPAL, action=action, resources=resources, source_arn=pipe.arn)


class Submitter:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def submit(self, pipe: Pipe, event: Mapping[str, Any]) -> None:
        """Raises ExecutionError, or what Batch or Lambda answers."""
        if service_of(pipe.target) == "lambda":
            self._invoke(pipe, event)
            return
        if service_of(pipe.target) in ("redshift", "redshift-serverless"):
            self._run_statement(pipe, event)
            return
        parameters = (pipe.target_parameters or {}).get("BatchJobParameters")
        if service_of(pipe.target) != "batch" or not parameters:
            raise ExecutionError(f"{pipe.target}: the emulator's pipes submit jobs, with BatchJobParameters")
        job = submission(parameters, queue_arn=pipe.target, event=event)
        refused = refusal(pipe, "batch:SubmitJob", pipe.target, definition_names(job["jobDefinition"], pipe.target))
        if refused is not None:
            raise ExecutionError(refused)
        self._clients("batch").submit_job(**job)

    def _invoke(self, pipe: Pipe, event: Mapping[str, Any]) -> None:
        """A batch of one, as pipes hand it to functions: a list."""
        told = pipe.target_parameters or {}
        if (told.get("LambdaFunctionParameters") or {}).get("InvocationType") != "FIRE_AND_FORGET":
            raise ExecutionError(f"{pipe.target}: the emulator's pipes wait for no function: FIRE_AND_FORGET")
        text = function_input(told.get("InputTemplate"), event)
        refused = refusal(pipe, "lambda:InvokeFunction", pipe.target)
        if refused is not None:
            raise ExecutionError(refused)
        self._clients("lambda").invoke(
            FunctionName=resource_of(pipe.target), InvocationType="Event", Payload=f"[{text}]"
        )

    def _run_statement(self, pipe: Pipe, event: Mapping[str, Any]) -> None:
        parameters = (pipe.target_parameters or {}).get("RedshiftDataParameters")
        if not parameters:
            raise ExecutionError(f"{pipe.target}: the emulator's pipes run statements, with RedshiftDataParameters")
        asked = statement(parameters, target=pipe.target, event=event)
        action, resources = credentials_needed(pipe.target, asked)
        refused = refusal(pipe, "redshift-data:BatchExecuteStatement", pipe.target) or refusal(pipe, action, *resources)
        if refused is not None:
            raise ExecutionError(refused)
        self._clients("redshift-data").batch_execute_statement(**asked)

    def failed(self, pipe: Pipe, event: Mapping[str, Any], error: Exception) -> None:
        """Writes the reason into the pipe's log, where it has one."""
        reason = str(error) if isinstance(error, ExecutionError) else as_delivery_error(error).message
        _log.info("pipe %s submits nothing for %s: %s", pipe.name, event.get("messageId", event.get("eventID")), reason)
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
