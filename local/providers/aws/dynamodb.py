"""DynamoDB: what a program may ask of a table that somebody else made. A stage makes none."""

from __future__ import annotations

from local.providers.aws.calls import tag_map
from local.providers.framework import Context, Invoke, Props, ResourceType


def _get_table(context: Context, arguments: Props) -> Props:
    client = context.client("dynamodb")
    table = client.describe_table(TableName=arguments["name"])["Table"]
    keys = {entry["KeyType"]: entry["AttributeName"] for entry in table["KeySchema"]}
    stream = table.get("StreamSpecification") or {}
    throughput = table.get("ProvisionedThroughput") or {}
    return {
        "id": table["TableName"],
        "name": table["TableName"],
        "arn": table["TableArn"],
        "attributes": [
            {"name": entry["AttributeName"], "type": entry["AttributeType"]} for entry in table["AttributeDefinitions"]
        ],
        "billingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
        "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE", ""),
        "readCapacity": throughput.get("ReadCapacityUnits", 0),
        "writeCapacity": throughput.get("WriteCapacityUnits", 0),
        "region": context.region,
        # a stream that was disabled keeps its ARN in the answer for a day
        "streamArn": table.get("LatestStreamArn") or "",
        "streamEnabled": bool(stream.get("StreamEnabled")),
        "streamLabel": table.get("LatestStreamLabel") or "",
        "streamViewType": stream.get("StreamViewType") or "",
        "tags": tag_map(client.list_tags_of_resource(ResourceArn=table["TableArn"]).get("Tags")),
    }


RESOURCES: list[ResourceType] = []
INVOKES: list[Invoke] = [
    Invoke(token="aws:dynamodb/getTable:getTable", call=_get_table, service="DynamoDB"),
]
