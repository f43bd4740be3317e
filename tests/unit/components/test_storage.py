"""Buckets and the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from components.ledger import row_template
from jobs import conventions
from jobs.event_rules.pattern import parse_pattern
from tests.unit.components.mocked_engine import Recording


def test_every_bucket_is_private_encrypted_and_tls_only(stage: Recording) -> None:
    buckets = {one.outputs["bucket"] for one in stage.of("Bucket")}
    assert buckets == set(stage.outputs["buckets"].values())
    for kind in ("BucketPublicAccessBlock", "BucketServerSideEncryptionConfiguration", "BucketPolicy"):
        assert {one.inputs["bucket"] for one in stage.of(kind)} == buckets
    for block in stage.of("BucketPublicAccessBlock"):
        assert [block.inputs[key] for key in sorted(block.inputs) if key != "bucket"] == [True] * 4
    for policy in stage.of("BucketPolicy"):
        (statement,) = json.loads(policy.inputs["policy"])["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_objects_expire_as_the_settings_say(stage: Recording) -> None:
    rules = {one.name: one.inputs["rules"] for one in stage.of("BucketLifecycleConfiguration")}
    expiring = {
        name: [rule["expiration"]["days"] for rule in found if "expiration" in rule] for name, found in rules.items()
    }
    assert expiring == {"batchyard-dev-uploads": [30], "batchyard-dev-results": [9], "batchyard-dev-ledger": [700]}
    (results,) = [rule for rule in rules["batchyard-dev-results"] if rule["id"] == "expire"]
    assert results["noncurrentVersionExpiration"] == {"noncurrentDays": 9}
    assert all(any("abortIncompleteMultipartUpload" in rule for rule in found) for found in rules.values())


def test_only_versioned_buckets_keep_versions(stage: Recording) -> None:
    assert [one.name for one in stage.of("BucketVersioning")] == ["batchyard-dev-results"]


def test_rows_are_delivered_by_day(stage: Recording) -> None:
    for rows in ("attempts", "usage", "ecs"):
        stream = stage.one("FirehoseDeliveryStream", f"batchyard-dev-ledger-{rows}").inputs["extendedS3Configuration"]
        assert stream["prefix"] == f"{rows}/day=!{{timestamp:yyyy-MM-dd}}/"
        # Firehose insists on it where the prefix has an expression
        assert "!{firehose:error-output-type}" in stream["errorOutputPrefix"]
        assert stream["errorOutputPrefix"].startswith(f"errors/{rows}/")
        assert (stream["bufferingInterval"], stream["bufferingSize"]) == (60, 5)
        assert stream["compressionFormat"] == ("GZIP" if rows == "ecs" else "UNCOMPRESSED")


def test_events_end_in_a_newline_and_log_batches_are_unpacked(stage: Recording) -> None:
    def processors(rows: str) -> list[str]:
        stream = stage.one("FirehoseDeliveryStream", f"batchyard-dev-ledger-{rows}").inputs["extendedS3Configuration"]
        return [one["type"] for one in stream["processingConfiguration"]["processors"]]

    assert processors("attempts") == processors("ecs") == ["AppendDelimiterToRecord"]
    assert processors("usage") == ["Decompression", "CloudWatchLogProcessing"]


def test_finished_jobs_of_this_stages_queues_are_recorded(stage: Recording) -> None:
    rule = stage.one("EventRule", "batchyard-dev-ledger-attempts")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {"status": ["SUCCEEDED", "FAILED"], "jobQueue": sorted(stage.outputs["queues"].values())},
    }
    target = stage.one("EventTarget", "batchyard-dev-ledger-attempts").inputs
    assert target["arn"] == stage.one("FirehoseDeliveryStream", "batchyard-dev-ledger-attempts").outputs["arn"]
    assert target["inputTransformer"]["inputPaths"] == dict(conventions.ATTEMPT_PATHS)


def test_instances_and_stopped_tasks_of_this_stages_clusters_are_recorded(stage: Recording) -> None:
    text = stage.one("EventRule", "batchyard-dev-ledger-ecs").inputs["eventPattern"]
    cluster = stage.outputs["environments"]["spot"]["ecs_cluster_arn"]
    pattern = parse_pattern(text)
    assert len(text) <= 4096, "EventBridge's limit"
    assert json.loads(text)["detail"]["clusterArn"] == sorted(
        one["ecs_cluster_arn"] for one in stage.outputs["environments"].values()
    )

    def recorded(detail_type: str, **detail: str) -> bool:
        event = {"source": "aws.ecs", "detail-type": detail_type, "detail": {"clusterArn": cluster, **detail}}
        return pattern.matches(event)

    instance, task = conventions.ECS_INSTANCE_CHANGE, conventions.ECS_TASK_CHANGE
    assert recorded(instance, status="ACTIVE")
    assert recorded(task, lastStatus="STOPPED")
    assert not recorded(task, lastStatus="RUNNING")
    assert not recorded(instance, status="ACTIVE", clusterArn="arn:aws:ecs:us-east-1:123456789012:cluster/else")
    assert not recorded("ECS Deployment State Change")
    target = stage.one("EventTarget", "batchyard-dev-ledger-ecs").inputs
    assert target["arn"] == stage.one("FirehoseDeliveryStream", "batchyard-dev-ledger-ecs").outputs["arn"]
    assert target["inputTransformer"]["inputPaths"] == dict(conventions.ECS_PATHS)


def test_each_rule_reaches_its_own_stream_and_both_share_the_dead_letters(stage: Recording) -> None:
    (queue,) = [one for one in stage.of("Queue") if "ledger" in one.name]
    rules = []
    for rows in ("attempts", "ecs"):
        target = stage.one("EventTarget", f"batchyard-dev-ledger-{rows}").inputs
        (statement,) = json.loads(stage.one("RolePolicy", f"batchyard-dev-ledger-{rows}").inputs["policy"])["Statement"]
        assert statement["Resource"] == [target["arn"]]
        assert target["deadLetterConfig"]["arn"] == queue.outputs["arn"]
        rules.append(stage.one("EventRule", f"batchyard-dev-ledger-{rows}").outputs["arn"])
    (statement,) = json.loads(stage.one("QueuePolicy", queue.name).inputs["policy"])["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


@pytest.mark.parametrize("paths", [conventions.ATTEMPT_PATHS, conventions.ECS_PATHS], ids=["attempts", "ecs"])
def test_a_template_has_every_column_and_is_json_once_filled_in(paths: Mapping[str, str]) -> None:
    template = row_template(paths)
    assert set(re.findall("<([a-z_]+)>", template)) == set(paths)
    row = json.loads(re.sub("<[a-z_]+>", '""', template))
    assert list(row) == list(paths)
    assert len(template) <= 8192, "EventBridge's limit"
    assert len(paths) <= 100, "EventBridge's limit"
    assert all(len(path) <= 256 and re.fullmatch(r"\$(\.[A-Za-z0-9-]+)+", path) for path in paths.values())


def test_the_probes_lines_of_every_job_are_delivered(stage: Recording) -> None:
    filters = stage.of("LogSubscriptionFilter")
    assert {one.inputs["logGroup"] for one in filters} == set(stage.outputs["log_groups"].values())
    assert {one.inputs["filterPattern"] for one in filters} == {'{ $.type = "usage" }'}
