"""EventBridge Scheduler of the lane: every enabled schedule is one entry of a timetable; what fires goes to a few
workers."""

from __future__ import annotations

import logging
import queue
import random
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.scheduler.models import Schedule as MotoSchedule
from moto.scheduler.models import scheduler_backends
from moto.scheduler.responses import EventBridgeSchedulerResponse

from jobs.schedule_times import Bounded, Schedule, ScheduleError, parse_bounded
from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.events.delivery import DeliveryError, RetryPolicy, as_delivery_error, pause_s
from local.emulator.events.envelope import event_time
from local.emulator.events.service import definition_names
from local.emulator.events.targets import queue_url, resource_of, service_of
from local.emulator.permissions import role_refusal
from local.emulator.scheduler.backend import PRINCIPAL, emulated_backend, group_arn, input_shape
from local.emulator.scheduler.routes import add_routes
from local.emulator.scheduler.universal_target import Action, InputError, action_of, call_arguments, with_context
from local.emulator.substitute import Substitutions

WORKERS = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One firing of one schedule on its way to the target."""

    schedule_arn: str
    group_arn: str
    target: Mapping[str, Any]
    scheduled_time: str
    execution_id: str
    due_s: float  # emulated, since 1970
    retries: int = 0

    def text(self) -> str:
        return with_context(
            self.target.get("Input") or "{}",
            schedule_arn=self.schedule_arn,
            scheduled_time=self.scheduled_time,
            execution_id=self.execution_id,
            attempt_number=self.retries + 1,
        )

    def refusal(self, action: str, resources: Sequence[str | tuple[str, ...]]) -> str | None:
        """Why the target's role can't do `action`; to its trust policy the schedule's group is the source."""
        return role_refusal(
            self.target["RoleArn"], service=PRINCIPAL, action=action, resources=resources, source_arn=self.group_arn
        )

    def dead_letter_attributes(self, error: DeliveryError, exhausted: str | None) -> dict[str, dict[str, str]]:
        """The message attributes Scheduler puts on what goes to a dead-letter queue."""
        texts = {
            "SCHEDULE_ARN": self.schedule_arn,
            "TARGET_ARN": self.target["Arn"],
            "SCHEDULED_TIME": self.scheduled_time,
            "EXECUTION_ID": self.execution_id,
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message[:2048] or error.code,
            "RETRY_ATTEMPTS": str(self.retries),
            "IS_PAYLOAD_TRUNCATED": "false",
        }
        if exhausted is not None:
            texts["EXHAUSTED_RETRY_CONDITION"] = exhausted
        return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}


@dataclass(frozen=True, kw_only=True)
class _Completed:
    """A schedule whose times are over and that is to be deleted then."""

    group: str
    name: str


