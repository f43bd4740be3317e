"""Triggers: patterns, templates, schedules, and what happens to what can't be delivered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.submission import Submission
from jobs.event_rules.check import LongestNames
from jobs.event_rules.rules import S3_PATHS, batch_template, event_rule, texts, upload_pattern
from jobs.spec import S3Source, Trigger
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record

FILLED = {name: f"<{name}>" for name in S3_PATHS}
SUBMISSION = Submission(
    job="x",
    job_name="batchyard-dev-x",
    queue_arn="queue",
    definition_arn="definition:3",
    definition_arn_prefix="definition",
)


@pytest.mark.parametrize(
    ("prefix", "suffixes", "keys"),
    [
        ("", [], None),
        ("in/", [], [{"prefix": "in/"}]),
        ("", [".csv", ".gz"], [{"suffix": ".csv"}, {"suffix": ".gz"}]),
        ("in/", [".csv", ".gz"], [{"wildcard": "in/*.csv"}, {"wildcard": "in/*.gz"}]),
    ],
)
def test_prefix_and_suffix_must_both_match(prefix: str, suffixes: list[str], keys: list[dict[str, str]] | None) -> None:
    detail = upload_pattern("bucket", S3Source(bucket="b", prefix=prefix, suffix=tuple(suffixes)))["detail"]
    assert detail["bucket"] == {"name": ["bucket"]}
    assert detail.get("object") == (None if keys is None else {"key": keys})


def filled(template: str, bucket: str, key: str) -> object:
    """What EventBridge makes of the template: text in quotes, not escaped."""
    values = {"bucket": bucket, "key": key}
    return json.loads(re.sub("<(bucket|key)>", lambda match: f'"{values[match[1]]}"', template))


@settings(max_examples=100)
@given(
    parameters=st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True).filter(
            lambda name: name not in ("bucket", "key")
        ),
        st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), max_size=20),
        max_size=4,
    ),
    key=st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20),
)
def test_an_upload_gives_bucket_key_and_the_triggers_own(parameters: dict[str, str], key: str) -> None:
    assert filled(batch_template({**FILLED, **texts(parameters)}), "uploads-1", key) == {
        "Parameters": {**parameters, "bucket": "uploads-1", "key": key}
    }


def test_the_template_is_pascal_case_around_names_as_they_are() -> None:
    assert (
        batch_template({**FILLED, **texts({"size": "xl"})})
        == '{"Parameters":{"bucket":<bucket>,"key":<key>,"size":"xl"}}'
    )


def test_a_trigger_may_fix_what_uploads_offer() -> None:
    rule = event_rule(Trigger(s3=S3Source(bucket="uploads"), parameters={"key": "fixed"}), LongestNames())
    assert rule is not None
    assert rule.parameters == {"bucket": "<bucket>", "key": '"fixed"'}


def test_the_upload_rule_hands_the_event_to_the_queue(stage: Recording) -> None:
    rule = stage.one("EventRule", "batchyard-dev-resize-upload1")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [stage.outputs["buckets"]["uploads"]]},
            "object": {"key": [{"wildcard": "photos/*.jpg"}, {"wildcard": "photos/*.png"}]},
        },
    }
    target = stage.one("EventTarget", "batchyard-dev-resize-upload1").inputs
    assert target["arn"] == stage.outputs["queues"]["standard"]
    assert target["batchTarget"]["jobDefinition"] == f"{stage.outputs['job_definitions']['resize']}:1"
    assert target["inputTransformer"]["inputPaths"] == {
        "bucket": "$.detail.bucket.name",
        "key": "$.detail.object.key",
    }
    assert '"size":"large \\"XL\\""' in target["inputTransformer"]["inputTemplate"]
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 21600, "maximumRetryAttempts": 100}


def test_every_trigger_has_dead_letters_of_its_own(stage: Recording) -> None:
    targets = [
        one.inputs["deadLetterConfig"]["arn"] for one in stage.of("EventTarget") if not one.name.endswith("-failures")
    ]
    targets += [one.inputs["target"]["deadLetterConfig"]["arn"] for one in stage.of("Schedule")]
    of_triggers = [queue for queue in targets if "-ledger-" not in queue]
    assert len(of_triggers) == len(set(of_triggers)) == 4
    assert set(targets) == {one.outputs["arn"] for one in stage.of("Queue")}


def test_a_bucket_has_one_notification_however_many_triggers(stage: Recording) -> None:
    buckets = [one.inputs["bucket"] for one in stage.of("BucketNotification")]
    assert sorted(buckets) == sorted(stage.outputs["buckets"][name] for name in ("uploads", "results"))
    assert all(one.inputs["eventbridge"] is True for one in stage.of("BucketNotification"))


def test_a_schedule_submits_in_its_time_zone(stage: Recording) -> None:
    schedule = stage.one("Schedule", "batchyard-dev-resize-schedule1").inputs
    assert schedule["scheduleExpression"] == "cron(0 6 ? * MON *)"
    assert schedule["scheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["state"] == "ENABLED"
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:batch:submitJob"
    assert json.loads(schedule["target"]["input"]) == {
        "JobName": "batchyard-dev-resize",
        "JobQueue": stage.outputs["queues"]["standard"],
        "JobDefinition": f"{stage.outputs['job_definitions']['resize']}:1",
        "Parameters": {"bucket": "uploads", "key": "all"},
    }


def test_a_schedule_without_a_zone_takes_the_stages_and_a_resting_one_rests(stage: Recording) -> None:
    schedule = stage.one("Schedule", "batchyard-dev-sweep-schedule1").inputs
    assert schedule["scheduleExpression"] == "rate(1 day)"
    assert schedule["scheduleExpressionTimezone"] == "Europe/Paris"
    assert schedule["state"] == "DISABLED"
    assert json.loads(schedule["target"]["input"])["ArrayProperties"] == {"Size": 10}


def test_the_stage_can_let_all_triggers_of_a_job_rest(example_repository: Path) -> None:
    jobs = {"resize": {"triggers_enabled": False}}
    recording = record(example.config(jobs=jobs), stack="dev", repository=example_repository)
    assert recording.one("EventRule", "batchyard-dev-resize-upload1").inputs["state"] == "DISABLED"
    assert recording.one("Schedule", "batchyard-dev-resize-schedule1").inputs["state"] == "DISABLED"
    assert recording.one("EventRule", "batchyard-dev-count-upload1").inputs["state"] == "ENABLED"


def test_a_request_has_no_empty_parts() -> None:
    assert SUBMISSION.schedule_target("aws", {}).input == {
        "JobName": "batchyard-dev-x",
        "JobQueue": "queue",
        "JobDefinition": "definition:3",
    }
