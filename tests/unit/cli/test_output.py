"""What people read: durations, sizes, runs on one line, no colour without a terminal."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import typer
from rich.console import Console

from cli.output import console, fail, mebibytes, print_json, seconds
from cli.run_facts import Run, run_table, shortened
from reports.collect.rows import RowReader
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, told, usage_row


def run(*results: str, **changes: Any) -> Run:
    reader = RowReader(stage=STAGE)
    reader.add_attempt_lines([line(attempt_row(**changes))], "x")
    reader.add_usage_lines([line(usage_row())], "y")
    return Run(attempt=reader.collected().attempts[-1], result_keys=results)


def printed(*runs: Run) -> str:
    out = io.StringIO()
    Console(file=out, width=160, color_system=None).print(run_table(runs))
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0.0 s"), (1.26, "1.3 s"), (59.6, "60 s"), (119.4, "119 s"), (185, "3 min 05 s")],
)
def test_seconds(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_mebibytes() -> None:
    assert (mebibytes(None), mebibytes(1536.4)) == ("–", "1,536 MiB")


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["a/b.csv"], "a/b.csv"),
        (["a/b/1.jpg", "a/b/2.jpg"], "a/b/{1,2}.jpg"),
        (["a/delays.csv", "a/delays.parquet"], "a/delays.{csv,parquet}"),
        (["a/x.csv", "a/y.jpg"], "a/{x.csv,y.jpg}"),
        (["a/x", "a/x.jpg"], "a/{x,x.jpg}"),
        (["a/1", "b/2"], "a/1, b/2"),
    ],
)
def test_keys_of_one_run(keys: list[str], text: str) -> None:
    assert shortened(keys) == text


def test_a_run_is_one_line_with_everything_the_ledger_says() -> None:
    text = printed(run("flights/2013-01/delays.csv", "flights/2013-01/delays.parquet"))
    (row,) = [one for one in text.splitlines() if "SUCCEEDED" in one]
    assert " ".join(row.split()) == (
        "flights critical SUCCEEDED 2.0 s 3.0 s 1,024 MiB 150 MiB flights/2013-01/delays.{csv,parquet}"
    )


def test_a_failed_run_says_why_in_place_of_its_result() -> None:
    failed = run(
        status="FAILED",
        attempts=[told(2, 5, exitCode=137, reason="OutOfMemoryError: Container killed due to memory usage")],
    )
    assert "out-of-memory: OutOfMemoryError: Container killed due to memory usage" in printed(failed)
    assert failed.facts()["results"] == []


def test_a_second_attempt_is_told_from_the_first() -> None:
    again = run(attempts=[told(2, 3, statusReason="Host EC2 (instance i-1) terminated."), told(6, 9, exitCode=0)])
    assert "flights (attempt 2)" in printed(again)


def test_a_key_with_brackets_is_no_markup() -> None:
    key = "thumbnails/photos/[red]a[/red].jpg/128.jpg"
    assert key in printed(run(key))


def test_facts_are_json_with_units_in_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(run("a/b").facts())
    facts = json.loads(capsys.readouterr().out)
    assert (facts["job"], facts["status"], facts["key"], facts["results"]) == (
        "flights",
        "SUCCEEDED",
        "flights/2013-01.csv",
        ["a/b"],
    )
    assert (facts["wait_s"], facts["run_s"], facts["memory_asked_mib"], facts["memory_peak_mib"]) == (
        2,
        3,
        1024,
        150.25,
    )


def test_a_failure_is_text_on_stderr_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("[bold]not markup[/bold]")
    assert ended.value.exit_code == 1
    assert capsys.readouterr() == ("", "[bold]not markup[/bold]\n")


def test_without_a_terminal_lines_are_wide_and_plain() -> None:
    out = console()
    assert not out.is_terminal
    assert (out.width, out.color_system) == (160, None)
