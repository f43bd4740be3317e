"""`Ref::` parameters in commands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulator.batch.jobs import substitute


@pytest.mark.parametrize(
    ("command", "parameters", "expected"),
    [
        (["--key", "Ref::key"], {"key": "a b.jpg"}, ["--key", "a b.jpg"]),
        (["s3://Ref::bucket/Ref::key"], {"bucket": "b", "key": "k"}, ["s3://b/k"]),
        (["Ref::keyring"], {"key": "k"}, ["Ref::keyring"]),
        (["Ref::keyring"], {"key": "k", "keyring": "r"}, ["r"]),
        (["Ref::missing"], {"key": "k"}, ["Ref::missing"]),
        (["Ref::a"], {"a": "Ref::b", "b": "x"}, ["Ref::b"]),
        (["Ref::key"], {}, ["Ref::key"]),
        (["Ref::key"], {"key": r"\1 \g<0>"}, [r"\1 \g<0>"]),
    ],
)
def test_parameters_are_put_in(command: list[str], parameters: dict[str, str], expected: list[str]) -> None:
    assert substitute(command, parameters) == expected


@settings(max_examples=50)
@given(st.text())
def test_any_value_arrives_as_it_is(value: str) -> None:
    assert substitute(["Ref::value"], {"value": value}) == [value]
