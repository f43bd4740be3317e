"""Pipes into Redshift: what the emulated Data API is asked, and what a role must allow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import pipes, redshift_data
from local.emulator.context import EmulatorContext
from local.emulator.pipes.execution import ExecutionError, credentials_needed, statement
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, make_role, messages, serving

SOURCE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:copies"
CLUSTER = f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:warehouse"
WORKGROUP = f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/0f7e3c52-1c84-4a3e-9d55-6b1f6d0c8f21"
USER = f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:warehouse/loader"
DATABASE = f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbname:warehouse/dev"
READING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
PARAMETERS = {"Database": "dev", "DbUser": "loader", "Sqls": ["$.body.sql"], "StatementName": "copies"}


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[tuple[EmulatorContext, str, str]]:
    """A server with a queue and its dead-letter queue: (context, queue URL, DLQ URL)."""
    with serving(tmp_path, [pipes.install, redshift_data.install], second_scale=0.01) as (context, _):
        sqs = client(context, "sqs")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 1}
        url = sqs.create_queue(QueueName="copies", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
        yield context, url, dead


def make_pipe(context: EmulatorContext, target: str, *more: str) -> None:
    actions = [*READING, "redshift-data:BatchExecuteStatement", *more]
    role = make_role(
        context,
        "pipe",
        service="pipes.amazonaws.com",
        actions=actions,
        resources=[SOURCE, target, USER, DATABASE],
    )
    client(context, "pipes").create_pipe(
        Name="copies",
        RoleArn=role,
        Source=SOURCE,
        Target=target,
        TargetParameters={"RedshiftDataParameters": PARAMETERS},
    )


def kept(context: EmulatorContext) -> list[Any]:
    found: list[Any] = client(context, "redshift-data").list_statements(StatementName="cop")["Statements"]
    return found


def test_a_message_s_statement_is_kept_and_runs_nothing(lane: tuple[EmulatorContext, str, str]) -> None:
    context, url, _ = lane
    make_pipe(context, CLUSTER, "redshift:GetClusterCredentials")
    client(context, "sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"sql": 'COPY "a"."b"'}))
    (one,) = eventually("the statement", lambda: kept(context))
    assert (one["QueryStrings"], one["StatementName"], one["Status"]) == (['COPY "a"."b"'], "copies", "SUBMITTED")
    described = client(context, "redshift-data").describe_statement(Id=one["Id"])
    assert (described["ClusterIdentifier"], described["Database"], described["DbUser"]) == (
        "warehouse",
        "dev",
        "loader",
    )
    assert [part["QueryString"] for part in described["SubStatements"]] == ['COPY "a"."b"']


def test_a_role_without_credentials_asks_nothing(lane: tuple[EmulatorContext, str, str]) -> None:
    context, url, dead = lane
    make_pipe(context, CLUSTER)
    client(context, "sqs").send_message(QueueUrl=url, MessageBody='{"sql": "COPY a"}')
    (letter,) = eventually("the dead letter", lambda: messages(context, dead))
    assert letter["Body"] == '{"sql": "COPY a"}'
    assert kept(context) == []


@pytest.mark.parametrize(
    ("target", "place", "needed"),
    [
        (CLUSTER, {"ClusterIdentifier": "warehouse"}, ("redshift:GetClusterCredentials", [USER, DATABASE])),
        (
            WORKGROUP,
            {"WorkgroupName": WORKGROUP.rpartition("/")[2]},
            ("redshift-serverless:GetCredentials", [WORKGROUP]),
        ),
    ],
)
def test_where_a_statement_runs(target: str, place: dict[str, str], needed: tuple[str, list[str]]) -> None:
    asked = statement(PARAMETERS, target=target, event={"body": '{"sql": "SELECT 1"}'})
    assert asked == {**place, "Database": "dev", "DbUser": "loader", "Sqls": ["SELECT 1"], "StatementName": "copies"}
    assert credentials_needed(target, asked) == needed


def test_a_message_without_a_statement_says_so() -> None:
    with pytest.raises(ExecutionError, match=r"Sqls: the event has nothing at \$\.body\.sql"):
        statement(PARAMETERS, target=CLUSTER, event={"body": "{}"})
