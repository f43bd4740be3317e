from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.event_rules.json_path import ABSENT, PathError, parse_path, resolve
from local.emulator.events.transformer import (
    InputError,
    RuleFacts,
    TargetInputError,
    check_input,
    input_for,
    transform,
)

RECORDED = json.loads((Path(__file__).parent / "eventbridge-input-transformer-cases.recorded.json").read_text())
RULE = RuleFacts(arn="arn:<partition>:events:<region>:111111111111:rule/<bus-name>/<rule-name>", name="<rule-name>")
INGESTED = "2024-06-11T08:33:13Z"
EVENT = {
    "version": "0",
    "id": "<uuid:2>",
    "detail-type": "core.update-account-command",
    "source": "core.update-account-command",
    "account": "111111111111",
    "time": "date",
    "region": "<region>",
    "resources": [],
    "detail": RECORDED["eventDetail"],
}


def _target(case: dict[str, Any]) -> dict[str, Any]:
    absent = case.get("note") == "command mapped to a path that is absent from the event"
    paths = {"detail-type": "$.detail-type", "timestamp": "$.time", **RECORDED["inputPathsMap"]}
    if absent:
        paths["command"] = "$.detail.absent"
    return {"Id": "<target-id>", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": case["template"]}}


DELIVERED = [case for case in RECORDED["cases"] if "putTargetsError" not in case]
REFUSED = [case for case in RECORDED["cases"] if "putTargetsError" in case]


@pytest.mark.parametrize("case", DELIVERED, ids=lambda case: case["template"][:40])
def test_recorded_cases(case: dict[str, Any]) -> None:
    target = _target(case)
    check_input(target)
    # The recorder's <ingestion-time> and date stand for the two times of the event.
    ingestion = "<ingestion-time>" if "originalEvent" in case["template"] else "date"
    if case["output"] is None:
        with pytest.raises(InputError):
            input_for(target, EVENT, rule=RULE, ingestion_time=ingestion)
        return
    text = input_for(target, EVENT, rule=RULE, ingestion_time=ingestion)
    if isinstance(case["output"], str):
        assert text == case["output"]
    elif "originalEvent" in case["template"]:
        given = json.loads(text)
        expected = case["output"]
        recorded_detail = expected["originalEventJson"]["detail"]
        assert given["originalEvent"] == expected["originalEvent"]
        assert {key: given["originalEventJson"]["detail"][key] for key in recorded_detail} == recorded_detail
        assert list(given["originalEventJson"]) == list(expected["originalEventJson"])
    else:
        assert json.loads(text) == case["output"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["recorded"])
def test_recorded_refusals(case: dict[str, Any]) -> None:
    both = {"Id": "<target-id>", "InputPath": "$.detail", "InputTransformer": {}}
    target = _target(case) if "template" in case else both
    with pytest.raises(TargetInputError) as refused:
        check_input(target)
    assert str(refused.value) == case["putTargetsError"]["Message"]


def test_a_quote_in_a_value_breaks_the_json() -> None:
    template = '{"Parameters": {"key": <key>}}'
    assert json.loads(transform(template, {"key": "a b é.jpg"})) == {"Parameters": {"key": "a b é.jpg"}}
    for key in ('say "hi".jpg', "back\\slash.jpg", "line\nend.jpg"):
        with pytest.raises(InputError, match="isn't JSON"):
            transform(template, {"key": key})


def test_numbers_stay_numbers_and_quoted_ones_become_texts() -> None:
    given_back = transform('{"n": <n>, "t": "<n>", "l": <l>}', {"n": 4, "l": [1, "a"]})
    assert json.loads(given_back) == {"n": 4, "t": "4", "l": [1, "a"]}


def test_white_space_around_the_template_is_kept() -> None:
    assert transform('{"a": <a>}\n', {"a": 1}) == '{"a": 1}\n'


def test_inputs_without_a_transformer() -> None:
    def given_to(**way: Any) -> str:
        return input_for({"Id": "t", **way}, EVENT, rule=RULE, ingestion_time=INGESTED)

    assert given_to(Input='{"fixed": 1}') == '{"fixed": 1}'
    assert json.loads(given_to(InputPath="$.detail.payload")) == RECORDED["eventDetail"]["payload"]
    assert json.loads(given_to(InputPath="$.detail.nothing")) == ""
    assert json.loads(given_to()) == EVENT


BAD_PATHS = {"InputPathsMap": {"a": "$.x[?]"}, "InputTemplate": "<a>"}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"Input": "{nope"}, "JSON syntax error in input for target t."),
        ({"InputPath": "detail"}, "Invalid InputPath for target t."),
        ({"InputTransformer": BAD_PATHS}, "Invalid InputTransformer for target t."),
    ],
)
def test_refused_inputs(target: dict[str, Any], text: str) -> None:
    with pytest.raises(TargetInputError, match=text):
        check_input({"Id": "t", **target})


def test_paths() -> None:
    assert parse_path("$.detail-type") == ("detail-type",)
    assert parse_path("$.a[0]['b c'].d_e") == ("a", 0, "b c", "d_e")
    event = {"a": [{"b": 1}, {"b": 2}, {}], "n": None}
    assert resolve("$", event) == event
    assert resolve("$.a[1].b", event) == 2
    assert resolve("$.a[*].b", event) == [1, 2]
    assert resolve("$.n", event) is None
    assert resolve("$.a[9].b", event) is ABSENT
    assert resolve("$.n.x", event) is ABSENT
    with pytest.raises(PathError):
        parse_path("$.a[")


PLAIN_TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters='"\\'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | PLAIN_TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(VALUES, PLAIN_TEXTS)
def test_a_json_template_gives_back_what_was_put_in(value: Any, text: str) -> None:
    template = '{"value": <value>, "quoted": "<text>", "inside": "a <text> b"}'
    given_back = json.loads(transform(template, {"value": value, "text": text}))
    assert given_back == {"value": value, "quoted": text, "inside": f"a {text} b"}


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_a_text_template_has_no_quotes_but_its_own(value: Any) -> None:
    assert transform('"Payload: <value>."', {"value": value}).count('"') == 2
