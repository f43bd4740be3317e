"""Defaults, names, tags and mistakes; differences and what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.providers.framework import UNKNOWN, AutoName, Plan, Props, ResourceType
from local.providers.framework.check import DEFAULTS, NamingRequest, check
from local.providers.framework.compare import Comparison
from local.providers.framework.configuration import Configuration
from local.providers.framework.errors import ProviderError
from local.providers.framework.plan import parse_path, path_text


def nothing(*arguments: Any) -> Any:
    raise AssertionError("no service is asked here")


def refuse_odd(plan: Plan) -> None:
    if plan.new.get("size") == 13:
        plan.fail("size 13 isn't sold")
    if plan.touches("block.deep"):
        plan.replace_on("block")


THING = ResourceType(
    token="test:index/thing:Thing",
    label="Test Thing",
    inputs=frozenset(
        {"name", "namePrefix", "size", "block", "items", "rules", "policy", "document", "labels", "either", "orr"}
    ),
    required=frozenset({"size"}),
    computed=frozenset({"items"}),
    outputs=frozenset({"arn"}),
    defaults={"orr": "default"},
    auto_name=AutoName(max_length=20),
    one_of=(("either", "orr"),),
    replace=frozenset({"name", "block.fixed"}),
    replace_on_count=frozenset({"rules"}),
    sets=frozenset({"items"}),
    policies=frozenset({"policy"}),
    json=frozenset({"document"}),
    maps=frozenset({"labels"}),
    fresh_on_update=frozenset({"arn"}),
    plan=refuse_odd,
    tags=True,
    create=nothing,
    read=nothing,
    update=nothing,
    delete=nothing,
)
TAGGED = Configuration(
    region="us-east-1", endpoint="http://localhost", default_tags={"project": "b"}, ignored_tags=frozenset({"x"})
)


def checked(new: Props, old: Props | None = None, seed: bytes = b"1", naming: NamingRequest | None = None) -> Any:
    return check(THING, name="jobs", old=old or {}, new=new, seed=seed, naming=naming, configuration=TAGGED)


def differences(old: Props, new: Props, old_inputs: Props | None = None) -> dict[str, str]:
    plan = Plan(THING, old=old, new=new, old_inputs=old_inputs)
    return {path_text(change.path): change.kind + ("+replace" if change.replaces else "") for change in plan.changes}


def test_names_and_defaults_are_remembered() -> None:
    first = checked({"size": 1})
    assert first.failures == []
    assert first.inputs[DEFAULTS] == ["name", "orr"]
    assert len(first.inputs["name"]) == len("jobs-1234567")
    second = checked({"size": 2}, first.inputs, seed=b"2")
    assert second.inputs["name"] == first.inputs["name"]
    assert checked({"size": 2}, seed=b"2").inputs["name"] != first.inputs["name"]
    assert checked({"size": 1, "name": "mine"}, first.inputs).inputs[DEFAULTS] == ["orr"]
    assert "name" not in checked({"size": 1, "namePrefix": "a"}).inputs
    assert "orr" not in checked({"size": 1, "either": "this"}).inputs


def test_the_projects_naming_is_followed() -> None:
    assert checked({"size": 1}, naming=NamingRequest(mode="enforce", proposed="exact")).inputs["name"] == "exact"
    assert checked({"size": 1}, naming=NamingRequest(mode="propose", proposed="hint")).inputs["name"] == "hint"
    [failure] = checked({"size": 1}, naming=NamingRequest(mode="disable", proposed="")).failures
    assert "automatic naming is disabled, set it explicitly" in failure


def test_all_mistakes_come_at_once() -> None:
    result = checked({"colour": 1, "either": "a", "orr": "b", "tagsAll": {}, "name": None})
    assert len(result.failures) == 4
    assert result.failures[0].startswith("'colour' isn't a property the local stand-in knows of test:index/thing:Thing")
    assert "Missing required property 'size'. Examine values at 'jobs.size'." in result.failures


def test_tags_of_the_provider_are_added() -> None:
    assert checked({"size": 1, "tags": {"a": "1", "x": "y"}}).inputs["tagsAll"] == {"project": "b", "a": "1"}
    assert checked({"size": 1, "tags": {"a": UNKNOWN}}).inputs["tagsAll"] is UNKNOWN


def test_documents_may_be_objects() -> None:
    assert checked({"size": 1, "document": {"a": [1]}}).inputs["document"] == '{"a":[1]}'
    assert checked({"size": 1, "document": {"a": UNKNOWN}}).inputs["document"] is UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"size": 1}, {"size": 1.0}, {}),
        ({"size": "8"}, {"size": 8}, {}),
        ({"size": 0, "labels": {}}, {}, {}),
        ({"size": 1}, {"size": UNKNOWN}, {"size": "update"}),
        ({"name": "a"}, {"name": UNKNOWN}, {"name": "update+replace"}),
        ({"items": [1, 2]}, {"items": [2, 1]}, {}),
        ({"items": [1, 2]}, {}, {}),
        ({"items": [1, 2]}, {"items": [2]}, {"items[0]": "delete"}),
        ({"rules": [{"a": 1}]}, {"rules": [{"a": 2}]}, {"rules[0].a": "update"}),
        ({"rules": [{"a": 1}]}, {"rules": [{"a": 1}, {"a": 2}]}, {"rules[1]": "add+replace"}),
        (
            {"labels": {"a.b": "1", "c": "2"}},
            {"labels": {"a.b": "2"}},
            {'labels["a.b"]': "update", "labels.c": "delete"},
        ),
        ({"block": {"a": 1, "server": 2}}, {"block": {"a": 1}}, {}),
        ({"block": {"fixed": 1}}, {"block": {"fixed": 2}}, {"block.fixed": "update+replace"}),
        ({"block": {"deep": 1}}, {"block": {"deep": 2}}, {"block.deep": "update+replace"}),
        ({"tagsAll": {"a": "1"}}, {"tagsAll": {}}, {"tagsAll.a": "delete"}),
        ({"document": '{"a": 1, "b": 2}'}, {"document": '{"b":2,"a":1}'}, {}),
        ({"document": '{"a": 1}'}, {"document": '{"a":2}'}, {"document": "update"}),
    ],
)
def test_differences_are_those_of_meaning(old: Props, new: Props, expected: dict[str, str]) -> None:
    assert differences(old, new) == expected


def test_a_key_that_was_asked_for_and_no_longer_is_differs() -> None:
    old = {"block": {"a": 1, "b": 2}}
    assert differences(old, {"block": {"a": 1}}, old_inputs=old) == {"block.b": "delete"}


def test_policies_are_compared_as_iam_does() -> None:
    def policy(action: Any, **more: Any) -> str:
        return json.dumps(
            {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "a", **more}], "Version": "2012-10-17"}
        )

    assert differences({"policy": policy("x:A")}, {"policy": policy(["x:A"])}) == {}
    assert differences({"policy": policy(["x:A", "x:B"])}, {"policy": policy(["x:B", "x:A"])}) == {}
    assert differences({"policy": policy("x:A")}, {"policy": policy("x:B")}) == {"policy": "update"}
    assert differences({"policy": policy("x:A")}, {"policy": policy("x:A", Sid="s")}) == {"policy": "update"}


def test_ignored_changes_are_none_and_plans_may_refuse() -> None:
    plan = Plan(
        THING, old={"size": 1, "tags": {"a": "1"}}, new={"size": 2, "tags": {"a": "2"}}, ignore=["tags.a", "size"]
    )
    assert plan.changes == []
    with pytest.raises(ProviderError, match="size 13 isn't sold"):
        Plan(THING, old=None, new={"size": 13})


def test_previews_show_what_is_not_yet_known() -> None:
    created = Plan(THING, old=None, new={"size": 1}).planned("eu-west-1")
    assert created["arn"] is UNKNOWN
    assert created["region"] == "eu-west-1"
    state = {"size": 1, "arn": "a", "labels": {"a": "1"}, "items": [1]}
    updated = Plan(THING, old=state, new={"size": 2}).planned()
    assert updated == {"size": 2, "arn": UNKNOWN, "items": [1]}
    assert Plan(THING, old=state, new={"size": 1, "labels": {"a": "1"}}).planned() == state


def test_an_explicit_name_is_deleted_before_it_is_made_again() -> None:
    plan = Plan(THING, old={"name": "a", "block": {"fixed": 1}}, new={"name": "a", "block": {"fixed": 2}})
    assert plan.deletes_first(defaulted=[])
    assert not plan.deletes_first(defaulted=["name"])


def test_what_means_the_same_keeps_the_words_it_was_asked_in() -> None:
    known = {"document": '{"a": 1}', "items": [3, 1], "rules": [{"a": "1"}], "labels": {"a": "1"}, "size": 1}
    read = {
        "document": '{"a":1}',
        "items": [1, 2, 3],
        "rules": [{"a": 1, "id": "x"}],
        "labels": {"b": "1"},
        "size": None,
    }
    assert Comparison(THING).settle(known, read) == {
        "document": '{"a": 1}',
        "items": [3, 1, 2],
        "rules": [{"a": "1", "id": "x"}],
        "labels": {"b": "1"},
    }


@pytest.mark.parametrize("text", ["a", "a.b", "a[0].b", 'a["x.y"].c'])
def test_paths_are_written_as_they_are_read(text: str) -> None:
    assert path_text(parse_path(text)) == text


def test_configuration_names_what_is_missing() -> None:
    with pytest.raises(ProviderError, match="aws:region is missing"):
        Configuration.read({}, {"AWS_ENDPOINT_URL": "http://localhost"})
    with pytest.raises(ProviderError, match="AWS_ENDPOINT_URL is missing: this stand-in"):
        Configuration.read({"region": "us-east-1"}, {})
    read = Configuration.read(
        {"region": "eu-west-1", "defaultTags": '{"tags": {"a": "1"}}', "endpoints": '[{"s3": "http://localhost:1"}]'},
        {},
    )
    assert (read.region, read.default_tags, read.endpoints) == ("eu-west-1", {"a": "1"}, {"s3": "http://localhost:1"})
