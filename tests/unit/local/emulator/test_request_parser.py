"""An upload of no bytes is complete with its headers."""

from __future__ import annotations

import pytest
from waitress.adjustments import Adjustments

from local.emulator.request_parser import RequestParser


@pytest.mark.parametrize(
    ("length", "asks"),
    [("Content-Length: 0", False), ("Content-Length: 5", True), ("Transfer-Encoding: chunked", True)],
)
def test_only_a_request_with_a_body_is_asked_for_it(length: str, asks: bool) -> None:
    parser = RequestParser(Adjustments())
    parser.received(f"PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{length}\r\n\r\n".encode())
    assert bool(parser.expect_continue) == asks
    assert bool(parser.completed) != asks
