"""Buckets and the ledger."""

from __future__ import annotations

import json
import re

from components.ledger import attempt_template
from jobs import conventions
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
    for rows in ("attempts", "usage"):
        stream = stage.one("FirehoseDeliveryStream", f"batchyard-dev-ledger-{rows}").inputs["extendedS3Configuration"]
        assert stream["prefix"] == f"{rows}/day=!{{timestamp:yyyy-MM-dd}}/"
        # Firehose insists on it where the prefix has an expression
        assert "!{firehose:error-output-type}" in stream["errorOutputPrefix"]
        assert stream["errorOutputPrefix"].startswith(f"errors/{rows}/")
        assert (stream["bufferingInterval"], stream["bufferingSize"]) == (60, 5)


def test_attempts_end_in_a_newline_and_log_batches_are_unpacked(stage: Recording) -> None:
    def processors(rows: str) -> list[str]:
        stream = stage.one("FirehoseDeliveryStream", f"batchyard-dev-ledger-{rows}").inputs["extendedS3Configuration"]
        return [one["type"] for one in stream["processingConfiguration"]["processors"]]

    assert processors("attempts") == ["AppendDelimiterToRecord"]
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


def test_the_template_has_every_column_and_is_json_once_filled_in() -> None:
    template = attempt_template()
    assert set(re.findall("<([a-z_]+)>", template)) == set(conventions.ATTEMPT_COLUMNS)
    row = json.loads(re.sub("<[a-z_]+>", '""', template))
    assert list(row) == list(conventions.ATTEMPT_COLUMNS)
    assert len(template) <= 8192, "EventBridge's limit"


def test_the_probes_lines_of_every_job_are_delivered(stage: Recording) -> None:
    filters = stage.of("LogSubscriptionFilter")
    assert {one.inputs["logGroup"] for one in filters} == set(stage.outputs["log_groups"].values())
    assert {one.inputs["filterPattern"] for one in filters} == {'{ $.type = "usage" }'}
