"""The Glue catalog: a database's life and a table's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.providers.aws.lifecycle import Life, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin

DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
STORAGE = {
    "location": "s3://results/readings/data/",
    "inputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "outputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "columns": [{"name": "city", "type": "string"}, {"name": "celsius", "type": "double"}],
    "serDeInfo": {"serializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "parameters": {"paths": "city"}},
}


def test_a_database_is_made_changed_and_removed(plugin: Plugin) -> None:
    inputs = {"name": "batchyard_a", "description": "results", "tags": {"stage": "a"}}
    live(plugin, Life(token=DATABASE, inputs=inputs, changes={"description": "others", "tags": {"stage": "b"}}))


def test_another_name_is_another_database(plugin: Plugin) -> None:
    inputs = {"name": "batchyard_b"}
    live(plugin, Life(token=DATABASE, inputs=inputs, changes={"name": "batchyard_c"}, replaces=("name",)))


def test_a_name_with_capitals_is_refused(plugin: Plugin) -> None:
    with pytest.raises(CheckFailed, match="lower-case letters"):
        plugin.check(DATABASE, "thing", {"name": "Batchyard"})


def test_a_table_is_made_changed_and_removed(plugin: Plugin, service: Callable[[str], Any]) -> None:
    service("glue").create_database(DatabaseInput={"Name": "batchyard_t"})
    inputs = {
        "name": "readings",
        "databaseName": "batchyard_t",
        "tableType": "EXTERNAL_TABLE",
        "parameters": {"projection.enabled": "true", "classification": "json"},
        "partitionKeys": [{"name": "day", "type": "string"}],
        "storageDescriptor": STORAGE,
    }
    changes = {
        "parameters": {"projection.enabled": "false"},
        "storageDescriptor": {**STORAGE, "columns": [{"name": "town", "type": "string"}]},
        "description": "readings",
    }
    live(plugin, Life(token=TABLE, inputs=inputs, changes=changes))
    live(plugin, Life(token=TABLE, inputs=inputs, changes={"name": "others"}, replaces=("name",)))
