"""moto's Scheduler with AWS's checks; it hears of every schedule that is made, changed or deleted."""

from __future__ import annotations

import base64
import heapq
import json
from collections.abc import Callable
from typing import Any, NoReturn

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from botocore.session import Session
from moto.core.exceptions import JsonRESTError
from moto.scheduler.exceptions import ScheduleGroupNotFound
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule, ScheduleGroup

from jobs.schedule_times import ScheduleError, parse_schedule
from local.emulator.permissions import role_refusal
from local.emulator.scheduler.universal_target import (
    MAX_SUBMIT_JOB_BYTES,
    SUBMIT_JOB,
    Action,
    InputError,
    action_of,
    call_arguments,
)

PRINCIPAL = "scheduler.amazonaws.com"
_PAGE = 100
_botocore = Session()
_shapes: dict[Action, Any] = {}


def group_arn(schedule_arn: str) -> str:
    """`…:schedule/GROUP/NAME` → `…:schedule-group/GROUP`."""
    return schedule_arn.rpartition("/")[0].replace(":schedule/", ":schedule-group/")


def input_shape(action: Action) -> Any:
    """botocore's input shape of an action. Raises InputError for a service or an action it doesn't know."""
    if action not in _shapes:
        try:
            _shapes[action] = _botocore.get_service_model(action.service).operation_model(action.operation).input_shape
        except (UnknownServiceError, OperationNotFoundError) as error:
            raise InputError(f"Service {action.service} or its action {action.operation} doesn't exist") from error
    return _shapes[action]


def emulated_backend(changed: Callable[[Schedule | None, str, str], None]) -> type[EventBridgeSchedulerBackend]:
    """The class moto builds its Scheduler from; `changed(schedule, group, name)`, None for a schedule that is gone."""

    class EmulatedSchedulerBackend(EventBridgeSchedulerBackend):
        def create_schedule(self, *_: Any, **given: Any) -> Schedule:
            group = given["group_name"] or "default"
            if group not in self.schedule_groups:
                raise ScheduleGroupNotFound(group)
            _check(given, self.schedule_groups[group].arn)
            schedule = super().create_schedule(**given)
            changed(schedule, group, schedule.name)
            return schedule

        def update_schedule(self, *_: Any, **given: Any) -> Schedule:
            _check(given, self.get_schedule_group(given["group_name"]).arn)
            # UpdateSchedule replaces the whole schedule: a state that isn't given is ENABLED again.
            schedule = super().update_schedule(**{**given, "state": given["state"] or "ENABLED"})
            changed(schedule, schedule.group_name, schedule.name)
            return schedule

        def delete_schedule(self, group_name: str | None, name: str) -> None:
            super().delete_schedule(group_name, name)
            changed(None, group_name or "default", name)

        def list_schedules(  # type: ignore[override]
            self,
            group_names: list[str] | None,
            state: str | None,
            name_prefix: str | None = None,
            *,
            max_results: int | None = None,
            next_token: str | None = None,
        ) -> tuple[list[Schedule], str | None]:
            """By group and name; the token is the last one's, so a page is right whatever was deleted since."""
            size = _PAGE if max_results is None else max_results
            if not 1 <= size <= _PAGE:
                _refuse(f"MaxResults is {size}; it is 1 to {_PAGE}.")
            behind = None if next_token is None else _listed_until(next_token)
            groups = [one for name, one in self.schedule_groups.items() if not group_names or name in group_names]
            found = [
                one
                for group in groups
                for one in list(group.schedules.values())
                if (not state or one.state == state)
                and (not name_prefix or one.name.startswith(name_prefix))
                and (behind is None or (group.name, one.name) > behind)
            ]
            page = heapq.nsmallest(size + 1, found, key=_place)
            return page[:size], None if len(page) <= size else _token(_place(page[size - 1]))

        def create_schedule_group(self, name: str, tags: list[dict[str, str]]) -> ScheduleGroup:
            if name in self.schedule_groups:
                raise JsonRESTError("ConflictException", f"Schedule group {name} already exists.", code=409)
            return super().create_schedule_group(name, tags or [])

        def delete_schedule_group(self, name: str | None) -> None:
            group = self.get_schedule_group(name)
            if group.name == "default":
                _refuse("The default schedule group can't be deleted.")
            super().delete_schedule_group(name)
            for schedule in list(group.schedules.values()):
                changed(None, group.name, schedule.name)

    return EmulatedSchedulerBackend


def _place(schedule: Schedule) -> tuple[str, str]:
    return schedule.group_name, schedule.name


def _token(place: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _listed_until(token: str) -> tuple[str, str]:
    try:
        group, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        _refuse("The NextToken is invalid.")
    return str(group), str(name)


def _check(given: dict[str, Any], group_arn: str) -> None:
    expression = given["schedule_expression"]
    timezone = given["schedule_expression_timezone"] or "UTC"
    try:
        parse_schedule(expression, "UTC", anchor_s=0)
    except ScheduleError as error:
        _refuse(f"Invalid Schedule Expression {expression}. ({error})")
    try:
        parse_schedule(expression, timezone, anchor_s=0)
    except ScheduleError as error:
        _refuse(f"Invalid Schedule Expression Timezone {timezone}. ({error})")
    if given["start_date"] and given["end_date"] and float(given["start_date"]) >= float(given["end_date"]):
        _refuse("The EndDate you specify must come after the StartDate.")
    _check_target(given["target"], group_arn)


def _check_target(target: dict[str, Any], group_arn: str) -> None:
    action = action_of(target["Arn"])
    if action is not None:
        text = target.get("Input") or ""
        try:
            call_arguments(text, input_shape(action))
        except InputError as error:
            _refuse(str(error))
        if target["Arn"] == SUBMIT_JOB and len(text.encode()) > MAX_SUBMIT_JOB_BYTES:
            _refuse(f"The input has {len(text.encode())} bytes; SubmitJob takes {MAX_SUBMIT_JOB_BYTES}.")
    refused = role_refusal(
        target["RoleArn"], service=PRINCIPAL, action="sts:AssumeRole", resources=[], source_arn=group_arn
    )
    if refused is not None:
        _refuse(f"The execution role you provide must allow AWS EventBridge Scheduler to assume the role. ({refused})")


def _refuse(message: str) -> NoReturn:
    raise JsonRESTError("ValidationException", message)
