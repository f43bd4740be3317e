"""Progress: lines in a log, one live line on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from cli.display import PlainDisplay, SilentDisplay, TerminalDisplay, display_for


def test_plain_lines_are_few_and_end_with_the_whole() -> None:
    out = io.StringIO()
    with PlainDisplay(Console(file=out, width=160)) as display:
        display.say("up [at] http://127.0.0.1:1")
        display.doing("something that passes")
        for done in range(37):
            display.count("results", done, 36)
            display.count("results", done, 36)
    lines = out.getvalue().splitlines()
    assert lines[0] == "up [at] http://127.0.0.1:1"
    assert lines[1:] == [f"results {done} of 36" for done in (9, 18, 27, 36)]


def test_a_terminal_gets_sentences_that_stay_and_a_line_that_goes() -> None:
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=100)
    with display_for(terminal) as display:
        assert isinstance(display, TerminalDisplay)
        display.doing("waiting for [something]")
        display.say("stays")
        display.count("results", 3, 9)
    assert "stays" in out.getvalue()


def test_no_terminal_gets_lines_and_json_gets_nothing() -> None:
    out = io.StringIO()
    with display_for(Console(file=out)) as display:
        assert isinstance(display, PlainDisplay)
    with display_for(Console(file=out), silent=True) as display:
        assert isinstance(display, SilentDisplay)
        display.say("x")
        display.count("x", 1, 2)
    assert out.getvalue() == ""
