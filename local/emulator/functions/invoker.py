"""Events on their way to functions: tried, tried again, told of, or put with the dead letters."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from local.emulator.capacity import FunctionRun
from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.events.envelope import make_event
from local.emulator.events.targets import queue_url, service_of
from local.emulator.functions.environments import MOST, Environments, Result
from local.emulator.functions.function import Function
from local.emulator.permissions import role_refusal

PRINCIPAL = "lambda.amazonaws.com"
# emulated seconds before the second try and the third (Lambda Developer Guide, invocation-async)
PAUSES_S = (60.0, 120.0)
# what a message's attribute takes of an error
MAX_ERROR_CHARACTERS = 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One event, as it came."""

    lookup: Callable[[], Function | None]
    payload: str
    request_id: str
    # emulated, since 1970
    came_s: float
    tries: int = 0


class Invoker:
    def __init__(self, context: EmulatorContext, clients: Clients, environments: Environments) -> None:
        self._context = context
        self._clients = clients
        self._environments = environments
        self.clock = EmulatedClock(context.second_scale)
        self._timetable = Timetable(self.clock, name="function-retries")
        self._workers = ThreadPoolExecutor(max_workers=MOST, thread_name_prefix="function-events")
        self._closing = False

    def start(self, lookup: Callable[[], Function | None], payload: str) -> str:
        """Takes an event; its request id. Returns at once."""
        request_id = str(uuid.uuid4())
        self._put(Waiting(lookup=lookup, payload=payload, request_id=request_id, came_s=self.clock.now_s()))
        return request_id

    def close(self) -> None:
        """Ends before what is queued; what runs ends with its container."""
        self._closing = True
        self._timetable.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _put(self, event: Waiting) -> None:
        if not self._closing:
            self._workers.submit(self._try, event)

    def _try(self, event: Waiting) -> None:
        try:
            function = event.lookup()
            if function is None:
                _log.warning("event %s is dropped: its function is gone", event.request_id)
                return
            result = self._invoke(function, event)
            if self._closing:
                return
            self._tell_watchers(function, event, result)
            self._settle(function, replace(event, tries=event.tries + 1), result)
        except Exception:
            _log.exception("event %s is lost", event.request_id)

    def _invoke(self, function: Function, event: Waiting) -> Result:
        environment = self._environments.take(function)
        try:
            return environment.invoke(event.request_id, event.payload)
        finally:
            self._environments.give_back(environment, current=event.lookup())

    def _tell_watchers(self, function: Function, event: Waiting, result: Result) -> None:
        run = FunctionRun(
            account=self._context.account,
            region=self._context.region,
            architecture=function.architecture,
            memory_mib=function.memory_mib,
            tags=function.tags,
            began_at_ms=result.began_ms,
            billed_ms=result.billed_ms,
        )
        for watcher in self._context.function_watchers:
            watcher.function_ran(run)
        self._report(function, event, result)

    def _report(self, function: Function, event: Waiting, result: Result) -> None:
        """The line with which Lambda ends a run; how much memory was used it doesn't say here."""
        parts = [
            f"REPORT RequestId: {event.request_id}",
            f"Duration: {result.duration_ms:.2f} ms",
            f"Billed Duration: {result.billed_ms} ms",
            f"Memory Size: {function.memory_mib} MB",
        ]
        if result.init_ms is not None:
            parts.append(f"Init Duration: {result.init_ms:.2f} ms")
        if result.error is not None:
            parts.append(f"Status: error\tError Type: {result.payload.get('errorType', '')}")
        line = {"timestamp": int(time.time() * 1000), "message": "\t".join(parts)}
        try:
            self._clients("logs").put_log_events(
                logGroupName=function.log_group, logStreamName=result.log_stream, logEvents=[line]
            )
        except Exception as error:
            _log.warning("the log %s of %s can't be written: %s", result.log_stream, function.name, error)

    def _settle(self, function: Function, event: Waiting, result: Result) -> None:
        if result.error is None:
            self._tell(function, event, result, "OnSuccess", "Success")
            return
        age_s = self.clock.now_s() - event.came_s
        if event.tries <= function.max_retries and age_s < function.max_age_s:
            pause_s = PAUSES_S[min(event.tries, len(PAUSES_S)) - 1]
            self._timetable.at(self.clock.now_s() + pause_s, lambda: self._put(event))
            return
        condition = "RetriesExhausted" if event.tries > function.max_retries else "EventAgeExceeded"
        self._dead_letter(function, event, result)
        self._tell(function, event, result, "OnFailure", condition)

    def _dead_letter(self, function: Function, event: Waiting, result: Result) -> None:
        """The event as it came, with the attributes of a function's dead letters."""
        arn = function.dead_letters_arn
        if arn is None:
            return
        if self._refused(function, "sqs:SendMessage", arn):
            return
        why = str(result.payload.get("errorMessage", ""))[:MAX_ERROR_CHARACTERS] or "unknown"
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": event.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": why},
        }
        self._clients("sqs").send_message(
            QueueUrl=queue_url(self._clients, arn), MessageBody=event.payload, MessageAttributes=attributes
        )

    def _tell(self, function: Function, event: Waiting, result: Result, end: str, condition: str) -> None:
        """The record of the event's end, to the function's destination for it."""
        arn = function.destinations.get(end)
        if arn is None:
            return
        record = invocation_record(function, event, result, condition)
        service = service_of(arn)
        if service == "events":
            if not self._refused(function, "events:PutEvents", arn):
                _publish(
                    make_event(
                        source="lambda",
                        detail_type=f"Lambda Function Invocation Result - {end.removeprefix('On')}",
                        detail=record,
                        account=self._context.account,
                        region=self._context.region,
                        resources=[arn, f"{function.arn}:$LATEST"],
                    )
                )
        elif service == "sqs":
            if not self._refused(function, "sqs:SendMessage", arn):
                url = queue_url(self._clients, arn)
                self._clients("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(record))
        else:
            _log.warning("%s: the emulator's functions tell event buses and queues, not %s", function.name, arn)

    @staticmethod
    def _refused(function: Function, action: str, arn: str) -> bool:
        refused = role_refusal(function.role, service=PRINCIPAL, action=action, resources=[arn])
        if refused is not None:
            _log.warning("%s: %s", function.name, refused)
        return refused is not None


def invocation_record(function: Function, event: Waiting, result: Result, condition: str) -> dict[str, Any]:
    """What a destination is told (Lambda Developer Guide, invocation-async-retain-records)."""
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if result.error is not None:
        response["functionError"] = result.error
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.tries,
        },
        "requestPayload": json.loads(event.payload or "{}"),
        "responseContext": response,
        "responsePayload": result.payload,
    }


def _publish(event: Mapping[str, object]) -> None:
    # imported when first used, so that functions can be tested without EventBridge
    from local.emulator import events

    events.publish(event)
