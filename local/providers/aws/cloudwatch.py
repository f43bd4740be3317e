"""CloudWatch: metric alarms and dashboards."""

from __future__ import annotations

from typing import Any

from local.providers.aws.calls import found_or_none, json_text, retag, tag_list, tag_map
from local.providers.aws.shapes import Field, blocks, drop_empty, from_service, pascal, to_service
from local.providers.framework import AutoName, Context, Invoke, Plan, Props, ResourceType, holds_unknown

_DIMENSIONS = Field(
    name="Dimensions",
    encode=lambda value: tag_list(value, key="Name"),
    decode=lambda answer: tag_map(answer, key="Name"),
)
_METRIC = pascal("metricName", "namespace", dimensions=_DIMENSIONS)
_STATISTIC = pascal("period", "stat", "unit")


def _metric_stat(metric: Props) -> dict[str, Any]:
    return {"Metric": to_service(_METRIC, metric), **to_service(_STATISTIC, metric)}


def _metric(answer: Props) -> Props:
    return {**from_service(_METRIC, answer["Metric"]), **from_service(_STATISTIC, answer)}


_ALARM = pascal(
    "actionsEnabled",
    "alarmActions",
    "alarmDescription",
    "comparisonOperator",
    "datapointsToAlarm",
    "evaluationPeriods",
    "extendedStatistic",
    "insufficientDataActions",
    "metricName",
    "namespace",
    "period",
    "statistic",
    "threshold",
    "thresholdMetricId",
    "treatMissingData",
    "unit",
    dimensions=_DIMENSIONS,
    evaluateLowSampleCountPercentiles="EvaluateLowSampleCountPercentile",
    okActions="OKActions",
    metricQueries=blocks(
        "Metrics",
        pascal(
            "accountId",
            "expression",
            "id",
            "label",
            "period",
            "returnData",
            metric=Field(name="MetricStat", encode=_metric_stat, decode=_metric),
        ),
    ),
)


def _create_alarm(context: Context, inputs: Props) -> str:
    _put_alarm(context, inputs, Tags=tag_list(inputs.get("tagsAll")))
    return str(inputs["name"])


def _put_alarm(context: Context, inputs: Props, **more: Any) -> None:
    request = drop_empty(to_service(_ALARM, inputs))
    context.client("cloudwatch").put_metric_alarm(AlarmName=inputs["name"], **request, **more)


def _read_alarm(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("cloudwatch")
    alarms = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not alarms:
        return None
    [alarm] = alarms
    tags = client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]).get("Tags")
    read = {**dict.fromkeys(_ALARM), **drop_empty(from_service(_ALARM, alarm))}
    if not alarm.get("TreatMissingData"):
        read["treatMissingData"] = "missing"
    return {**read, "name": name, "arn": alarm["AlarmArn"], "tagsAll": tag_map(tags)}


def _update_alarm(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("cloudwatch")
    _put_alarm(context, new)
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(ResourceARN=old["arn"], Tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(ResourceARN=old["arn"], TagKeys=keys),
    )


def _delete_alarm(context: Context, name: str, state: Props) -> None:
    context.client("cloudwatch").delete_alarms(AlarmNames=[name])


def _plan_alarm(plan: Plan) -> None:
    """What the plugin refuses when it plans, before the service is asked."""
    inputs = plan.new
    if holds_unknown(inputs):
        return
    if inputs.get("metricName"):
        if inputs.get("metricQueries"):
            plan.fail("metric_name and metric_query conflict: set one of them")
        if bool(inputs.get("statistic")) == bool(inputs.get("extendedStatistic")):
            plan.fail("One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm")


def _period_problem(period: Any) -> str | None:
    if period in (10, 20, 30) or (period > 0 and period % 60 == 0):
        return None
    return f"expected period to be 10, 20, 30 or a multiple of 60, got {period}"


# --- dashboards ---


def _put_dashboard(context: Context, inputs: Props) -> str:
    context.client("cloudwatch").put_dashboard(
        DashboardName=inputs["dashboardName"], DashboardBody=json_text(inputs["dashboardBody"])
    )
    return str(inputs["dashboardName"])


def _read_dashboard(context: Context, name: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("cloudwatch").get_dashboard(DashboardName=name),
        "ResourceNotFound",
        "DashboardNotFoundError",
    )
    if answer is None:
        return None
    return {
        "dashboardName": answer["DashboardName"],
        "dashboardBody": answer["DashboardBody"],
        "dashboardArn": answer["DashboardArn"],
    }


def _delete_dashboard(context: Context, name: str, state: Props) -> None:
    context.client("cloudwatch").delete_dashboards(DashboardNames=[name])


def _update_dashboard(context: Context, name: str, old: Props, new: Props) -> None:
    _put_dashboard(context, new)


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:cloudwatch/metricAlarm:MetricAlarm",
        label="CloudWatch Metric Alarm",
        inputs=frozenset({"name", *_ALARM}),
        required=frozenset({"comparisonOperator"}),
        outputs=frozenset({"arn"}),
        computed=frozenset({"evaluateLowSampleCountPercentiles"}),
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
        auto_name=AutoName(unless=()),
        replace=frozenset({"name"}),
        sets=frozenset({"alarmActions", "okActions", "insufficientDataActions", "metricQueries"}),
        maps=frozenset({"dimensions", "metricQueries.metric.dimensions"}),
        checks={"period": _period_problem},
        plan=_plan_alarm,
        tags=True,
        create=_create_alarm,
        read=_read_alarm,
        update=_update_alarm,
        delete=_delete_alarm,
    ),
    ResourceType(
        token="aws:cloudwatch/dashboard:Dashboard",
        label="CloudWatch Dashboard",
        inputs=frozenset({"dashboardName", "dashboardBody"}),
        required=frozenset({"dashboardName", "dashboardBody"}),
        outputs=frozenset({"dashboardArn"}),
        replace=frozenset({"dashboardName"}),
        json=frozenset({"dashboardBody"}),
        create=_put_dashboard,
        read=_read_dashboard,
        update=_update_dashboard,
        delete=_delete_dashboard,
    ),
]
INVOKES: list[Invoke] = []
