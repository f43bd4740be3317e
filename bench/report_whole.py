"""One whole report over a made-up month: the ledger's tables, allocation, summary and every format. Prints a JSON line.

python bench/report_whole.py <folder of report_world.make>
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from rich.console import Console

from bench import report_world
from reports.analyse.allocate import allocate
from reports.analyse.engine import LocalEngine
from reports.analyse.proposals import MemoryRule, sold_memory
from reports.analyse.summary import Asked, summarise
from reports.collect.load import load, open_database
from reports.model.report import Period, Report
from reports.model.tables import ALLOCATIONS, BILL_LINES
from reports.render import files
from reports.render.html import html
from reports.render.parquet import parquet_tables, write_parquet
from reports.render.text import markdown, terminal

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
PERIOD = Period(since=date(2026, 11, 16), until=date(2026, 12, 1), label="the second half")
PREVIOUS = Period(since=date(2026, 11, 1), until=date(2026, 11, 16), label="the first half")


def main() -> None:
    folder = Path(sys.argv[1])
    began = time.perf_counter()
    steps: dict[str, float] = {}

    def step(name: str) -> None:
        steps[name] = round(time.perf_counter() - began - sum(steps.values()), 2)

    source = report_world.source(folder)
    with tempfile.TemporaryDirectory() as scratch, open_database(Path(scratch)) as connection, source.reading():
        loaded = load(connection, source, since=None, until=None)
        connection.execute(BILL_LINES.duckdb_ddl())
        connection.execute(f"INSERT INTO bill_lines BY NAME SELECT * FROM '{folder / 'bill.parquet'}'")
        step("load")
        allocated = allocate(connection, now=NOW.replace(tzinfo=None))
        step("allocate")
        report = summarise(connection, asked())
        step("summarise")
        write(connection, report, Path(scratch))
        step("render")
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "attempts": loaded.attempts,
                "s": round(seconds, 2),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "peak_mib": round(used.ru_maxrss / 1024),
                "steps": steps,
                "jobs_nano": allocated.by_category["job"],
                "by_category": allocated.by_category,
            }
        )
    )


def asked() -> Asked:
    return Asked(
        stack="prod",
        currency="USD",
        period=PERIOD,
        previous=PREVIOUS,
        generated_at=NOW,
        budgets={"prod": 50_000 * 10**9, "owner media": 20_000 * 10**9},
        memory_now={f"job-{n}": 2048 * (1 + n % 3) for n in range(24)},
        sold=lambda platform, vcpus, mib: sold_memory(platform, vcpus, mib, grid={}, step_mib=64),
        rule=MemoryRule(),
    )


def write(connection: duckdb.DuckDBPyConnection, report: Report, folder: Path) -> None:
    """Every format, on the disk."""
    (folder / "report.html").write_text(html(report), encoding="utf-8")
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")
    (folder / "report.json").write_text(files.json(report), encoding="utf-8")
    for name, text in files.csv_files(report).items():
        (folder / name).write_text(text, encoding="utf-8")
    files.xlsx(report, folder / "report.xlsx")
    with (folder / "report.txt").open("w", encoding="utf-8") as out:
        Console(file=out, width=120).print(terminal(report))
    for name, table in parquet_tables(report).items():
        write_parquet(table, folder / name)
    everything = {"since": PREVIOUS.since, "until": PERIOD.until}
    LocalEngine(connection).write(
        "period_allocations", everything, table=ALLOCATIONS, file=folder / "allocations.parquet"
    )


if __name__ == "__main__":
    main()
