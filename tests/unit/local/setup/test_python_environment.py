from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from local.home import Home
from local.setup.python_environment import (
    find_uv,
    make_python_environment,
    parse_pip_configuration,
    uv_environ,
)
from local.setup.steps import Progress, SetupError

# makes what `uv venv` makes, and fails in `uv pip sync` while the file `broken` lies in the home's parent
UV = """#!/bin/sh
for last; do :; done
case "$1" in
  venv) mkdir -p "$last/bin" && ln -s {python} "$last/bin/python" ;;
  pip) echo "sync" >> {folder}/calls; test ! -e {folder}/broken ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(UV.format(python=sys.executable, folder=tmp_path))
    (tools / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    (tmp_path / "requirements.lock").write_text("six==1.17.0\n")
    return Home(root=tmp_path / ".batchyard", repository=tmp_path)


def run(home: Home) -> str:
    out = io.StringIO()
    make_python_environment(home, Progress(out))
    return out.getvalue()


def test_an_environment_is_made_once_and_follows_the_lock(home: Home) -> None:
    assert "made from requirements.lock" in run(home)
    marker = home.venv / "kept"
    marker.touch()
    assert "found" in run(home)
    (home.repository / "requirements.lock").write_text("six==1.16.0\n")
    assert "updated to requirements.lock" in run(home)
    assert marker.exists()
    assert (home.repository / "calls").read_text() == "sync\nsync\n"


def test_an_interrupted_environment_is_made_anew(home: Home) -> None:
    (home.repository / "broken").touch()
    with pytest.raises(SetupError, match="uv ended with 1; check the package index"):
        run(home)
    half = home.venv / "half-a-package"
    half.touch()
    (home.repository / "broken").unlink()
    assert "made from requirements.lock" in run(home)
    assert not half.exists()


def test_an_interrupted_update_is_not_taken_for_whole(home: Home) -> None:
    run(home)
    (home.repository / "requirements.lock").write_text("six==1.16.0\n")
    (home.repository / "broken").touch()
    with pytest.raises(SetupError):
        run(home)
    (home.repository / "requirements.lock").write_text("six==1.17.0\n")
    (home.repository / "broken").unlink()
    assert "made from requirements.lock" in run(home)


def test_uv_on_path_is_used(home: Home) -> None:
    assert find_uv(home) == [str(home.repository / "tools" / "uv")]


def test_pips_own_settings_hold_for_uv_where_it_has_none(home: Home) -> None:
    environ = uv_environ(home, {"PIP_INDEX_URL": "https://index.example/simple", "PIP_CERT": "/ca.pem"})
    assert environ["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert environ["SSL_CERT_FILE"] == "/ca.pem"
    assert environ["UV_CACHE_DIR"] == str(home.cache / "uv")
    own = uv_environ(home, {"PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/own.pem", "UV_CACHE_DIR": "/cache"})
    assert own["SSL_CERT_FILE"] == "/own.pem"
    assert own["UV_CACHE_DIR"] == "/cache"


def test_pips_configuration_is_read() -> None:
    text = "global.cert='/ca.pem'\nglobal.index-url='https://index.example/simple'\n:env:.timeout='180'\n"
    assert parse_pip_configuration(text) == {"PIP_CERT": "/ca.pem", "PIP_INDEX_URL": "https://index.example/simple"}
