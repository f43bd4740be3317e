"""How each kind of target takes an event; one entry of DELIVERERS a service."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator.clients import Clients
from local.emulator.events.delivery import Delivery, DeliveryError

# The members of ContainerOverrides a rule can set; EventBridge drops all others.
_OVERRIDES = {"Command": "command", "Environment": "environment", "Memory": "memory", "Vcpus": "vcpus"}


def service_of(arn: str) -> str:
    """`arn:aws:batch:…` → `batch`."""
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 else ""


def resource_of(arn: str) -> str:
    """What follows the account, without its kind: `…:job-queue/NAME` → `NAME`, `…:log-group:NAME:*` → `NAME`."""
    resource = arn.split(":", 5)[5].removesuffix(":*")
    kind, separator, name = resource.replace(":", "/", 1).partition("/")
    return name if separator else kind


def submit_job(clients: Clients, delivery: Delivery, text: str) -> None:
    """Of the transformed input only Parameters, ContainerOverrides and DependsOn reach SubmitJob, as on AWS."""
    target = delivery.target
    parameters = target.get("BatchParameters")
    if not parameters:
        raise DeliveryError("INVALID_PARAMETER", f"BatchParameters must be specified for target: {target['Id']}.")
    clients("batch").submit_job(
        jobName=parameters["JobName"],
        jobQueue=target["Arn"],
        jobDefinition=parameters["JobDefinition"],
        **_job_input(text),
        **_job_settings(parameters),
    )


def _job_input(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise DeliveryError("INVALID_JSON", f"The input isn't JSON: {error}") from error
    if not isinstance(given, dict):
        raise DeliveryError("INVALID_JSON", "The input for AWS Batch must be a JSON object")
    job: dict[str, Any] = {}
    if given.get("Parameters"):
        job["parameters"] = given["Parameters"]
    overrides = given.get("ContainerOverrides") or {}
    kept = {ours: overrides[theirs] for theirs, ours in _OVERRIDES.items() if theirs in overrides}
    if "environment" in kept:
        kept["environment"] = [{"name": pair["Name"], "value": pair["Value"]} for pair in kept["environment"]]
    if kept:
        job["containerOverrides"] = kept
    if given.get("DependsOn"):
        job["dependsOn"] = [{"jobId": one["JobId"]} for one in given["DependsOn"]]
    return job


def _job_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if (parameters.get("ArrayProperties") or {}).get("Size"):
        settings["arrayProperties"] = {"size": parameters["ArrayProperties"]["Size"]}
    if (parameters.get("RetryStrategy") or {}).get("Attempts"):
        settings["retryStrategy"] = {"attempts": parameters["RetryStrategy"]["Attempts"]}
    return settings


def queue_url(clients: Clients, arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return str(clients("sqs").get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"])


def send_message(clients: Clients, delivery: Delivery, text: str) -> None:
    arn = delivery.target["Arn"]
    fifo: dict[str, str] = {}
    if arn.endswith(".fifo"):
        group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId", "")
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": delivery.event["id"]}
    clients("sqs").send_message(QueueUrl=queue_url(clients, arn), MessageBody=text, **fifo)


def publish_message(clients: Clients, delivery: Delivery, text: str) -> None:
    clients("sns").publish(TopicArn=delivery.target["Arn"], Message=text)


def put_record(clients: Clients, delivery: Delivery, text: str) -> None:
    """The record is the input and nothing else: no line end is added (a stream's AppendDelimiterToRecord does that)."""
    stream = resource_of(delivery.target["Arn"])
    clients("firehose").put_record(DeliveryStreamName=stream, Record={"Data": text.encode()})


def invoke_function(clients: Clients, delivery: Delivery, text: str) -> None:
    """Asynchronously: what becomes of the event is Lambda's affair."""
    clients("lambda").invoke(FunctionName=resource_of(delivery.target["Arn"]), InvocationType="Event", Payload=text)


def put_log_event(clients: Clients, delivery: Delivery, text: str) -> None:
    group = resource_of(delivery.target["Arn"])
    stream = str(uuid.uuid4())
    clients("logs").create_log_stream(logGroupName=group, logStreamName=stream)
    clients("logs").put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": int(time.time() * 1000), "message": text}]
    )


Deliverer = Callable[[Clients, Delivery, str], None]
# Event buses are the dispatcher's own: it forwards to them without a call.
DELIVERERS: dict[str, Deliverer] = {
    "batch": submit_job,
    "sqs": send_message,
    "sns": publish_message,
    "firehose": put_record,
    "logs": put_log_event,
    "lambda": invoke_function,
}
# Targets that EventBridge reaches with the role of the target only; the others have resource policies.
ROLE_REQUIRED = frozenset({"batch", "firehose", "states", "ecs", "kinesis"})
