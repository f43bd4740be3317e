from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from local.home import Home
from local.providers import pack
from local.setup.plugins import provide_plugins
from local.setup.steps import Progress, SetupError


def test_the_step_says_which_plugins_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(home: Home, say: Callable[[str], object]) -> None:
        say("aws: the stand-in, version 7.51.1")
        say("docker: the official plugin at /p")

    monkeypatch.setattr(pack, "install_stand_ins", install)
    out = io.StringIO()
    provide_plugins(Home(root=tmp_path), Progress(out))
    assert "aws: the stand-in, version 7.51.1; docker: the official plugin at /p (" in out.getvalue()


def test_a_plugin_that_cannot_be_installed_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(home: Home, say: Callable[[str], object]) -> None:
        raise pack.PackError("no engine; remedy: run `make setup`")

    monkeypatch.setattr(pack, "install_stand_ins", install)
    with pytest.raises(SetupError, match="no engine; remedy"):
        provide_plugins(Home(root=tmp_path), Progress(io.StringIO()))
