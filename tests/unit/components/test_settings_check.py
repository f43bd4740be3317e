"""Settings and job specifications against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings import (
    Settings,
    cross_check,
    effective_spec,
    effective_specs,
    load_settings,
    load_settings_file,
)
from jobs.problems import Problems
from jobs.spec import LoadedSpec, discover_jobs, parse_job

REPOSITORY = Path(__file__).parents[3]
CONFIG: dict[str, Any] = {
    "region": "us-east-1",
    "owner": "platform",
    "timezone": "Europe/Berlin",
    "compute_environments": {
        "spot": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.large"]},
        "behind": {"kind": "ec2-on-demand", "max_vcpus": 2, "instance_types": ["m7i.large"]},
        "serverless": {"kind": "fargate", "max_vcpus": 4},
    },
    "queues": {
        "standard": {"priority": 10, "compute_environments": ["spot", "behind"]},
        "fargate": {"priority": 10, "compute_environments": ["serverless"]},
    },
    "buckets": {"uploads": {}, "results": {}},
    "images": {"base_image": "python:3.11"},
}
JOB = """\
description: Count words
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
permissions: {read: [uploads], write: [results]}
environment: {LEVEL: info, SIZE: "3"}
triggers:
  - s3: {bucket: uploads}
  - schedule: {rate: 1 day}
  - schedule: {rate: 2 days, timezone: UTC}
    enabled: false
