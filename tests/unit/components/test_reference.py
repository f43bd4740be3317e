"""Reading another stack: a typed value, or one clear sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.runtime import mocks

from components.reference import StageReference
from jobs.problems import Problems
from tests.unit.components.mocked_engine import Mocks, Recording

STACK = "organization/batchyard/dev"


def read(stacks: Mapping[str, Mapping[str, Any]], stack: str = STACK) -> StageReference:
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(Mocks(stacks=stacks), project="batchyard", stack="prod", preview=False)
    return StageReference.read(stack)


def refusal(stacks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    with pytest.raises(Problems) as caught:
        read(stacks)
    return [str(problem) for problem in caught.value]


def test_a_stage_reads_back_as_it_was_exported(stage: Recording, source_outputs: dict[str, Any]) -> None:
    reference = read({STACK: source_outputs})
    assert reference.version == 1
    assert reference.images == stage.outputs["images"]
    assert reference.ledger.attempts_prefix == "attempts/"
    assert reference.ledger.ecs_prefix == "ecs/"
    assert {name: one.arn for name, one in reference.environments.items()} == reference.compute_environments
    assert reference.environments["spot"].kind == "ec2-spot"
    assert ":cluster/AWSBatch-batchyard-dev-spot-" in reference.environments["spot"].ecs_cluster_arn
    assert reference.network.subnet_ids == tuple(stage.outputs["network"]["subnet_ids"])


def test_a_stage_from_before_ecs_was_recorded_is_read_too(source_outputs: dict[str, Any]) -> None:
    older = {name: value for name, value in source_outputs["stage"].items() if name != "environments"}
    older["ledger"] = {name: value for name, value in older["ledger"].items() if name != "ecs_prefix"}
    found = read({STACK: {"stage": older}})
    assert (found.environments, found.ledger.ecs_prefix) == ({}, "")


def test_keys_of_a_newer_stage_are_passed_over(source_outputs: dict[str, Any]) -> None:
    assert read({STACK: {"stage": {**source_outputs["stage"], "dashboards": {}}}}).stage == "dev"


def test_a_missing_stack(source_outputs: dict[str, Any]) -> None:
    (text,) = refusal({"organization/batchyard/other": source_outputs})
    assert text.startswith(f"stack {STACK} is {STACK}, which can't be read (")
    assert f'unknown stack "{STACK}"' in text
    assert "pulumi stack ls" in text


def test_a_stack_without_the_output() -> None:
    (text,) = refusal({STACK: {"url": "x"}})
    assert text == (
        f"stack {STACK} is {STACK}, which exports url; a Batchyard stage exports `stage`; "
        "bring the stack up, or name another"
    )


@pytest.mark.parametrize("version", [2.0, None, "1"])
def test_another_version(source_outputs: dict[str, Any], version: object) -> None:
    (text,) = refusal({STACK: {"stage": {**source_outputs["stage"], "version": version}}})
    assert "this Batchyard reads version 1" in text


def test_no_mapping() -> None:
    (text,) = refusal({STACK: {"stage": "up"}})
    assert "whose `stage` is no mapping" in text


def test_every_incomplete_key_is_named(source_outputs: dict[str, Any]) -> None:
    environments = {"spot": {"kind": "ec2-spot", "arn": "a"}}
    broken = {
        **source_outputs["stage"], "images": ["x"], "ledger": {"bucket": "b"}, "environments": environments,
    }  # fmt: skip
    del broken["region"]
    text = "\n".join(refusal({STACK: {"stage": broken}}))
    for expected in (
        "stage.region is missing",
        "stage.images is of the type list",
        "stage.ledger.attempts_prefix is missing",
        "stage.ledger.usage_prefix is missing",
        "stage.environments.spot.ecs_cluster_arn is missing",
    ):
        assert expected in text
