"""From a stack's configuration to settings: what is accepted, and what is read after a mistake."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.settings import SETTING_KEYS, Settings, load_settings, load_settings_file
from jobs.problems import Problems

REPOSITORY = Path(__file__).parents[3]
STAGES = ("local", "dev", "prod")

SOUND: dict[str, Any] = {
    "aws:region": "eu-central-1",
    "batchyard:owner": "platform",
    "batchyard:compute_environments": {
        "spot": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.large"]},
        "behind": {"kind": "ec2-on-demand", "max_vcpus": 2, "instance_types": ["m7i.large"]},
    },
    "batchyard:queues": {"standard": {"priority": 10, "compute_environments": ["spot", "behind"]}},
    "batchyard:buckets": {"uploads": {}},
    "batchyard:images": {"base_image": "python:3.11"},
}


def load(change: dict[str, Any], stage: str = "test") -> Settings:
    """From a file that isn't there: problems have no lines."""
    return load_settings({**SOUND, **change}, stage=stage, file="Pulumi.test.yaml")


def refused(change: dict[str, Any], stage: str = "test") -> list[str]:
    with pytest.raises(Problems) as raised:
        load(change, stage)
    return [str(problem) for problem in raised.value]


@pytest.mark.parametrize("stage", STAGES)
def test_the_shipped_stages_are_sound(stage: str) -> None:
    loaded = load_settings_file(REPOSITORY / f"Pulumi.{stage}.yaml")
    assert loaded.stage == stage
    assert {"critical", "standard"} <= loaded.queues.keys()
    assert {"uploads", "results"} <= loaded.buckets.keys()
    for queue in ("critical", "standard"):
        first, *behind = (loaded.compute_environments[name] for name in loaded.queues[queue].compute_environments)
        assert first.is_spot
        assert [environment.kind for environment in behind] == ["ec2-on-demand"]


@pytest.mark.parametrize("stage", STAGES)
def test_settings_written_down_are_the_same_settings(stage: str) -> None:
    loaded = load_settings_file(REPOSITORY / f"Pulumi.{stage}.yaml")
    written = json.loads(loaded.model_dump_json(exclude_none=True, exclude={"stage", "file"}))
    assert load_settings(written, stage=stage, file=loaded.file) == loaded


def test_the_shipped_stages_have_the_same_keys() -> None:
    keys = [set(yaml.safe_load((REPOSITORY / f"Pulumi.{stage}.yaml").read_text())["config"]) for stage in STAGES]
    ours = [{key for key in stage if key.startswith("batchyard:")} - {"batchyard:promote_from"} for stage in keys]
    assert ours[0] == ours[1] == ours[2]


def test_dev_costs_nothing_idle_and_prod_is_private() -> None:
    dev, prod = (load_settings_file(REPOSITORY / f"Pulumi.{stage}.yaml") for stage in ("dev", "prod"))
    assert (dev.network.private, dev.network.egress) == (False, "public-ip")
    assert all(environment.min_vcpus == 0 for environment in dev.compute_environments.values())
    assert prod.network.private
    assert not prod.force_destroy


def test_values_may_be_plain_or_json_as_the_engine_gives_them() -> None:
    as_json = {key: value if isinstance(value, str) else json.dumps(value) for key, value in SOUND.items()}
    as_json |= {"batchyard:force_destroy": "true", "other:key": "{", "batchyard:timezone": "UTC"}
    plain = load({"batchyard:force_destroy": True})
    assert load_settings(as_json, stage="test", file="Pulumi.test.yaml") == plain
    bare = {key.removeprefix("batchyard:"): value for key, value in SOUND.items()}
    assert load_settings(bare | {"force_destroy": True}, stage="test", file="Pulumi.test.yaml") == plain


def test_the_region_is_the_providers_unless_ours_is_given() -> None:
    assert load({}).region == "eu-central-1"
    assert load({"batchyard:region": "us-west-2"}).region == "us-west-2"


