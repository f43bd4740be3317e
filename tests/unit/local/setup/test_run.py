from __future__ import annotations

from pathlib import Path

import pytest

from local.home import Home
from local.setup import run
from local.setup.steps import Progress, SetupError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BATCHYARD_HOME", str(tmp_path / ".batchyard"))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Home.default()


def set_steps(monkeypatch: pytest.MonkeyPatch, problem: BaseException | None) -> list[str]:
    ran: list[str] = []

    def step(name: str, home: Home, progress: Progress) -> None:
        ran.append(name)
        if problem is not None and name == "second":
            raise problem

    names = ("first", "second", "third")
    monkeypatch.setattr(run, "steps", lambda: {name: lambda h, p, name=name: step(name, h, p) for name in names})
    return ran


def test_all_steps_run_in_order(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = set_steps(monkeypatch, None)
    assert run.main(["--inside", "0"]) == 0
    assert ran == ["first", "second", "third"]
    assert capsys.readouterr().out.startswith("set-up done in ")


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (SetupError("no room; make some"), 1, "set-up: no room; make some\n"),
        (KeyboardInterrupt(), 130, "set-up: interrupted; `make setup` goes on from here\n"),
    ],
)
def test_a_step_that_fails_is_one_sentence_and_the_last(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: BaseException,
    code: int,
    said: str,
) -> None:
    ran = set_steps(monkeypatch, problem)
    assert run.main(["--inside", "0"]) == code
    assert ran == ["first", "second"]
    assert capsys.readouterr().err == said


def test_one_step_can_be_run_by_itself_and_another_word_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = set_steps(monkeypatch, None)
    assert run.main(["--inside", "0", "--only", "third"]) == 0
    assert ran == ["third"]
    assert run.main(["--inside", "0", "--only", "fourth"]) == 1
    assert "--only fourth is no step; the steps are first, second, third" in capsys.readouterr().err


def test_the_real_steps_are_named() -> None:
    assert list(run.steps()) == [
        "engine",
        "language-host",
        "build-caches",
        "plugins",
        "docker",
        "registry",
        "base-image",
        "demo-files",
        "command",
    ]
