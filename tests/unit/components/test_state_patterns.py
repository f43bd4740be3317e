"""Patterns on many queues and clusters: each within EventBridge's limit, all together on every one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from components.state_patterns import CLUSTER_NAME_MAX, Pattern, Watched, ecs_patterns, finished_patterns
from jobs.event_rules.check import PATTERN_MAX_CHARACTERS
from jobs.event_rules.pattern import parse_pattern
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record

QUEUES = 40
ENVIRONMENTS = 15


def texts(patterns: Sequence[Pattern]) -> list[str]:
    return [json.dumps(one, sort_keys=True) for one in patterns]


def finished(arns: Sequence[str]) -> list[str]:
    return texts(finished_patterns([Watched(arn=arn, length=len(arn)) for arn in arns], ["SUCCEEDED", "FAILED"]))


def named(text: str, field: str) -> list[str]:
    found: list[str] = json.loads(text)["detail"][field]
    return found


def test_one_pattern_up_to_the_limit_and_two_from_the_next_character_on() -> None:
    names = [f"queue-{n:02}".ljust(60, "x") for n in range(20)]
    (text,) = finished(names)
    # a comma and a blank are counted after the last one too, and it has none
    fitting = [*names, "y" * (PATTERN_MAX_CHARACTERS - len(text) - len('"", ""'))]
    (whole,) = finished(fitting)
    assert len(whole) == PATTERN_MAX_CHARACTERS - len(", ")
    assert [named(one, "jobQueue") for one in finished([*fitting[:-1], f"{fitting[-1]}y"])] == [
        names,
        [f"{fitting[-1]}y"],
    ]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=80))
def test_every_queue_is_in_one_pattern_and_each_is_within_the_limit(lengths: list[int]) -> None:
    names = [f"{n:03}".ljust(length, "x") for n, length in enumerate(lengths)]
    made = finished(names)
    assert [name for text in made for name in named(text, "jobQueue")] == names
    for text in made:
        parse_pattern(text)
        assert len(text) <= PATTERN_MAX_CHARACTERS


def test_clusters_fit_whatever_batch_calls_them() -> None:
    names = [f"cluster/{n:02}".ljust(CLUSTER_NAME_MAX + 45, "x") for n in range(50)]
    made = texts(ecs_patterns([Watched(arn=name, length=len(name)) for name in names]))
    assert [name for text in made for name in named(text, "clusterArn")] == names
    assert max(map(len, made)) <= PATTERN_MAX_CHARACTERS


def test_a_stage_with_many_queues_and_environments_is_recorded_whole(tmp_path: Path) -> None:
    stage = record(
        example.config(
            queues={
                **example.CONFIG["batchyard:queues"],
                **{f"q{n}".ljust(40, "x"): {"priority": 1, "compute_environments": ["fargate"]} for n in range(QUEUES)},
            },
            compute_environments={
                **example.CONFIG["batchyard:compute_environments"],
                **{f"e{n}": {"kind": "fargate", "max_vcpus": 1} for n in range(ENVIRONMENTS)},
            },
        ),
        stack="dev",
        repository=example.write_repository(tmp_path),
    )
    queues = sorted(stage.outputs["queues"].values())
    clusters = [one["ecs_cluster_arn"] for _, one in sorted(stage.outputs["environments"].items())]
    assert (len(queues), len(clusters)) == (QUEUES + 3, ENVIRONMENTS + 3)
    for kind, field, wanted in (
        ("ledger-attempts", "jobQueue", queues),
        ("ledger-ecs", "clusterArn", clusters),
        ("failures", "jobQueue", queues),
    ):
        rules = [one for one in stage.of("EventRule") if one.name.startswith(f"batchyard-dev-{kind}")]
        assert len(rules) > 1
        patterns = [one.inputs["eventPattern"] for one in rules]
        assert sorted(arn for text in patterns for arn in named(text, field)) == sorted(wanted)
        assert max(map(len, patterns)) <= PATTERN_MAX_CHARACTERS
        targets = {one.name for one in stage.of("EventTarget")}
        assert {one.name for one in rules} <= targets
        assert set(trusted(stage, kind)) == {one.outputs["arn"] for one in rules}


def trusted(stage: Recording, kind: str) -> list[str]:
    """The rules that may deliver: by their role's trust, or by the topic's policy."""
    if kind == "failures":
        text = stage.one("TopicPolicy", "batchyard-dev-failures").inputs["policy"]
        condition = json.loads(text)["Statement"][0]["Condition"]["ArnEquals"]
    else:
        text = stage.one("Role", f"batchyard-dev-{kind}").inputs["assumeRolePolicy"]
        condition = json.loads(text)["Statement"][0]["Condition"]["ArnLike"]
    found: list[str] = condition["aws:SourceArn"]
    return found
