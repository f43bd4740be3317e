"""EventBridge of the lane: rules that deliver and schedules that fire."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.events.models import Rule, events_backends
from moto.events.responses import EventsHandler

from jobs.schedule_times import Schedule, ScheduleError, parse_schedule
from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.events.backend import emulated_backend, test_event_pattern
from local.emulator.events.delivery import Delivery
from local.emulator.events.dispatcher import Dispatcher, RuleView
from local.emulator.events.envelope import event_time, make_event
from local.emulator.events.targets import service_of
from local.emulator.permissions import function_refusal, queue_refusal, role_refusal, topic_refusal
from local.emulator.substitute import Substitutions

_PRINCIPAL = "events.amazonaws.com"
_log = logging.getLogger(__name__)


class EventsService:
    def __init__(self, context: EmulatorContext, *, closed: Callable[[EventsService], None]) -> None:
        self._context = context
        self._closed = closed
        self.clock = EmulatedClock(context.second_scale)
        self.dispatcher = Dispatcher(
            rules=self,
            clients=Clients(endpoint=context.endpoint, region=context.region),
            clock=self.clock,
            refusal=refusal,
        )
        self._timetable = Timetable(self.clock, name="events-schedules")
        self._substitutions = Substitutions()
        self._substitutions.backend(
            events_backends, emulated_backend(lambda event, bus: self.publish(event, bus=bus), self._rule_changed)
        )
        self._substitutions.attribute(EventsHandler, "test_event_pattern", _test_event_pattern)
        self._substitutions.attribute(EventsHandler, "update_event_bus", _update_event_bus)

    def publish(self, event: Mapping[str, Any], *, bus: str = "default") -> None:
        self.dispatcher.publish(event, bus=bus)

    def enabled_rules(self, bus: str) -> Iterable[RuleView]:
        backend: Any = events_backends[self._context.account][self._context.region]
        found: Iterable[RuleView] = backend.enabled_rules(bus)
        return found

    def close(self) -> None:
        self._closed(self)
        self._timetable.close()
        self.dispatcher.close()
        self._substitutions.undo()

    def _rule_changed(self, rule: Rule | None, name: str) -> None:
        if rule is not None and rule.event_bus_name != "default":
            return
        if rule is None or rule.state == "DISABLED" or not rule.scheduled_expression:
            self._timetable.cancel(name)
            return
        try:
            schedule = parse_schedule(rule.scheduled_expression, "UTC", anchor_s=self.clock.now_s())
        except ScheduleError:
            _log.exception("the schedule of %s can't be read", rule.arn)
            return
        self._plan(name, rule.arn, schedule, after_s=self.clock.now_s())

    def _plan(self, name: str, arn: str, schedule: Schedule, *, after_s: float) -> None:
        due_s = schedule.next_s(after_s)

        def fire() -> float | None:
            nonlocal due_s
            assert due_s is not None
            event = make_event(
                source="aws.events",
                detail_type="Scheduled Event",
                detail={},
                account=self._context.account,
                region=self._context.region,
                resources=[arn],
                time=event_time(schedule.moment(due_s)),
            )
            self.dispatcher.publish(event, only_rule=name)
            due_s = schedule.next_s(max(due_s, self.clock.now_s()))
            return due_s

        if due_s is not None:
            self._timetable.at(due_s, fire, key=name)


def refusal(delivery: Delivery) -> str | None:
    """Whether EventBridge may deliver: the target's role, or the queue's or topic's policy, must let it."""
    target = delivery.target
    arn = target["Arn"]
    match service_of(arn):
        case "batch":
            definition = (target.get("BatchParameters") or {}).get("JobDefinition", "")
            return role_refusal(
                target.get("RoleArn") or "",
                service=_PRINCIPAL,
                action="batch:SubmitJob",
                resources=[arn, definition_names(definition, arn)],
                source_arn=delivery.rule_arn,
            )
        case "firehose":
            return role_refusal(
                target.get("RoleArn") or "",
                service=_PRINCIPAL,
                action="firehose:PutRecord",
                resources=[arn],
                source_arn=delivery.rule_arn,
            )
        case "sqs":
            return queue_refusal(arn, service=_PRINCIPAL, source_arn=delivery.rule_arn)
        case "lambda":
            return function_refusal(arn, service=_PRINCIPAL, source_arn=delivery.rule_arn)
        case "sns":
            return topic_refusal(arn, service=_PRINCIPAL, source_arn=delivery.rule_arn)
    return None


def definition_names(definition: str, queue_arn: str) -> tuple[str, ...]:
    """The ARNs a policy may name a job definition by: with the revision, or without."""
    if not definition.startswith("arn:"):
        definition = ":".join([*queue_arn.split(":")[:5], f"job-definition/{definition}"])
    stem, _, name = definition.rpartition("/")
    bare = f"{stem}/{name.partition(':')[0]}"
    return (definition, bare) if ":" in name else (f"{bare}:1", bare)


def _test_event_pattern(handler: EventsHandler) -> tuple[str, dict[str, Any]]:
    result = test_event_pattern(handler._get_param("EventPattern"), handler._get_param("Event"))
    return json.dumps({"Result": result}), handler.response_headers


def _update_event_bus(handler: EventsHandler) -> tuple[str, dict[str, Any]]:
    names = ("Description", "KmsKeyIdentifier", "DeadLetterConfig")
    backend: Any = handler.events_backend
    bus = backend.update_event_bus(handler._get_param("Name"), {name: handler._get_param(name) for name in names})
    answer = {"Arn": bus.arn, "Name": bus.name} | {
        "Description": bus.description,
        "KmsKeyIdentifier": bus.kms_key_identifier,
        "DeadLetterConfig": bus.dead_letter_config,
    }
    return json.dumps({key: value for key, value in answer.items() if value}), handler.response_headers