class SchedulerService:
    def __init__(self, context: EmulatorContext) -> None:
        self._context = context
        self._clients = Clients(endpoint=context.endpoint, region=context.region)
        self.clock = EmulatedClock(context.second_scale)
        self.timetable = Timetable(self.clock, name="scheduler")
        self._work: queue.SimpleQueue[Invocation | _Completed | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"scheduler-{number}", daemon=True) for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()
        self._substitutions = Substitutions()
        self._substitutions.backend(scheduler_backends, emulated_backend(self._changed))
        self._substitutions.attribute(
            EventBridgeSchedulerResponse,
            "update_schedule",
            _with_completion(EventBridgeSchedulerResponse.update_schedule),
        )
        add_routes(self._substitutions, self.fire)

    def fire(self, group: str, name: str) -> str:
        """Fires a schedule now, enabled or not, and leaves its times as they are; the execution id. Raises moto's
        ScheduleNotFound or ScheduleGroupNotFound."""
        backend = scheduler_backends[self._context.account][self._context.region]
        schedule = backend.get_schedule(group, name)
        return self._invoke(schedule, self.clock.now_s())

    def close(self) -> None:
        self.timetable.close()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(timeout=10)
        self._substitutions.undo()

    # Times --------------------------------------------------------------------------------------------------------

    def _changed(self, schedule: MotoSchedule | None, group: str, name: str) -> None:
        key = (group, name)
        self.timetable.cancel(key)
        if schedule is None or schedule.state == "DISABLED":
            return
        now_s = self.clock.now_s()
        try:
            times = parse_bounded(
                schedule.schedule_expression,
                schedule.schedule_expression_timezone,
                made_s=now_s,
                start_s=_moment_s(schedule.start_date),
                end_s=_moment_s(schedule.end_date),
            )
        except ScheduleError:
            _log.exception("the schedule %s can't be read", schedule.arn)
            return
        self._plan(key, schedule, times, after_s=now_s)

    def _plan(self, key: tuple[str, str], schedule: MotoSchedule, times: Bounded, *, after_s: float) -> None:
        window_s = 60.0 * ((schedule.flexible_time_window or {}).get("MaximumWindowInMinutes") or 0)

        def next_s(after_s: float) -> float | None:
            due_s = times.next_s(after_s)
            if due_s is None:
                self._complete(key, schedule)
            return due_s

        due_s = next_s(after_s)

        def act() -> float | None:
            nonlocal due_s
            assert due_s is not None
            self._invoke(schedule, due_s)
            # what has become due while others fired is late, not missed
            due_s = next_s(due_s)
            return None if due_s is None else due_s + random.uniform(0, window_s)

        if due_s is not None:
            self.timetable.at(due_s + random.uniform(0, window_s), act, key=key)

    def _complete(self, key: tuple[str, str], schedule: MotoSchedule) -> None:
        """A schedule without more times is deleted if it asked for that: by a worker, through the API and its lock."""
        if schedule.action_after_completion == "DELETE":
            self._work.put(_Completed(group=key[0], name=key[1]))

    # Invocations --------------------------------------------------------------------------------------------------

    def _invoke(self, schedule: MotoSchedule, due_s: float) -> str:
        execution_id = secrets.token_hex(8)
        self._work.put(
            Invocation(
                schedule_arn=schedule.arn,
                group_arn=group_arn(schedule.arn),
                target=dict(schedule.target),
                scheduled_time=event_time(Schedule.moment(due_s)),
                execution_id=execution_id,
                due_s=due_s,
            )
        )
        return execution_id

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            if isinstance(item, _Completed):
                self._delete(item)
                continue
            try:
                self._call(item)
            except Exception as error:
                self._fail(item, as_delivery_error(error))

    def _delete(self, completed: _Completed) -> None:
        try:
            self._clients("scheduler").delete_schedule(GroupName=completed.group, Name=completed.name)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s of %s can't be deleted: %s", completed.name, completed.group, error)

    def _call(self, invocation: Invocation) -> None:
        target = invocation.target
        text = invocation.text()
        action = action_of(target["Arn"])
        if action is None:
            self._call_templated(invocation, text)
            return
        try:
            arguments = call_arguments(text, input_shape(action))
        except InputError as error:
            raise DeliveryError("INVALID_PARAMETER", str(error)) from error
        refused = _refusal(invocation, action, arguments, self._context)
        if refused is not None:
            raise DeliveryError("NO_PERMISSIONS", refused)
        client = self._clients(action.service)
        method = next(python for python, name in client.meta.method_to_api_mapping.items() if name == action.operation)
        getattr(client, method)(**arguments)

    def _call_templated(self, invocation: Invocation, text: str) -> None:
        arn = invocation.target["Arn"]
        service = service_of(arn)
        if service == "sqs":
            _require(invocation, "sqs:SendMessage")
            self._clients("sqs").send_message(QueueUrl=queue_url(self._clients, arn), MessageBody=text)
        elif service == "sns":
            _require(invocation, "sns:Publish")
            self._clients("sns").publish(TopicArn=arn, Message=text)
        elif service == "firehose":
            _require(invocation, "firehose:PutRecord")
            stream = resource_of(arn)
            self._clients("firehose").put_record(DeliveryStreamName=stream, Record={"Data": text.encode()})
        elif service == "lambda":
            _require(invocation, "lambda:InvokeFunction")
            self._clients("lambda").invoke(FunctionName=resource_of(arn), InvocationType="Event", Payload=text)
        else:
            raise DeliveryError(
                "UNSUPPORTED_TARGET",
                f"{arn}: the emulator calls universal targets (aws-sdk:…), sqs, sns, firehose and lambda",
            )

    def _fail(self, invocation: Invocation, error: DeliveryError) -> None:
        exhausted: str | None = None
        if error.retried:
            policy = RetryPolicy.of(invocation.target)
            age_s = self.clock.now_s() - invocation.due_s
            exhausted = policy.exhausted(retries=invocation.retries, age_s=age_s)
            if exhausted is None:
                again = replace(invocation, retries=invocation.retries + 1)
                self.timetable.at(self.clock.now_s() + pause_s(invocation.retries), lambda: self._work.put(again))
                return
        self._dead_letter(invocation, error, exhausted)

    def _dead_letter(self, invocation: Invocation, error: DeliveryError, exhausted: str | None) -> None:
        what = f"{invocation.schedule_arn} of {invocation.scheduled_time}: {error.code}: {error}"
        target = invocation.target
        arn = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not arn:
            _log.warning("dropped without a dead-letter queue: %s", what)
            return
        # Scheduler writes to the dead-letter queue as the target's role, not by the queue's policy.
        refused = invocation.refusal("sqs:SendMessage", [arn])
        if refused is not None:
            _log.warning("dropped: %s; and %s", what, refused)
            return
        try:
            self._clients("sqs").send_message(
                QueueUrl=queue_url(self._clients, arn),
                MessageBody=invocation.text(),
                MessageAttributes=invocation.dead_letter_attributes(error, exhausted),
            )
            _log.info("dead-lettered: %s", what)
        except Exception:
            _log.exception("dropped, the dead-letter queue %s didn't take it: %s", arn, what)


def _moment_s(date: Any) -> float | None:
    return float(date) if date else None


def _with_completion(
    moto: Callable[[EventBridgeSchedulerResponse], str],
) -> Callable[[EventBridgeSchedulerResponse], str]:
    """UpdateSchedule: moto ignores ActionAfterCompletion."""

    def update_schedule(self: EventBridgeSchedulerResponse) -> str:
        answer = moto(self)
        name = self.uri.split("?")[0].split("/")[-1]
        schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
        schedule.action_after_completion = self._get_param("ActionAfterCompletion")
        return answer

    return update_schedule


def _require(invocation: Invocation, action: str) -> None:
    """Raises DeliveryError unless the schedule's role may do `action` on its target."""
    refused = invocation.refusal(action, [invocation.target["Arn"]])
    if refused is not None:
        raise DeliveryError("NO_PERMISSIONS", refused)


def _refusal(
    invocation: Invocation, action: Action, arguments: Mapping[str, Any], context: EmulatorContext
) -> str | None:
    """Whether the target's role may submit the job; other universal targets are called as they are."""
    if (action.service, action.operation) != ("batch", "SubmitJob"):
        return None
    queue_arn = arguments["jobQueue"]
    if not queue_arn.startswith("arn:"):
        queue_arn = f"arn:aws:batch:{context.region}:{context.account}:job-queue/{queue_arn}"
    names = definition_names(arguments["jobDefinition"], queue_arn)
    return invocation.refusal("batch:SubmitJob", [queue_arn, names])
