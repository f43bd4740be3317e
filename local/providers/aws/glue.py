"""The Glue data catalog: databases and tables. Iceberg tables, views and links to other catalogs aren't here."""

from __future__ import annotations

import re
from typing import Any

from local.providers.aws.calls import found_or_none, retag
from local.providers.aws.shapes import block, blocks, from_service, pascal, to_service
from local.providers.framework import Context, Invoke, Props, ProviderError, ResourceType

_ABSENT = ("EntityNotFoundException",)
_NAME = re.compile(r"[a-z0-9_]{1,255}")
_DATABASE = pascal(
    "description",
    "locationUri",
    "parameters",
    createTableDefaultPermissions=blocks(
        "CreateTableDefaultPermissions",
        pascal("permissions", principal=block("Principal", pascal("dataLakePrincipalIdentifier"))),
    ),
)
_COLUMN = pascal("comment", "name", "parameters", "type")
_TABLE = pascal(
    "description",
    "owner",
    "parameters",
    "retention",
    "tableType",
    partitionKeys=blocks("PartitionKeys", _COLUMN),
    storageDescriptor=block(
        "StorageDescriptor",
        pascal(
            "compressed",
            "inputFormat",
            "location",
            "numberOfBuckets",
            "outputFormat",
            "parameters",
            bucketColumns="BucketColumns",
            columns=blocks("Columns", _COLUMN),
            serDeInfo=block("SerdeInfo", pascal("name", "parameters", "serializationLibrary")),
            sortColumns=blocks("SortColumns", pascal("column", "sortOrder")),
            storedAsSubDirectories="StoredAsSubDirectories",
        ),
    ),
)


def _split(resource_id: str, parts: int) -> list[str]:
    found = resource_id.split(":", parts - 1)
    if len(found) != parts or not all(found):
        wanted = ":".join(["catalog-id", "database-name", "table-name"][:parts])
        raise ProviderError(f"unexpected format of ID ({resource_id}), expected {wanted}")
    return found


# --- databases ---


def _create_database(context: Context, inputs: Props) -> str:
    catalog = str(inputs.get("catalogId") or context.account)
    context.client("glue").create_database(
        CatalogId=catalog,
        DatabaseInput={"Name": inputs["name"], **to_service(_DATABASE, inputs)},
        Tags=inputs.get("tagsAll") or {},
    )
    return f"{catalog}:{inputs['name']}"


def _read_database(context: Context, database_id: str, known: Props) -> Props | None:
    client = context.client("glue")
    catalog, name = _split(database_id, 2)
    answer = found_or_none(lambda: client.get_database(CatalogId=catalog, Name=name), *_ABSENT)
    if answer is None:
        return None
    arn = f"arn:{context.partition}:glue:{context.region}:{catalog}:database/{name}"
    unset: dict[str, Any] = {"description": "", "locationUri": "", "parameters": {}}
    return {
        **unset,
        **from_service(_DATABASE, answer["Database"]),
        "name": name,
        "catalogId": catalog,
        "arn": arn,
        "tagsAll": client.get_tags(ResourceArn=arn).get("Tags") or {},
    }


def _update_database(context: Context, database_id: str, old: Props, new: Props) -> None:
    client = context.client("glue")
    catalog, name = _split(database_id, 2)
    if context.changed & set(_DATABASE):
        client.update_database(CatalogId=catalog, Name=name, DatabaseInput={"Name": name, **to_service(_DATABASE, new)})
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(ResourceArn=old["arn"], TagsToAdd=tags),
        remove=lambda keys: client.untag_resource(ResourceArn=old["arn"], TagsToRemove=keys),
    )


def _delete_database(context: Context, database_id: str, state: Props) -> None:
    catalog, name = _split(database_id, 2)
    context.client("glue").delete_database(CatalogId=catalog, Name=name)


# --- tables ---


def _create_table(context: Context, inputs: Props) -> str:
    catalog = str(inputs.get("catalogId") or context.account)
    context.client("glue").create_table(
        CatalogId=catalog,
        DatabaseName=inputs["databaseName"],
        TableInput={"Name": inputs["name"], **to_service(_TABLE, inputs)},
    )
    return f"{catalog}:{inputs['databaseName']}:{inputs['name']}"


def _read_table(context: Context, table_id: str, known: Props) -> Props | None:
    catalog, database, name = _split(table_id, 3)
    client = context.client("glue")
    answer = found_or_none(lambda: client.get_table(CatalogId=catalog, DatabaseName=database, Name=name), *_ABSENT)
    if answer is None:
        return None
    arn = f"arn:{context.partition}:glue:{context.region}:{catalog}:table/{database}/{name}"
    return {
        **dict.fromkeys(_TABLE),
        "retention": 0,
        **from_service(_TABLE, answer["Table"]),
        "name": name,
        "databaseName": database,
        "catalogId": catalog,
        "arn": arn,
    }


def _update_table(context: Context, table_id: str, old: Props, new: Props) -> None:
    # UpdateTable replaces the whole table: what isn't sent is gone
    catalog, database, name = _split(table_id, 3)
    context.client("glue").update_table(
        CatalogId=catalog, DatabaseName=database, TableInput={"Name": name, **to_service(_TABLE, new)}
    )


def _delete_table(context: Context, table_id: str, state: Props) -> None:
    catalog, database, name = _split(table_id, 3)
    context.client("glue").delete_table(CatalogId=catalog, DatabaseName=database, Name=name)


def _database_name_problem(name: str) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return "must be 1-255 lower-case letters, digits and underscores"


def _table_name_problem(name: str) -> str | None:
    if 1 <= len(name) <= 255 and name == name.lower():
        return None
    return "must be 1-255 characters without upper-case letters"


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:glue/catalogDatabase:CatalogDatabase",
        label="Glue Catalog Database",
        inputs=frozenset({"name", "catalogId", *_DATABASE}),
        required=frozenset({"name"}),  # the official plugin makes one up of letters where none is given
        outputs=frozenset({"arn"}),
        computed=frozenset({"catalogId", "createTableDefaultPermissions", "locationUri"}),
        replace=frozenset({"name", "catalogId"}),
        maps=frozenset({"parameters"}),
        checks={"name": _database_name_problem},
        tags=True,
        create=_create_database,
        read=_read_database,
        update=_update_database,
        delete=_delete_database,
    ),
    ResourceType(
        token="aws:glue/catalogTable:CatalogTable",
        label="Glue Catalog Table",
        inputs=frozenset({"name", "databaseName", "catalogId", *_TABLE}),
        required=frozenset({"name", "databaseName"}),
        outputs=frozenset({"arn"}),
        computed=frozenset({"catalogId"}),
        defaults={"retention": 0},
        replace=frozenset({"name", "databaseName", "catalogId"}),
        maps=frozenset(
            {
                "parameters",
                "storageDescriptor.parameters",
                "storageDescriptor.serDeInfo.parameters",
                "storageDescriptor.columns.parameters",
                "partitionKeys.parameters",
            }
        ),
        checks={"name": _table_name_problem},
        create=_create_table,
        read=_read_table,
        update=_update_table,
        delete=_delete_table,
    ),
]
INVOKES: list[Invoke] = []
