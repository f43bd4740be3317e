"""How a run gets into Redshift: the COPY, the queue and pipe behind the rule, and what each role may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.emulator.events.transformer import RuleFacts, input_for
from tests.unit.components.mocked_engine import ACCOUNT, Recording, arn

BUCKET = "batchyard-dev-results-1234567"
COPY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/batchyard-dev-{{job}}-copy-1234567"
CLUSTER = arn("redshift", "cluster:warehouse")
WORKGROUP = arn("redshift-serverless", "workgroup/0f7e3c52-1c84-4a3e-9d55-6b1f6d0c8f21")


def policy(recording: Recording, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(recording.one("RolePolicy", name).inputs["policy"])["Statement"]
    return found


@pytest.mark.parametrize(
    ("job", "copy"),
    [
        (
            "day-readings",
            f'COPY "weather"."readings" FROM \'s3://{BUCKET}/day-readings/manifests/r-1/redshift.json\' '
            f"IAM_ROLE '{COPY_ROLE.format(job='day-readings')}' FORMAT AS PARQUET MANIFEST",
        ),
        (
            "texts",
            f'COPY "public"."texts" FROM \'s3://{BUCKET}/texts/manifests/r-1/redshift.json\' '
            f"IAM_ROLE '{COPY_ROLE.format(job='texts')}' FORMAT AS CSV IGNOREHEADER 1 MANIFEST",
        ),
    ],
)
def test_the_rule_writes_the_copy_of_the_run_that_ended(results_stage: Recording, job: str, copy: str) -> None:
    target = results_stage.one("EventTarget", f"batchyard-dev-{job}-redshift").inputs
    transformer = target["inputTransformer"]
    made = {
        "Id": "redshift",
        "Arn": target["arn"],
        "InputTransformer": {
            "InputPathsMap": transformer["inputPaths"],
            "InputTemplate": transformer["inputTemplate"],
        },
    }
    event = {"id": "e", "source": "aws.batch", "detail-type": "x", "detail": {"jobId": "r-1"}}
    text = input_for(made, event, rule=RuleFacts(arn="a", name="n"), ingestion_time="2026-11-21T00:00:00Z")
    assert json.loads(text) == {"sql": copy}


def test_only_successful_runs_of_this_job_and_stage_are_loaded(results_stage: Recording) -> None:
    rule = results_stage.one("EventRule", "batchyard-dev-texts-redshift").inputs
    detail = json.loads(rule["eventPattern"])["detail"]
    assert detail["status"] == ["SUCCEEDED"]
    assert detail["jobQueue"] == [arn("batch", "job-queue/batchyard-dev-standard")]
    assert detail["jobDefinition"] == [{"prefix": arn("batch", "job-definition/batchyard-dev-texts:")}]


def test_the_pipe_hands_the_statement_over_and_nothing_else(results_stage: Recording) -> None:
    pipe = results_stage.one("Pipe", "batchyard-dev-day-readings-redshift").inputs
    assert pipe["target"] == CLUSTER
    assert pipe["targetParameters"] == {
        "redshiftDataParameters": {
            "database": "dev",
            "dbUser": "loader",
            "sqls": ["$.body.sql"],
            "statementName": "batchyard-dev-day-readings-redshift",
        }
    }
    assert results_stage.one("Pipe", "batchyard-dev-texts-redshift").inputs["target"] == WORKGROUP


def test_who_loads_may_ask_this_one_cluster_or_workgroup(results_stage: Recording) -> None:
    assert policy(results_stage, "batchyard-dev-day-readings-redshift")[1:] == [
        {"Effect": "Allow", "Action": ["redshift-data:BatchExecuteStatement"], "Resource": [CLUSTER]},
        {
            "Effect": "Allow",
            "Action": ["redshift:GetClusterCredentials"],
            "Resource": [arn("redshift", "dbuser:warehouse/loader"), arn("redshift", "dbname:warehouse/dev")],
        },
    ]
    assert policy(results_stage, "batchyard-dev-texts-redshift")[1:] == [
        {"Effect": "Allow", "Action": ["redshift-data:BatchExecuteStatement"], "Resource": [WORKGROUP]},
        {"Effect": "Allow", "Action": ["redshift-serverless:GetCredentials"], "Resource": [WORKGROUP]},
    ]


def test_redshift_reads_the_jobs_own_folder(results_stage: Recording) -> None:
    assert policy(results_stage, "batchyard-dev-texts-copy") == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/texts/*"]}
    ]


def test_only_the_rule_may_send_statements(results_stage: Recording) -> None:
    (statement,) = json.loads(results_stage.one("QueuePolicy", "batchyard-dev-texts-copies").inputs["policy"])[
        "Statement"
    ]
    rule = results_stage.one("EventRule", "batchyard-dev-texts-redshift").outputs["arn"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert (statement["Action"], statement["Condition"]) == (
        "sqs:SendMessage",
        {"ArnEquals": {"aws:SourceArn": [rule]}},
    )
    queue = results_stage.one("Queue", "batchyard-dev-texts-copies")
    assert results_stage.one("EventTarget", "batchyard-dev-texts-redshift").inputs["arn"] == queue.outputs["arn"]


def test_what_is_never_taken_is_a_dead_letter_of_the_stage(results_stage: Recording) -> None:
    assert set(results_stage.outputs["dead_letters"]) >= {"texts/redshift", "day-readings/redshift"}
