"""The plugin tarballs, and that a stand-in never takes an official plugin's place."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from local.home import Home
from local.providers import pack


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "person"))
    monkeypatch.setenv("PATH", os.defpath)
    return Home(root=tmp_path / "home")


def place(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True)
    executable = folder / f"pulumi-resource-{name}"
    executable.write_text(text)
    executable.chmod(0o755)
    return executable


def test_the_tarball_holds_an_executable_launcher(own_home: Home, tmp_path: Path) -> None:
    content = pack.tarball(own_home, "aws")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        [entry] = archive.getmembers()
        assert (entry.name, entry.mode) == ("pulumi-resource-aws", 0o755)
        text = archive.extractfile(entry)
        assert text is not None
        launcher = text.read().decode()
    assert f"exec {own_home.python} -m local.providers.aws" in launcher
    checked = subprocess.run(["sh", "-n"], input=launcher, text=True, check=False, timeout=240)
    assert checked.returncode == 0


def test_an_official_plugin_of_the_person_is_linked(own_home: Home, tmp_path: Path) -> None:
    official = place(tmp_path / "person/plugins/resource-aws-v7.0.0", "aws", "\x7fELF")
    assert pack.official(own_home, "aws", "7.0.0") == official
    said = pack.install_stand_in(own_home, "aws", "7.0.0")
    assert said == f"aws: the official plugin at {official}"
    linked = own_home.pulumi_home / "plugins/resource-aws-v7.0.0/pulumi-resource-aws"
    assert linked.resolve() == official


def test_a_stand_in_on_the_path_is_not_official(
    own_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "bin", "aws", pack.launcher(own_home, "aws"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert pack.official(own_home, "aws", "7.0.0") is None


def test_nothing_is_done_while_the_launcher_is_the_same(own_home: Home) -> None:
    place(own_home.pulumi_home / "plugins/resource-docker-v5.0.0", "docker", pack.launcher(own_home, "docker"))
    assert pack.install_stand_in(own_home, "docker", "5.0.0") == "docker: the stand-in is in place"


def test_without_an_engine_the_remedy_is_named(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pack.PackError, match="remedy: run `make setup`"):
        pack.install_stand_in(own_home, "aws", "7.0.0")
