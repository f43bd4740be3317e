from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path

import pytest

from local.home import Home
from local.setup.plugins import official_plugin, plugin_folder, provide_plugins
from local.setup.steps import Progress


def install(pulumi_home: Path, name: str, plugin_version: str) -> Path:
    folder = plugin_folder(pulumi_home, name, plugin_version)
    folder.mkdir(parents=True)
    (folder / f"pulumi-resource-{name}").touch(mode=0o755)
    return folder


def test_an_official_plugin_is_found_whole_or_not_at_all(tmp_path: Path) -> None:
    assert official_plugin("aws", "7.51.1", pulumi_home=tmp_path) is None
    folder = install(tmp_path, "aws", "7.51.1")
    assert official_plugin("aws", "7.51.1", pulumi_home=tmp_path) == folder
    assert official_plugin("aws", "7.50.0", pulumi_home=tmp_path) is None
    (folder.parent / "resource-aws-v7.51.1.partial").touch()
    assert official_plugin("aws", "7.51.1", pulumi_home=tmp_path) is None


def test_official_plugins_are_used_and_no_stand_in_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    monkeypatch.setenv("PULUMI_HOME", str(own))
    folders = [install(own, name, version(f"pulumi-{name}")) for name in ("aws", "docker")]
    home = Home(root=tmp_path / ".batchyard", repository=tmp_path)
    out = io.StringIO()
    provide_plugins(home, Progress(out))
    assert "aws official, docker official" in out.getvalue()
    linked = [
        plugin_folder(home.pulumi_home, folder.name.split("-")[1], folder.name.split("-v")[1]) for folder in folders
    ]
    assert [link.readlink() for link in linked] == folders
    again = io.StringIO()
    provide_plugins(home, Progress(again))
    assert "found" in again.getvalue()
