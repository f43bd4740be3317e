"""Data Firehose: delivery streams into S3."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from local.providers.aws.calls import found_or_none, retag, tag_list, tag_map
from local.providers.aws.firehose_shapes import DESTINATION_DEFAULTS, destination_from_service, destination_to_service
from local.providers.aws.waiting import Status, wait_for_status
from local.providers.framework import AutoName, Context, Invoke, Plan, Props, ProviderError, ResourceType

_ABSENT = ("ResourceNotFoundException",)
_DESTINATION = "extended_s3"


def _name_of(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _encryption_request(inputs: Props) -> dict[str, Any] | None:
    asked = inputs.get("serverSideEncryption") or {}
    if not asked.get("enabled"):
        return None
    key = {"KeyARN": asked["keyArn"]} if asked.get("keyArn") else {}
    return {"KeyType": asked.get("keyType") or "AWS_OWNED_CMK", **key}


def _create(context: Context, inputs: Props) -> str:
    request: dict[str, Any] = {
        "DeliveryStreamName": inputs["name"],
        "DeliveryStreamType": "DirectPut",
        "ExtendedS3DestinationConfiguration": destination_to_service(inputs["extendedS3Configuration"], updating=False),
    }
    if inputs.get("tagsAll"):
        request["Tags"] = tag_list(inputs["tagsAll"])
    encryption = _encryption_request(inputs)
    if encryption is not None:
        request["DeliveryStreamEncryptionConfigurationInput"] = encryption
    arn = str(context.client("firehose").create_delivery_stream(**request)["DeliveryStreamARN"])
    context.created(arn)
    _wait(context, inputs["name"], "create", pending=("CREATING",), target=("ACTIVE",))
    return arn


def _describe(context: Context, name: str) -> dict[str, Any] | None:
    client = context.client("firehose")
    answer = found_or_none(lambda: client.describe_delivery_stream(DeliveryStreamName=name), *_ABSENT)
    return None if answer is None else dict(answer["DeliveryStreamDescription"])


def _wait(context: Context, name: str, doing: str, *, pending: tuple[str, ...], target: tuple[str, ...]) -> None:
    def look() -> Status | None:
        stream = _describe(context, name)
        if stream is None:
            return None
        failure = stream.get("FailureDescription") or {}
        return stream["DeliveryStreamStatus"], str(failure.get("Details", ""))

    wait_for_status(context, f"Kinesis Firehose Delivery Stream ({name}) {doing}", look, pending=pending, target=target)


def _read(context: Context, arn: str, known: Props) -> Props | None:
    stream = _describe(context, _name_of(arn))
    if stream is None:
        return None
    name = stream["DeliveryStreamName"]
    [destination] = stream["Destinations"]
    if "ExtendedS3DestinationDescription" not in destination:
        raise ProviderError(f"the stream delivers to {sorted(destination)}; the local stand-in knows {_DESTINATION}")
    tags = context.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
    read: Props = {
        "name": name,
        "arn": stream["DeliveryStreamARN"],
        "destination": _DESTINATION,
        "destinationId": destination["DestinationId"],
        "versionId": stream["VersionId"],
        "extendedS3Configuration": destination_from_service(destination["ExtendedS3DestinationDescription"]),
        "tagsAll": tag_map(tags),
    }
    encryption = stream.get("DeliveryStreamEncryptionConfiguration") or {}
    if encryption.get("Status") in ("ENABLED", "ENABLING"):
        key = {"keyArn": encryption["KeyARN"]} if encryption.get("KeyARN") else {}
        read["serverSideEncryption"] = {"enabled": True, "keyType": encryption.get("KeyType"), **key}
    else:
        read["serverSideEncryption"] = {"enabled": False} if known.get("serverSideEncryption") else None
    return read


def _update(context: Context, arn: str, old: Props, new: Props) -> None:
    client = context.client("firehose")
    name = _name_of(arn)
    if "extendedS3Configuration" in context.changed:
        stream = _describe(context, name)
        if stream is None:
            raise ProviderError(f"couldn't find Kinesis Firehose Delivery Stream ({name})")
        client.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=stream["VersionId"],
            DestinationId=stream["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=destination_to_service(new["extendedS3Configuration"], updating=True),
        )
    if "serverSideEncryption" in context.changed:
        encryption = _encryption_request(new)
        if encryption is None:
            client.stop_delivery_stream_encryption(DeliveryStreamName=name)
        else:
            client.start_delivery_stream_encryption(
                DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput=encryption
            )
    retag(
        old,
        new,
        add=lambda tags: client.tag_delivery_stream(DeliveryStreamName=name, Tags=tag_list(tags)),
        remove=lambda keys: client.untag_delivery_stream(DeliveryStreamName=name, TagKeys=keys),
    )


def _delete(context: Context, arn: str, state: Props) -> None:
    name = _name_of(arn)
    context.client("firehose").delete_delivery_stream(DeliveryStreamName=name, AllowForceDelete=True)
    _wait(context, name, "delete", pending=("DELETING", "ACTIVE"), target=())


def _name_problem(name: str) -> str | None:
    if re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name):
        return None
    return f"{name!r} is no name for Firehose; allowed: 1 to 64 letters, digits, _, . and -"


def _destination_problem(destination: str) -> str | None:
    if destination == _DESTINATION:
        return None
    return f"destination is {destination}; the local stand-in knows {_DESTINATION}"


def _problems(inputs: Props) -> Iterable[str]:
    if inputs.get("destination") == _DESTINATION and not inputs.get("extendedS3Configuration"):
        yield f"extendedS3Configuration is missing: destination {_DESTINATION} needs it"


def _with_defaults(inputs: Props, old: Props) -> Props:
    """The destination's own defaults, which the plugin fills in as it does at the top level."""
    destination = inputs.get("extendedS3Configuration")
    if not isinstance(destination, dict):
        return inputs
    return {**inputs, "extendedS3Configuration": {**DESTINATION_DEFAULTS, **destination}}


def _plan(plan: Plan) -> None:
    if plan.touches("extendedS3Configuration"):
        plan.recompute("versionId")


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
        label="Kinesis Firehose Delivery Stream",
        inputs=frozenset(
            {
                "arn",
                "destination",
                "destinationId",
                "extendedS3Configuration",
                "name",
                "serverSideEncryption",
                "versionId",
            }
        ),
        required=frozenset({"destination"}),
        computed=frozenset({"arn", "destinationId", "versionId"}),
        auto_name=AutoName(unless=()),
        replace=frozenset({"name", "destination"}),
        checks={"name": _name_problem, "destination": _destination_problem},
        problems=_problems,
        prepare=_with_defaults,
        plan=_plan,
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
]
INVOKES: list[Invoke] = []
