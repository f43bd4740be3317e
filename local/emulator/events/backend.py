"""moto's EventBridge with our patterns, checks, publishing and schedules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventBus, EventsBackend, Rule

from jobs.event_rules.pattern import PatternError, parse_pattern
from jobs.schedule_times import ScheduleError, parse_schedule
from local.emulator.events.dispatcher import RuleView
from local.emulator.events.envelope import event_time, make_event
from local.emulator.events.targets import ROLE_REQUIRED, service_of
from local.emulator.events.transformer import TargetInputError, check_input

MAX_TARGETS = 5
_REQUIRED = ("Source", "DetailType", "Detail")


def emulated_backend(
    publish: Callable[[Mapping[str, Any], str], None], rule_changed: Callable[[Rule | None, str], None]
) -> type[EventsBackend]:
    """The class moto builds its EventBridge from. `publish(event, bus)` takes what PutEvents brings;
    `rule_changed(rule, name)` hears of every rule that is put, switched or deleted (None)."""

    class EmulatedEventsBackend(EventsBackend):
        def put_rule(self, name: str, *arguments: Any, **options: Any) -> Rule:
            pattern = options.get("event_pattern")
            if pattern:
                _check_pattern(pattern)
            if options.get("scheduled_expression"):
                _check_schedule(options["scheduled_expression"])
            rule = super().put_rule(name, *arguments, **options)
            rule_changed(rule, name)
            return rule

        def delete_rule(self, name: str, event_bus_arn: str | None) -> None:
            super().delete_rule(name, event_bus_arn)
            if self._normalize_event_bus_arn(event_bus_arn) == "default":
                rule_changed(None, name)

        def disable_rule(self, name: str, event_bus_arn: str | None) -> bool:
            return self._switched(name, event_bus_arn, super().disable_rule(name, event_bus_arn))

        def enable_rule(self, name: str, event_bus_arn: str | None) -> bool:
            return self._switched(name, event_bus_arn, super().enable_rule(name, event_bus_arn))

        def _switched(self, name: str, event_bus_arn: str | None, found: bool) -> bool:
            if found:
                rule_changed(self.describe_rule(name, event_bus_arn), name)
            return found

        def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
            for target in targets:
                _check_target(target)
            rule = self.describe_event_bus(self._normalize_event_bus_arn(event_bus_arn)).rules.get(name)
            if rule is not None:
                ids = {target["Id"] for target in rule.targets} | {target["Id"] for target in targets}
                if len(ids) > MAX_TARGETS:
                    raise JsonRESTError(
                        "LimitExceededException", "The requested resource exceeds the maximum number allowed."
                    )
            super().put_targets(name, event_bus_arn, targets)

        def put_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if len(events) > 10:
                raise ValidationException(
                    "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy "
                    "constraint: Member must have length less than or equal to 10"
                )
            return [self._put_event(entry) for entry in events]

        def _put_event(self, entry: Mapping[str, Any]) -> dict[str, Any]:
            refused = _entry_error(entry)
            if refused is not None:
                return refused
            bus = self._normalize_event_bus_arn(entry.get("EventBusName"))
            self.describe_event_bus(bus)
            event = make_event(
                source=entry["Source"],
                detail_type=entry["DetailType"],
                detail=json.loads(entry["Detail"]),
                account=self.account_id,
                region=self.region_name,
                resources=entry.get("Resources") or [],
                time=_entry_time(entry.get("Time")),
            )
            publish(event, bus)
            return {"EventId": event["id"]}

        def update_event_bus(self, name: str | None, changes: Mapping[str, Any]) -> EventBus:
            """UpdateEventBus: what the request leaves out is removed, as on AWS."""
            bus: EventBus = self.describe_event_bus(name or "default")
            bus.description = changes.get("Description")
            bus.kms_key_identifier = changes.get("KmsKeyIdentifier")
            bus.dead_letter_config = changes.get("DeadLetterConfig")
            bus.last_modified_time = datetime.now(UTC).timestamp()
            return bus

        def enabled_rules(self, bus: str) -> Iterable[RuleView]:
            found = self.event_buses.get(bus)
            for rule in list(found.rules.values()) if found else []:
                if rule.state != "DISABLED":
                    yield RuleView(
                        arn=rule.arn, name=rule.name, pattern=rule.event_pattern.dump(), targets=tuple(rule.targets)
                    )

    return EmulatedEventsBackend


def test_event_pattern(pattern: str, event: str) -> bool:
    """TestEventPattern. Raises AWS's errors for a pattern or an event that can't be read."""
    _check_pattern(pattern)
    try:
        parsed = json.loads(event)
    except json.JSONDecodeError:
        raise ValidationException("Parameter Event is not valid.") from None
    return parse_pattern(pattern).matches(parsed)


def _check_pattern(text: str) -> None:
    try:
        parse_pattern(text)
    except PatternError as error:
        raise InvalidEventPatternException(reason=str(error)) from error


def _check_schedule(expression: str) -> None:
    try:
        once = parse_schedule(expression, "UTC", anchor_s=0).once
    except ScheduleError as error:
        raise ValidationException("Parameter ScheduleExpression is not valid.") from error
    if once:
        raise ValidationException("Parameter ScheduleExpression is not valid.")


def _check_target(target: Mapping[str, Any]) -> None:
    try:
        check_input(target)
    except TargetInputError as error:
        raise ValidationException(str(error)) from error
    service = service_of(target["Arn"])
    if service in ROLE_REQUIRED and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
    if service == "batch":
        _check_batch(target)


def _check_batch(target: Mapping[str, Any]) -> None:
    parameters = target.get("BatchParameters")
    if not parameters:
        raise ValidationException(f"Parameter(s) BatchParameters must be specified for target: {target['Id']}.")
    size = (parameters.get("ArrayProperties") or {}).get("Size")
    if size is not None and not 2 <= size <= 10_000:
        raise ValidationException(f"ArrayProperties.Size for target {target['Id']} is {size}; it must be 2 to 10000.")
    attempts = (parameters.get("RetryStrategy") or {}).get("Attempts")
    if attempts is not None and not 1 <= attempts <= 10:
        raise ValidationException(
            f"RetryStrategy.Attempts for target {target['Id']} is {attempts}; it must be 1 to 10."
        )


def _entry_error(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    for name in _REQUIRED:
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = json.loads(entry["Detail"])
    except json.JSONDecodeError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def _entry_time(given: Any) -> str | None:
    if given is None:
        return None
    if isinstance(given, (int, float)):
        return event_time(datetime.fromtimestamp(given, UTC))
    return event_time(datetime.fromisoformat(str(given)))
