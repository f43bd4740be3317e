"""What an upload's run leaves in the ledger besides Batch's row: where it ran, since when it was billed, its items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from reports.collect.fetch import fetch
from reports.collect.instances import Environment
from reports.collect.load import Loaded, Source, load
from tests.e2e.running_stage import DEADLINE_S, RunningStage, folder, photograph
from tests.engine.stages import wait_until


def test_a_run_has_its_instance_its_environment_its_pull_and_its_items(stage: RunningStage, tmp_path: Path) -> None:
    key = f"{folder('ecs')}/one.jpg"
    stage.upload(key, photograph())
    ((attempt,),) = stage.ended([key]).values()
    environments = stage.exported["environments"]
    source = Source(
        stage=stage.access.stage,
        raw=tmp_path,
        clusters={
            one["ecs_cluster_arn"]: Environment(
                name=name, purchase="spot" if one["kind"].endswith("spot") else "on-demand"
            )
            for name, one in environments.items()
        },
    )

    def read() -> tuple[Loaded, dict[str, Any], list[dict[str, Any]]]:
        fetched = fetch(stage.client("s3"), stage.access.ledger_bucket, tmp_path, since=None)
        assert fetched.missing == ()
        connection = duckdb.connect()
        found = load(connection, source, since=None, until=None)
        (row,) = rows(connection, "SELECT * FROM attempts WHERE job_id = $job_id", job_id=attempt.job_id)
        return found, row, rows(connection, "SELECT * FROM instances")

    wait_until("the task's row", lambda: read()[1]["pull_started_at"] is not None, deadline_s=DEADLINE_S)
    wait_until("the probe's line", lambda: read()[1]["cpu_s"] is not None, deadline_s=DEADLINE_S)
    found, row, instances = read()
    assert row["items"] == 3
    assert (found.set_aside, found.pulls_not_believed) == ((), 0)
    assert row["submitted_at"] <= row["pull_started_at"] <= row["started_at"] <= row["stopped_at"]
    assert environments[row["environment"]]["kind"] == f"ec2-{row['purchase']}"
    (instance,) = [one for one in instances if one["instance_id"] == row["instance_id"]]
    assert (instance["environment"], instance["purchase"]) == (row["environment"], row["purchase"])
    assert instance["instance_type"] in ("m7i.large", "c7i.large")
    assert (instance["vcpus"], instance["memory_mib"] > 0) == (2, True)
    assert instance["started_at"] <= row["pull_started_at"]


def rows(connection: duckdb.DuckDBPyConnection, text: str, **parameters: Any) -> list[dict[str, Any]]:
    cursor = connection.execute(text, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