def test_every_configuration_key_is_offered() -> None:
    assert {"queues", "jobs", "promote_from"} <= set(SETTING_KEYS)
    assert not {"stage", "file"} & set(SETTING_KEYS)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"batchyard:qeues": {}},
            "Pulumi.test.yaml: batchyard:qeues is an unknown key; known are buckets, budgets, compute_environments, "
            "force_destroy, images, jobs, ledger, logs, monitoring, network, owner, promote_from, queues, region, "
            "schedules, tables, timezone, topics; did you mean queues?",
        ),
        (
            {"batchyard:stage": "x"},
            "Pulumi.test.yaml: batchyard:stage is given; the stack itself gives it; remove the key",
        ),
        (
            {"aws:region": "Frankfurt"},
            "Pulumi.test.yaml: aws:region is 'Frankfurt'; a region is a name like us-east-1; set aws:region",
        ),
        (
            {"batchyard:timezone": "Europe/Berln"},
            "Pulumi.test.yaml: batchyard:timezone is 'Europe/Berln'; a time zone is an IANA name; "
            "did you mean Europe/Berlin?",
        ),
        (
            {"batchyard:queues": {"standard": {"priority": "high", "compute_environments": ["spot"]}}},
            "Pulumi.test.yaml: batchyard:queues.standard.priority is 'high'; a priority is a whole number from 0 to "
            "1,000; write a whole number without quotes",
        ),
        (
            {"batchyard:queues": {"a-queue-with-a-name-that-goes-on-and-on-and-on": {}}},
            "Pulumi.test.yaml: batchyard:queues.a-queue-with-a-name-that-goes-on-and-on-and-on is "
            "'a-queue-with-a-name-that-goes-on-and-on-and-on'; a queue's name is lower-case letters, digits and single "
            "hyphens, beginning with a letter, at most 40 characters; rename the queue",
        ),
        (
            {"batchyard:queues": {}},
            "Pulumi.test.yaml: batchyard:queues is an empty mapping; a stage has at least one; add one",
        ),
        (
            {"batchyard:queues": "not: json"},
            "Pulumi.test.yaml: batchyard:queues is 'not: json'; it must be a mapping; write key: value lines below it",
        ),
        (
            {"batchyard:compute_environments": {"spot": {"kind": "spot", "max_vcpus": 4}}},
            "Pulumi.test.yaml: batchyard:compute_environments.spot.kind is 'spot'; allowed are ec2-on-demand, "
            "ec2-spot, ec2-unmanaged, fargate, fargate-spot; did you mean ec2-spot?",
        ),
        (
            {"batchyard:compute_environments": {"f": {"kind": "fargate", "max_vcpus": 4, "bid_percentage": 50}}},
            "Pulumi.test.yaml: batchyard:compute_environments.f is fargate with bid_percentage; "
            "Fargate takes only kind and max_vcpus; remove bid_percentage",
        ),
        (
            {"batchyard:compute_environments": {"spot": {"kind": "ec2-spot", "max_vcpus": 4}}},
            "Pulumi.test.yaml: batchyard:compute_environments.spot is ec2-spot without instance_types; "
            "an EC2 environment names its types; add instance_types: [m7i.large]",
        ),
        (
            {
                "batchyard:compute_environments": {
                    "a": {
                        "kind": "ec2-on-demand",
                        "max_vcpus": 4,
                        "instance_types": ["m7i.large"],
                        "allocation_strategy": "SPOT_CAPACITY_OPTIMIZED",
                    }
                }
            },
            "Pulumi.test.yaml: batchyard:compute_environments.a.allocation_strategy is SPOT_CAPACITY_OPTIMIZED; "
            "on-demand takes BEST_FIT_PROGRESSIVE; remove it, or write kind: ec2-spot",
        ),
        (
            {
                "batchyard:compute_environments": {
                    "a": {"kind": "ec2-spot", "max_vcpus": 4, "min_vcpus": 5, "instance_types": ["m7i.large"]}
                }
            },
            "Pulumi.test.yaml: batchyard:compute_environments.a.min_vcpus is 5 with max_vcpus 4; "
            "min_vcpus is at most max_vcpus; lower min_vcpus",
        ),
        (
            {"batchyard:queues": {"q": {"priority": 1, "compute_environments": ["spot", "spot"]}}},
            "Pulumi.test.yaml: batchyard:queues.q.compute_environments[1] is spot for the second time; "
            "each environment is named once; remove one of the two",
        ),
        (
            {
                "batchyard:queues": {
                    "q": {
                        "priority": 1,
                        "compute_environments": ["spot"],
                        "state_time_limit_actions": [
                            {"reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "max_time_s": seconds}
                            for seconds in (600, 700)
                        ],
                    }
                }
            },
            "Pulumi.test.yaml: batchyard:queues.q.state_time_limit_actions[1] is "
            "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT for the second time; each reason is named once; "
            "remove one of the two",
        ),
        (
            {"batchyard:buckets": {"ledger": {}}},
            "Pulumi.test.yaml: batchyard:buckets.ledger is given; the ledger's bucket is the platform's own; "
            "set batchyard:ledger instead",
        ),
        (
            {"batchyard:images": {"base_image": "python"}},
            "Pulumi.test.yaml: batchyard:images.base_image is python without a version; "
            "a base image has a fixed version; write a tag that names one, or a digest",
        ),
        (
            {"batchyard:network": {"private": True}},
            "Pulumi.test.yaml: batchyard:network.egress is public-ip with private: true; private instances reach AWS "
            "through interface-endpoints, nat or none; write egress: interface-endpoints",
        ),
        (
            {"batchyard:network": {"vpc_id": "vpc-0123456789abcdef0"}},
            "Pulumi.test.yaml: batchyard:network.vpc_id is given without subnet_ids; an existing VPC comes with its "
            "subnets; add subnet_ids",
        ),
        (
            {"batchyard:network": {"cidr": "10.0.0.1/16"}},
            "Pulumi.test.yaml: batchyard:network.cidr is '10.0.0.1/16'; cidr is an IPv4 block like 10.20.0.0/16; "
            "zero the bits behind the prefix",
        ),
        (
            {"batchyard:logs": {"retention_days": 31}},
            "Pulumi.test.yaml: batchyard:logs.retention_days is 31; CloudWatch takes 1, 3, 5, 7, 14, 30, 60, 90, 120, "
            "150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; write 30",
        ),
        (
            {"batchyard:ledger": {"buffer_s": 1000}},
            "Pulumi.test.yaml: batchyard:ledger.buffer_s is 1000; Firehose buffers 0–900 s; "
            "write whole seconds in that range",
        ),
        (
            {"batchyard:monitoring": {"email": "x@example.org"}},
            "Pulumi.test.yaml: batchyard:monitoring.email is given without failure_topic or report_topic; "
            "an email needs a topic; write failure_topic: true, report_topic: true or both",
        ),
        (
            {"batchyard:promote_from": "dev"},
            "Pulumi.test.yaml: batchyard:promote_from is 'dev'; promote_from is organization/project/stack; "
            "write for example organization/batchyard/dev",
        ),
        (
            {"batchyard:jobs": {"x": {"retry": {"attempts": 11}}}},
            "Pulumi.test.yaml: batchyard:jobs.x.retry.attempts is 11; Batch allows 1–10; "
            "write a whole number in that range",
        ),
        (
            {"batchyard:jobs": {"x": {"platform": "fargate"}}},
            "Pulumi.test.yaml: batchyard:jobs.x.platform is an unknown key; known are enabled, environment, "
            "isolated, queue, resources, retry, schedulable, secrets, timeout_s, triggers, triggers_enabled; remove it",
        ),
    ],
)
def test_one_mistake_is_one_problem(change: dict[str, Any], problem: str) -> None:
    problems = refused(change)
    assert problem in problems
    # but for a key that misses others too
    assert len(problems) == 1 or "goes-on" in problem


