from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from local.home import Home
from local.processes import wait_until
from local.setup import engine
from local.setup.engine import (
    forget_build_caches,
    go_environ,
    provide_engine,
    provide_language_host,
    unpack_release,
    version_at_least,
)
from local.setup.steps import Progress, SetupError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    repository = tmp_path / "repository"
    (repository / "local" / "toolchain" / "language_host").mkdir(parents=True)
    (repository / "local" / "toolchain" / "engine").mkdir()
    (repository / "local" / "toolchain" / "language_host" / "go.mod").write_text("module m\n")
    return Home(root=tmp_path / ".batchyard", repository=repository)


def executable(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("version", "enough"),
    [("v3.250.0", True), ("v3.260.1", True), ("3.250.9", True), ("v3.249.9", False), ("v4.0.0", False), ("", False)],
)
def test_an_engine_must_have_the_major_and_at_least_the_minor(version: str, enough: bool) -> None:
    assert version_at_least(version, "3.250.0") is enough


def test_an_engine_on_path_is_used_and_nothing_built(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = executable(tmp_path / "official", "pulumi", "echo v3.251.0")
    monkeypatch.setenv("PATH", str(found.parent))
    out = io.StringIO()
    provide_engine(home, Progress(out))
    assert f"found {found}" in out.getvalue()
    assert not (home.bin / "pulumi").exists()


def test_an_old_engine_on_path_is_passed_over(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = executable(tmp_path / "official", "pulumi", "echo v3.100.0")
    monkeypatch.setenv("PATH", str(old.parent))
    monkeypatch.setenv("BATCHYARD_OFFLINE", "1")
    with pytest.raises(SetupError, match=r"neither Pulumi nor Go was found.*install Pulumi"):
        provide_engine(home, Progress(io.StringIO()))


def test_an_interrupted_build_leaves_nothing_and_the_next_completes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    half = 'while [ "$1" != -o ]; do shift; done\necho half > "$2"\n'
    executable(tools, "go", 'if [ "$1" = env ]; then exit 0; fi\n' + half + "exit 1")
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("BATCHYARD_OFFLINE", "1")
    with pytest.raises(SetupError, match="go ended with 1"):
        provide_engine(home, Progress(io.StringIO()))
    assert not (home.bin / "pulumi").exists()
    executable(tools, "go", 'if [ "$1" = env ]; then exit 0; fi\n' + half + "exit 0")
    provide_engine(home, Progress(io.StringIO()))
    assert (home.bin / "pulumi").exists()
    out = io.StringIO()
    provide_engine(home, Progress(out))
    assert "found 3.250.0" in out.getvalue()


def test_an_engine_without_its_stamp_is_built_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(home.bin, "pulumi", "echo v3.250.0")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("BATCHYARD_OFFLINE", "1")
    with pytest.raises(SetupError, match="Go"):
        provide_engine(home, Progress(io.StringIO()))


def test_a_language_host_on_path_needs_its_script(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = tmp_path / "official"
    executable(official, engine.HOST, "")
    monkeypatch.setenv("PATH", str(official))
    with pytest.raises(SetupError, match="Go"):
        provide_language_host(home, Progress(io.StringIO()))
    executable(official, engine.HOST_EXEC, "")
    provide_language_host(home, Progress(io.StringIO()))


def test_a_release_cut_off_in_the_middle_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "release.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        entry = tarfile.TarInfo("pulumi/pulumi")
        entry.size = 100_000
        content.addfile(entry, io.BytesIO(bytes(range(250)) * 400))
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises((tarfile.TarError, EOFError)):
        unpack_release(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["../pulumi", "/pulumi"])
def test_a_release_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "release.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        content.addfile(tarfile.TarInfo(name))
    with pytest.raises(tarfile.TarError, match="leaves"):
        unpack_release(archive, tmp_path / "out")


def test_the_build_caches_are_removed_while_set_up_goes_on(home: Home) -> None:
    out = io.StringIO()
    forget_build_caches(home, Progress(out))
    assert out.getvalue() == ""
    (home.cache / "go-modules" / "m").mkdir(parents=True)
    forget_build_caches(home, Progress(out))
    assert "being removed" in out.getvalue()
    assert wait_until(lambda: not (home.cache / "go-modules").exists(), timeout_s=240)


def test_go_keeps_its_caches_in_the_home_unless_told_otherwise(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "modules"
    (modules / "cache" / "download").mkdir(parents=True)
    go = executable(tmp_path / "tools", "go", f"echo {modules}\necho https://modules.example")
    for name in ("GOCACHE", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    environ = go_environ(home, str(go))
    assert environ["GOMODCACHE"] == str(home.cache / "go-modules")
    assert environ["GOPROXY"] == f"file://{modules}/cache/download,https://modules.example"
    monkeypatch.setenv("GOMODCACHE", "/elsewhere")
    assert go_environ(home, str(go))["GOMODCACHE"] == "/elsewhere"
