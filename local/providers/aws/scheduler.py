"""EventBridge Scheduler: schedules and their groups."""

from __future__ import annotations

import re

from local.providers.aws.calls import found_or_none, retag, rfc3339, tag_list, tag_map
from local.providers.aws.events_shapes import FLEXIBLE_TIME_WINDOW, SCHEDULE_TARGET
from local.providers.aws.shapes import Field, block, from_service, pascal, to_service
from local.providers.aws.waiting import Status, retry_while, wait_for_status
from local.providers.framework import AutoName, Context, Invoke, Plan, Props, ProviderError, ResourceType, name_prefix

_ABSENT = ("ResourceNotFoundException",)
_SCHEDULE = pascal(
    "actionAfterCompletion",
    "description",
    "groupName",
    "kmsKeyArn",
    "scheduleExpression",
    "scheduleExpressionTimezone",
    "state",
    endDate=Field(name="EndDate", encode=str, decode=rfc3339),
    startDate=Field(name="StartDate", encode=str, decode=rfc3339),
    flexibleTimeWindow=block("FlexibleTimeWindow", FLEXIBLE_TIME_WINDOW),
    target=block("Target", SCHEDULE_TARGET),
)


def _create(context: Context, inputs: Props) -> str:
    name = context.physical_name(inputs)
    client = context.client("scheduler")
    retry_while(
        context,
        f"EventBridge Scheduler Schedule ({name}) create",
        lambda: client.create_schedule(Name=name, **to_service(_SCHEDULE, inputs)),
        ("The execution role you provide must allow AWS EventBridge Scheduler to assume the role",),
        timeout_s=120,
    )
    return f"{inputs.get('groupName') or 'default'}/{name}"


def _key(schedule_id: str) -> dict[str, str]:
    group, slash, name = schedule_id.partition("/")
    if not slash or not name:
        raise ProviderError(f"unexpected format of ID ({schedule_id}), expected group-name/name")
    return {"GroupName": group, "Name": name}


def _read(context: Context, schedule_id: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("scheduler").get_schedule(**_key(schedule_id)), *_ABSENT)
    if answer is None:
        return None
    unset = dict.fromkeys(_SCHEDULE)  # a property the schedule doesn't have is dropped from the state
    read = {**unset, **from_service(_SCHEDULE, answer)}
    return {**read, "name": answer["Name"], "namePrefix": name_prefix(answer["Name"]), "arn": answer["Arn"]}


def _update(context: Context, schedule_id: str, old: Props, new: Props) -> None:
    # UpdateSchedule replaces the whole object: what isn't sent falls back to the service's default
    context.client("scheduler").update_schedule(**{**to_service(_SCHEDULE, new), **_key(schedule_id)})


def _delete(context: Context, schedule_id: str, state: Props) -> None:
    context.client("scheduler").delete_schedule(**_key(schedule_id))


def _create_group(context: Context, inputs: Props) -> str:
    name = context.physical_name(inputs)
    context.client("scheduler").create_schedule_group(Name=name, Tags=tag_list(inputs.get("tagsAll")))
    return name


def _read_group(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("scheduler")
    answer = found_or_none(lambda: client.get_schedule_group(Name=name), *_ABSENT)
    if answer is None or answer["State"] == "DELETING":
        return None
    return {
        "name": answer["Name"],
        "namePrefix": name_prefix(answer["Name"]),
        "arn": answer["Arn"],
        "state": answer["State"],
        "creationDate": rfc3339(answer["CreationDate"]),
        "lastModificationDate": rfc3339(answer["LastModificationDate"]),
        "tagsAll": tag_map(client.list_tags_for_resource(ResourceArn=answer["Arn"]).get("Tags")),
    }


def _update_group(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("scheduler")
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(ResourceArn=old["arn"], Tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(ResourceArn=old["arn"], TagKeys=keys),
    )


def _delete_group(context: Context, name: str, state: Props) -> None:
    client = context.client("scheduler")
    client.delete_schedule_group(Name=name)

    def look() -> Status | None:
        answer = found_or_none(lambda: client.get_schedule_group(Name=name), *_ABSENT)
        return None if answer is None else (answer["State"], "")

    # its schedules go with it, which takes the service a while
    wait_for_status(
        context, f"EventBridge Scheduler Schedule Group ({name}) delete", look, pending=("DELETING",), target=()
    )


def _plan_schedule(plan: Plan) -> None:
    window = plan.new.get("flexibleTimeWindow")
    if isinstance(window, dict) and window.get("mode") == "OFF" and window.get("maximumWindowInMinutes"):
        plan.fail("flexible_time_window.maximum_window_in_minutes can't be set while its mode is OFF")


def _name_problem(name: str) -> str | None:
    if re.fullmatch(r"[0-9A-Za-z_.-]{1,64}", name):
        return None
    return f"{name!r} is no name for EventBridge Scheduler; allowed: 1 to 64 letters, digits, -, _ and ."


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:scheduler/schedule:Schedule",
        label="EventBridge Scheduler Schedule",
        inputs=frozenset({"name", "namePrefix", *_SCHEDULE}),
        required=frozenset({"flexibleTimeWindow", "scheduleExpression", "target"}),
        outputs=frozenset({"arn"}),
        computed=frozenset({"name", "namePrefix", "groupName", "actionAfterCompletion", "target.retryPolicy"}),
        defaults={"scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
        auto_name=AutoName(),
        replace=frozenset({"name", "namePrefix", "groupName"}),
        at_most_one_of=(("name", "namePrefix"),),
        checks={"name": _name_problem},
        plan=_plan_schedule,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
    ResourceType(
        token="aws:scheduler/scheduleGroup:ScheduleGroup",
        label="EventBridge Scheduler Schedule Group",
        inputs=frozenset({"name", "namePrefix"}),
        outputs=frozenset({"arn", "state", "creationDate", "lastModificationDate"}),
        computed=frozenset({"name", "namePrefix"}),
        auto_name=AutoName(),
        replace=frozenset({"name", "namePrefix"}),
        at_most_one_of=(("name", "namePrefix"),),
        checks={"name": _name_problem},
        tags=True,
        create=_create_group,
        read=_read_group,
        update=_update_group,
        delete=_delete_group,
    ),
]
INVOKES: list[Invoke] = []