def test_a_stack_name_that_cannot_be_in_names_is_refused() -> None:
    assert refused({}, "Prod_EU") == [
        "Pulumi.test.yaml: the stack's name is 'Prod_EU'; a stage's name is lower-case letters, digits and single "
        "hyphens, at most 20 characters; choose another stack name"
    ]


def test_all_mistakes_are_reported_those_between_fields_too() -> None:
    found = refused(
        {
            "batchyard:network": {"private": True, "cidr": "x", "availability_zones": 9},
            "batchyard:buckets": {"ledger": {}, "x": {"expire_after_days": 0}},
            "batchyard:owner": 3,
        }
    )
    assert sorted(problem.split(" is ")[0].removeprefix("Pulumi.test.yaml: ") for problem in found) == [
        "batchyard:buckets.ledger",
        "batchyard:buckets.x.expire_after_days",
        "batchyard:network.availability_zones",
        "batchyard:network.cidr",
        "batchyard:network.egress",
        "batchyard:owner",
    ]


def test_nothing_at_all_misses_what_is_required() -> None:
    with pytest.raises(Problems) as raised:
        load_settings({}, stage="test", file="Pulumi.test.yaml")
    assert [problem.place.partition(": ")[2] for problem in raised.value] == [
        "aws:region",
        "batchyard:owner",
        "batchyard:compute_environments",
        "batchyard:queues",
        "batchyard:images",
    ]


