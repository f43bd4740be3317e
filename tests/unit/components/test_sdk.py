"""The SDK is loaded whole and kept quiet."""

from __future__ import annotations

import sys

import pulumi.log
import pytest

from components.sdk import DEBUG_VARIABLE, LARGE_MODULES, loading_sdk, quiet_sdk


def test_what_is_loaded_beside_the_first_answers_is_there_at_its_end() -> None:
    with loading_sdk():
        pass
    for name in LARGE_MODULES:
        assert type(sys.modules[name]).__name__ == "module", name


def test_the_body_s_error_comes_through() -> None:
    with pytest.raises(ValueError, match="no answer"), loading_sdk():
        raise ValueError("no answer")


def test_debug_messages_are_kept_back_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    spoken = said.append
    monkeypatch.setattr(pulumi.log, "debug", spoken)
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    quiet_sdk()
    pulumi.log.debug("wanted")
    monkeypatch.delenv(DEBUG_VARIABLE)
    quiet_sdk()
    pulumi.log.debug("not wanted")
    assert said == ["wanted"]
