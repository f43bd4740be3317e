"""Values on the wire."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from local.providers.framework.values import ASSET, SIGNATURE, UNKNOWN, Asset, decode, encode, holds_unknown

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.dictionaries(st.text("abcd", min_size=1), PLAIN, max_size=4))
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    assert decode(encode(values)).values == values


def test_secrets_are_unwrapped_and_wrapped_again() -> None:
    values = {"a": {"b": ["x", "y"]}, "c": 1}
    secret = {("a", "b", 1), ("c",)}
    again = decode(encode(values, secret))
    assert again.values == values
    assert again.secrets == secret


def test_a_secret_whose_place_is_gone_makes_its_property_secret() -> None:
    assert decode(encode({"a": []}, {("a", 3)})).secrets == {("a",)}
    assert decode(encode({"b": 1}, {("a",)})).secrets == set()


def test_assets_keep_their_hash() -> None:
    asset = Asset(signature=ASSET, hash="12", text="hello")
    again = decode(encode({"source": asset})).values["source"]
    assert again == asset
    assert again.read() == b"hello"


def test_unknown_outputs_are_unknown() -> None:
    message = Struct()
    message.fields["a"].struct_value.fields[SIGNATURE].string_value = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
    assert decode(message).values["a"] is UNKNOWN
    assert holds_unknown({"a": [{"b": UNKNOWN}]})
    assert not holds_unknown({"a": [{"b": 1}]})