"""


def stage(**change: Any) -> Settings:
    return load_settings(CONFIG | change, stage="test", file="Pulumi.test.yaml")


def job(text: str = JOB, folder: str = "jobs/words") -> LoadedSpec:
    return parse_job(text, Path(folder))


def problems(settings: Settings, *jobs: LoadedSpec) -> list[str]:
    return [str(problem) for problem in cross_check(settings, jobs)]


def queue(*names: str) -> dict[str, Any]:
    return {"queues": CONFIG["queues"] | {"standard": {"priority": 10, "compute_environments": list(names)}}}


def test_a_sound_stage_has_no_problems() -> None:
    assert problems(stage(), job()) == []


def test_an_unknown_queue_is_named_with_those_there_are() -> None:
    assert problems(stage(), job(JOB.replace("queue: standard", "queue: standart"))) == [
        "jobs/words/job.yaml:4: queue is the unknown queue standart; known are fargate, standard; "
        "did you mean standard?"
    ]


def test_an_unknown_bucket_is_named_wherever_it_stands() -> None:
    text = JOB.replace("[uploads]", "[uplods]").replace("bucket: uploads", "bucket: elsewhere")
    assert problems(stage(), job(text)) == [
        "jobs/words/job.yaml:6: permissions.read[0] is the unknown bucket uplods; known are results, uploads; "
        "did you mean uploads?",
        "jobs/words/job.yaml:9: triggers[0].s3.bucket is the unknown bucket elsewhere; known are results, uploads; "
        "add the bucket, or name one of these",
    ]


def test_the_ledger_may_be_read_and_not_written() -> None:
    assert problems(stage(), job(JOB.replace("read: [uploads]", "read: [uploads, ledger]"))) == []
    assert problems(stage(), job(JOB.replace("write: [results]", "write: [ledger]"))) == [
        "jobs/words/job.yaml:6: permissions.write[0] is the ledger's bucket; the ledger is the platform's own and may "
        "only be read; known are results, uploads; add a bucket to batchyard:buckets"
    ]


def test_a_topic_that_the_settings_do_not_make_is_refused() -> None:
    notifying = job(JOB.replace("write: [results]", "write: [results], notify: [reports]"))
    assert problems(stage(), notifying) == [
        "jobs/words/job.yaml:6: permissions.notify[0] is the topic reports, which Pulumi.test.yaml doesn't ask for; "
        "a stage has the topics of its settings; write report_topic: true below batchyard:monitoring, or leave the job "
        "out with batchyard:jobs.words.enabled: false"
    ]
    assert problems(stage(monitoring={"report_topic": True}), notifying) == []
    assert problems(stage(jobs={"words": {"enabled": False}}), notifying) == []


def test_an_unknown_topic_is_named_with_the_one_there_is() -> None:
    notifying = job(JOB.replace("write: [results]", "write: [results], notify: [report]"))
    assert problems(stage(monitoring={"report_topic": True}), notifying) == [
        "jobs/words/job.yaml:6: permissions.notify[0] is the unknown topic report; known are reports; "
        "did you mean reports?"
    ]


def test_a_job_that_the_stage_leaves_out_needs_nothing_of_it() -> None:
    elsewhere = job(JOB.replace("queue: standard", "queue: other").replace("[uploads]", "[others]"))
    assert problems(stage(jobs={"words": {"enabled": False}}), elsewhere) == []


@pytest.mark.parametrize(
    ("environments", "problem"),
    [
        (
            ("spot", "behnd"),
            "compute_environments[1] is the unknown compute environment behnd; known are behind, serverless, spot; "
            "did you mean behind?",
        ),
        ((), "compute_environments is an empty list; a queue has 1–3; add one of batchyard:compute_environments"),
        (
            ("spot", "serverless"),
            "compute_environments is a mixture of EC2 and Fargate; Batch takes one of the two in a queue; "
            "make two queues",
        ),
        (("spot", "behind", "c", "d"), "compute_environments is 4 environments; a queue has 1–3; remove some"),
    ],
)
def test_a_queue_that_batch_would_refuse(environments: tuple[str, ...], problem: str) -> None:
    found = problems(stage(**queue(*environments)), job())
    assert any(text.startswith(f"Pulumi.test.yaml: batchyard:queues.standard.{problem}") for text in found)


def test_a_job_goes_to_a_queue_on_its_platform() -> None:
    assert problems(stage(), job(JOB.replace("queue: standard", "queue: fargate"))) == [
        "jobs/words/job.yaml:4: queue is fargate, whose environments are Fargate; a job with platform: ec2 goes to a "
        "queue on EC2 (standard); write queue: standard"
    ]
    assert problems(stage(jobs={"words": {"queue": "fargate"}}), job()) == [
        "Pulumi.test.yaml: batchyard:jobs.words.queue is fargate, whose environments are Fargate; a job with "
        "platform: ec2 goes to a queue on EC2 (standard); write queue: standard"
    ]


def test_overrides_name_jobs_and_queues_there_are() -> None:
    found = problems(stage(jobs={"wrods": {"enabled": False}, "words": {"queue": "fast"}}), job())
    assert found == [
        "Pulumi.test.yaml: batchyard:jobs.wrods is the unknown job wrods; known are words; did you mean words?",
        "Pulumi.test.yaml: batchyard:jobs.words.queue is the unknown queue fast; known are fargate, standard; "
        "add the queue, or name one of these",
    ]


def test_two_jobs_with_one_name_are_refused() -> None:
    assert problems(stage(), job(), job(folder="more/words")) == [
        "more/words/job.yaml: the job's name is words, like that of jobs/words/job.yaml; a job's name is its own; "
        "rename one of the folders"
    ]


def test_overrides_are_merged_key_by_key() -> None:
    overrides = {
        "queue": "fast",
        "resources": {"memory_mib": 2048},
        "timeout_s": 120,
        "retry": {"attempts": 5},
        "environment": {"LEVEL": "debug", "MORE": "x"},
    }
    merged = effective_spec(stage(jobs={"words": overrides}), job())
    assert (merged.queue, merged.timeout_s) == ("fast", 120)
    assert (merged.resources.vcpus, merged.resources.memory_mib) == (1, 2048)
    assert (merged.retry.attempts, merged.retry.on_reclaim) == (5, "retry")
    assert merged.environment == {"LEVEL": "debug", "MORE": "x", "SIZE": "3"}


def test_a_schedule_without_a_time_zone_takes_the_stages() -> None:
    zones = [trigger.schedule.timezone for trigger in effective_spec(stage(), job()).triggers if trigger.schedule]
    assert zones == ["Europe/Berlin", "UTC"]


@pytest.mark.parametrize(("given", "expected"), [(None, [True, True, False]), (False, [False] * 3), (True, [True] * 3)])
def test_a_stage_may_let_triggers_rest(given: bool | None, expected: list[bool]) -> None:
    merged = effective_spec(stage(jobs={} if given is None else {"words": {"triggers_enabled": given}}), job())
    assert [trigger.enabled for trigger in merged.triggers] == expected


def test_a_stage_may_let_a_single_trigger_rest_or_wake_it() -> None:
    single = {"upload1": {"enabled": False}, "schedule2": {"enabled": True}}
    merged = effective_spec(stage(jobs={"words": {"triggers": single}}), job())
    assert [trigger.enabled for trigger in merged.triggers] == [False, True, True]
    over_all = {"triggers_enabled": False, "triggers": {"schedule1": {"enabled": True}}}
    merged = effective_spec(stage(jobs={"words": over_all}), job())
    assert [trigger.enabled for trigger in merged.triggers] == [False, True, False]


def test_a_trigger_the_job_does_not_have_is_named() -> None:
    settings = stage(jobs={"words": {"triggers": {"upload2": {"enabled": False}}}})
    assert [str(problem) for problem in cross_check(settings, [job()])] == [
        "Pulumi.test.yaml: batchyard:jobs.words.triggers.upload2 is the unknown trigger upload2; "
        "known are schedule1, schedule2, upload1; did you mean upload1?"
    ]


def test_without_overrides_only_the_time_zone_is_filled_in() -> None:
    loaded = job(JOB.replace("rate: 1 day", "rate: 1 day, timezone: UTC"))
    assert effective_spec(stage(), loaded) == loaded.spec


def test_a_job_that_is_not_enabled_is_left_out() -> None:
    other = job(folder="jobs/other")
    merged = effective_specs(stage(jobs={"words": {"enabled": False}}), [job(), other])
    assert [loaded.name for loaded in merged] == ["other"]


def test_an_override_that_makes_no_sense_names_the_stage() -> None:
    settings = stage(jobs={"words": {"resources": {"vcpus": 1.5}}, "other": {"resources": {"vcpus": 0.5}}})
    with pytest.raises(Problems) as raised:
        effective_specs(settings, [job(), job(folder="jobs/other")])
    assert [str(problem) for problem in raised.value] == [
        "Pulumi.test.yaml: batchyard:jobs.words.resources.vcpus is 1.5; on ec2 vCPUs are whole numbers from 1 up; "
        "round up, or write platform: fargate",
        "Pulumi.test.yaml: batchyard:jobs.other.resources.vcpus is 0.5; on ec2 vCPUs are whole numbers from 1 up; "
        "round up, or write platform: fargate",
    ]


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_the_shipped_stages_and_jobs_go_together(name: str) -> None:
    settings = load_settings_file(REPOSITORY / f"Pulumi.{name}.yaml")
    shipped = discover_jobs(REPOSITORY / "jobs")
    assert cross_check(settings, shipped) == []
    assert len(effective_specs(settings, shipped)) == len(shipped)


def listening(trigger: str, *, more: str = "") -> LoadedSpec:
    text = (
        "description: x\nowner: texts\nplatform: ec2\nqueue: standard\nresources: {vcpus: 1, memory_mib: 512}\n"
        f"{more}triggers:\n  - {trigger}\n"
    )
    return job(text)


def test_topics_and_tables_are_those_of_the_settings() -> None:
    settings = stage(topics={"orders": {}}, tables={"orders": {"name": "shop-orders"}})
    sound = [listening("sns: {topic: orders}"), listening("dynamodb: {table: orders}")]
    assert [problems(settings, one) for one in sound] == [[], []]
    assert problems(settings, listening("sns: {topic: order}")) == [
        "jobs/words/job.yaml:7: triggers[0].sns.topic is the unknown topic order; known are orders; "
        "did you mean orders?"
    ]
    assert problems(stage(), listening("dynamodb: {table: users}")) == [
        "jobs/words/job.yaml:7: triggers[0].dynamodb.table is the unknown table users; known are none; "
        "add users to batchyard:tables"
    ]


def test_the_platforms_own_topics_start_no_jobs() -> None:
    (said,) = problems(stage(monitoring={"report_topic": True}), listening("sns: {topic: reports}"))
    assert "the platform's own topics submit no jobs" in said
    with pytest.raises(Problems, match=r"topics\.failures is given; this topic is the platform's own"):
        stage(topics={"failures": {}})


def test_a_job_does_not_listen_to_itself_without_a_filter() -> None:
    settings = stage(topics={"orders": {}})
    loud = "permissions: {notify: [orders]}\n"
    (said,) = problems(settings, listening("sns: {topic: orders}", more=loud))
    assert said.endswith(
        "triggers[0].sns.topic is orders, which the job publishes to; what a job publishes may not submit it again; "
        "give a filter that its messages don't pass"
    )
    assert problems(settings, listening("sns: {topic: orders, filter: {kind: [paid]}}", more=loud)) == []


def test_a_topic_is_in_the_stages_region() -> None:
    (said,) = problems(stage(topics={"shop": {"arn": "arn:aws:sns:eu-west-1:123456789012:shop"}}))
    assert "which is in eu-west-1; a topic is in the stage's region, " in said
    with pytest.raises(Problems, match=r"topics\.shop\.arn is .*; a topic's ARN is arn:aws:sns"):
        stage(topics={"shop": {"arn": "shop"}})
