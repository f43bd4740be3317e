"""Where `batchyard report` puts a report: the format of a file's ending, and what is never written over."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli.report_output import check_place, chosen_format, deliver
from jobs.problems import Problems
from reports.model.report import Report
from tests.unit.cli.test_report import Stood, invoke
from tests.unit.cli.test_report import built as built  # a fixture, as the next
from tests.unit.cli.test_report import stood as stood
from tests.unit.reports.render.test_formats import report as report  # a fixture


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("week.html", "html"),
        ("WEEK.HTML", "html"),
        ("week.md", "md"),
        ("week.json", "json"),
        ("week.csv", "csv"),
        ("week.parquet", "parquet"),
        ("week.xlsx", "xlsx"),
        ("week.txt", "terminal"),
    ],
)
def test_the_ending_tells_the_format_that_is_not_given(name: str, form: str) -> None:
    assert chosen_format(None, Path(name), as_json=False) == form
    assert chosen_format("md", Path(name), as_json=False) == "md"
    assert chosen_format(None, Path(name), as_json=True) == "json"


@pytest.mark.parametrize("name", ["week.pdf", "week", "week.html.gz", ".html"])
def test_an_unknown_ending_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(Problems) as refused:
        chosen_format(None, Path(name), as_json=False)
    told = f"--output is {name}; its ending tells the format, one of .html .md .json .csv .parquet .xlsx .txt; "
    assert str(refused.value).startswith(told)
    assert chosen_format("html", Path(name), as_json=False) == "html"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder.html", "a folder; html is one file; name a file in it, such as"),
        ("pipe.html", "a named pipe; a report replaces files, nothing else"),
        ("to-pipe.html", "a named pipe; a report replaces files, nothing else"),
        ("socket.html", "a socket; a report replaces files, nothing else"),
        ("absent/week.html", "there is no folder"),
        ("file/week.html", "there is no folder"),
        ("circle.html", "it can't be looked at"),
        ("absent/week.csv", "there is no folder"),
        ("file.csv", "a file; csv is a folder with a file for each table; name a folder"),
        ("pipes.csv", "a named pipe; a report replaces files, nothing else"),
    ],
)
def test_a_place_that_is_not_a_files_costs_nothing_and_stays_as_it_is(
    stood: Stood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "file.csv").touch()
    (tmp_path / "pipes.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.html")
    os.mkfifo(tmp_path / "pipes.csv" / "days.csv")
    (tmp_path / "to-pipe.html").symlink_to("pipe.html")
    (tmp_path / "circle.html").symlink_to("circle.html")
    monkeypatch.chdir(tmp_path)  # a socket's whole path may be too long
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.html")
        there = sorted(tmp_path.rglob("*"))
        done = invoke("--week", "2025-W46", "--output", name, "--cache", str(tmp_path / "cache"))
        assert done.exit_code == 2
        assert said in done.stderr
        assert sorted(tmp_path.rglob("*")) == there
    assert stood.clients["ce"].pages == 0


def test_a_folder_or_file_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "week.html"
    file.touch()
    refused: list[Path] = []
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) not in refused)
    check_place(file, "html")
    refused.append(file)
    with pytest.raises(Problems, match="a file that may not be written"):
        check_place(file, "html")
    refused[:] = [tmp_path]
    for name, form in (("other.html", "html"), ("week.csv", "csv")):
        with pytest.raises(Problems, match="may not be written to"):
            check_place(tmp_path / name, form)  # type: ignore[arg-type]


def test_a_links_target_is_replaced_and_the_link_stays(report: Report, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "last.md", tmp_path / "week.md"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    deliver(report, "md", link)
    assert link.readlink() == target
    assert report.stack in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640
    target.unlink()
    deliver(report, "md", link)
    assert link.readlink() == target
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["last.md"]


def test_a_report_that_breaks_off_leaves_the_old_one(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "week.xlsx"
    file.write_text("old")

    def half(_report: Report, part: Path) -> None:
        part.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr("cli.report_output.files.xlsx", half)
    with pytest.raises(OSError, match="no space left"):
        deliver(report, "xlsx", file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("week.xlsx", "old")]


def test_what_became_a_pipe_meanwhile_is_not_replaced(report: Report, tmp_path: Path) -> None:
    place = tmp_path / "week.md"
    check_place(place, "md")
    os.mkfifo(place)
    with pytest.raises(Problems, match="a named pipe"):
        deliver(report, "md", place)
    assert [path.name for path in tmp_path.iterdir()] == ["week.md"]


def test_what_else_a_folder_holds_is_left_alone(report: Report, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").mkdir()
    os.mkfifo(tmp_path / "live.csv")
    check_place(tmp_path, "csv")
    deliver(report, "csv", tmp_path)
    (tmp_path / "by-job.csv").unlink()
    (tmp_path / "by-job.csv").mkdir()
    with pytest.raises(Problems, match=r"by-job.csv, a folder; a table's file belongs there"):
        check_place(tmp_path, "csv")


def test_a_text_file_holds_what_a_terminal_shows(report: Report, tmp_path: Path) -> None:
    deliver(report, "terminal", tmp_path / "week.txt")
    text = (tmp_path / "week.txt").read_text()
    assert report.sentence in text
    assert "\x1b" not in text


def test_where_each_dollar_went_joins_a_folder_of_parquet(report: Report, tmp_path: Path) -> None:
    allocations = tmp_path / "scratch"
    allocations.write_bytes(b"rows")
    deliver(report, "parquet", tmp_path / "week.parquet", allocations=allocations)
    assert (tmp_path / "week.parquet" / "allocations.parquet").read_bytes() == b"rows"
    assert (tmp_path / "week.parquet" / "by-job.parquet").is_file()