def test_a_file_gives_lines_and_its_own_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    text = yaml.safe_dump({"config": SOUND}, sort_keys=False)
    file.write_text(text + "  batchyard:logs: {retention_days: 8}\n  batchyard:owner: again\n")
    with pytest.raises(Problems) as raised:
        load_settings_file(file)
    lines = len(text.splitlines())
    assert [problem.place for problem in raised.value] == [
        f"{file}:{lines + 1}: batchyard:logs.retention_days",
        f"{file}:{lines + 2}: batchyard:owner",
    ]
    # the engine's values with the same file's lines
    with pytest.raises(Problems, match=f":{lines + 1}: batchyard:logs.retention_days is 8"):
        load_settings({**SOUND, "batchyard:logs": {"retention_days": 8}}, stage="test", file=str(file))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; it is a mapping of keys"),
        ("[1]", "is a list; it is a mapping of keys"),
        ("config: 3", ":1: config is 3; it is a mapping of keys; write config: with batchyard: keys below it"),
        ("encryptionsalt: x", "config is empty; it is a mapping of keys"),
        ("config:\n\tx: 1", "YAML is indented with spaces"),
    ],
)
def test_a_file_without_configuration_is_one_problem(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(text)
    with pytest.raises(Problems) as raised:
        load_settings_file(file)
    assert len(raised.value) == 1
    assert problem in str(raised.value)


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just("\ud800"))
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("\ud800"), inner, max_size=3)
    ),
    max_leaves=4,
)
sections = st.sampled_from([*SETTING_KEYS, "unknown"])


@given(sections, values, st.lists(st.sampled_from(["x", "spot", "kind", "resources", "cidr"]), max_size=3))
@settings(max_examples=100, deadline=None)
def test_any_value_anywhere_is_accepted_or_refused(section: str, value: Any, path: list[str]) -> None:
    for part in reversed(path):
        value = {part: value}
    change = copy.deepcopy(SOUND) | {f"batchyard:{section}": value}
    problems = attempt(change)
    assert all(
        problem.place and problem.got and problem.allowed and problem.remedy and str(problem).isprintable()
        for problem in problems or ()
    )


def attempt(config: dict[str, Any]) -> Problems | None:
    try:
        load_settings(config, stage="test", file="Pulumi.test.yaml")
    except Problems as problems:
        return problems
    return None


def test_a_stacks_file_may_share_blocks_as_pulumi_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    jobs = "    a: &usual {timeout_s: 90, resources: {vcpus: 1}}\n    b: *usual\n    c: {<<: *usual, timeout_s: 120}\n"
    file.write_text(f"{yaml.safe_dump({'config': SOUND})}  batchyard:jobs:\n{jobs}")
    read = load_settings_file(file).jobs
    assert [read[job].timeout_s for job in "abc"] == [90, 90, 120]
    assert read["a"].resources == read["b"].resources == read["c"].resources
