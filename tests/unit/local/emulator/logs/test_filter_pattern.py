from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulator.logs.filter_pattern import FilterPatternError, parse_filter

LINE = json.dumps(
    {
        "type": "usage",
        "exit_code": 137,
        "nested": {"list": [{"name": "a"}, 2], "flag": True, "none": None},
        "path": "/data/a b",
    }
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.type = "usage" }', True),
        ("{ $.type = usage }", True),
        ('{$.type="usage"}', True),
        ('{ $.type = "Usage" }', False),
        ('{ $.type = "us*" }', True),
        ('{ $.type != "usage" }', False),
        ('{ $.missing != "x" }', False),
        ('{ $.nested = "x" }', False),
        ("{ $.exit_code = 137 }", True),
        ("{ $.exit_code > 100 && $.exit_code <= 137 }", True),
        ("{ $.exit_code < 100 || $.nested.flag IS TRUE }", True),
        ("{ ($.exit_code < 100 || $.type = usage) && $.nested.none IS NULL }", True),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.type NOT EXISTS }", False),
        ('{ $.nested.list[0].name = "a" }', True),
        ("{ $.nested.list[1] = 2 }", True),
        ('{ $.path = "/data/*" }', True),
        ("", True),
        ("usage", True),
        ("usage 137", True),
        ("usage missing", False),
        ("-usage", False),
        ("usage -missing", True),
        ("?missing ?137", True),
        ("?missing ?absent", False),
        ('"exit_code"', True),
        ("%1[0-9]7%", True),
        ("%^137%", False),
    ],
)
def test_patterns(pattern: str, expected: bool) -> None:
    assert parse_filter(pattern)(LINE) is expected


@pytest.mark.parametrize("line", ["no json", "[1]", '"usage"', "{", ""])
def test_json_patterns_match_objects_only(line: str) -> None:
    assert parse_filter('{ $.type = "usage" }')(line) is False


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[ip, user]", "space-delimited"),
        ("{ $.a = 1", "no closing brace"),
        ("{ a = 1 }", "must start with $."),
        ("{ $.a ~ 1 }", "is no comparison"),
        ("{ $.a > b }", "compares with a number"),
        ("{ ($.a = 1 }", "a parenthesis isn't closed"),
        ("{ $.a = 1 $.b = 2 }", "isn't expected"),
        ("{ $.a = }", "ends too early"),
        ("{ $.a IS MAYBE }", "NULL, TRUE or FALSE"),
        ("%[%", "can't be read"),
        ("x" * 1025, "1024 are allowed"),
    ],
)
def test_refused_patterns(pattern: str, text: str) -> None:
    with pytest.raises(FilterPatternError, match=re.escape(text)):
        parse_filter(pattern)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters='"\\*', exclude_categories=["Cs"]), max_size=10), st.text(max_size=10))
def test_equality_is_equality(wanted: str, found: str) -> None:
    matches = parse_filter(f'{{ $.field = "{wanted}" }}')
    assert matches(json.dumps({"field": wanted}))
    assert matches(json.dumps({"field": found})) is (found == wanted)
    value: Any = {"field": found}
    assert parse_filter(f'{{ $.field != "{wanted}" }}')(json.dumps(value)) is (found != wanted)
