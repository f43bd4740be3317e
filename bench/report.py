"""The cost report at scale, beside its floors.

    make bench NAME=report

compaction_ratio      raw objects of 1M attempts → Parquet by day, over DuckDB's bare read-and-write of the same files
report_1m_s           a whole report over 1M attempts, every format, from compacted days
report_1m_peak_mib    the most memory its process took
speedup_over_pandas   the same tables in straightforward pandas (report_pandas.py), over ours without the formats
report_10m_s          as report_1m_s over 10M attempts
report_10m_peak_mib   as report_1m_peak_mib over 10M attempts
pages_first           Cost Explorer pages of a stage's first weekly report
pages_next            pages of the report a week later

Each measurement is a process of its own; times are wall seconds, the lowest of two or three runs at 1M. What is
compared runs by turns, so that a machine's drift is in both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import report_world
from reports.collect.bill_ce import collect_bill
from reports.run import HISTORY
from tests.worlds.answers import Explorer
from tests.worlds.world import World, make

HERE = Path(__file__).parent
MILLION = 1_000_000


def main() -> None:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="batchyard-bench-") as scratch:
        folder = Path(scratch)
        say("making a month of 1,000,000 attempts")
        report_world.make(folder / "1m", attempts=MILLION, raw=True)
        figures |= compaction(folder / "1m")
        figures |= one_million(folder / "1m")
        say("making a month of 10,000,000 attempts")
        report_world.make(folder / "10m", attempts=10 * MILLION, raw=False)
        big = measured("report_whole.py", folder / "10m")
        figures |= {"report_10m_s": big["s"], "report_10m_peak_mib": big["peak_mib"]}
        say(f"10M report: {big['s']} s ({big['cpu_s']} CPU), {big['peak_mib']} MiB; {big['steps']}")
        figures |= pages(folder / "pages")
    print(json.dumps({"bench": "report", **figures}))


def compaction(folder: Path) -> dict[str, float]:
    bare, ours = by_turns(("report_compaction.py", folder, "bare"), ("report_compaction.py", folder, "ours"))
    say(f"compaction of 1M: ours {ours['s']} s ({ours['cpu_s']} CPU), {ours['peak_mib']} MiB")
    say(f"DuckDB's bare read-and-write: {bare['s']} s ({bare['cpu_s']} CPU), {bare['peak_mib']} MiB")
    return {"compaction_ratio": round(ours["s"] / bare["s"], 2)}


def one_million(folder: Path) -> dict[str, float]:
    rival, ours = by_turns(("report_pandas.py", folder), ("report_whole.py", folder), runs=3)
    apart = {name: abs(nano - rival["by_category"][name]) / 1e9 for name, nano in ours["by_category"].items() if nano}
    if max(apart.values()) > 1:
        raise SystemExit(f"ours and pandas disagree, dollars apart: {apart}")
    tables_s = ours["s"] - ours["steps"]["render"]
    say(f"1M report: ours {ours['s']} s ({ours['cpu_s']} CPU), {ours['peak_mib']} MiB; {ours['steps']}")
    say(f"1M tables in pandas: {rival['s']} s ({rival['cpu_s']} CPU), {rival['peak_mib']} MiB")
    say(f"dollars apart: {max(apart.values()):.6f} at most")
    return {
        "report_1m_s": ours["s"],
        "report_1m_peak_mib": ours["peak_mib"],
        "speedup_over_pandas": round(rival["s"] / tables_s, 1),
    }


def pages(cache: Path) -> dict[str, float]:
    """A stage with four instance types on two purchases, Fargate, storage and logs, seen as a weekly report sees it."""
    start = date(2026, 9, 28)
    bill = make(World(seed=1, start=start, days=56, instances=600, fargate_attempts=2000)).bill_lines
    until = start + timedelta(days=49)
    asked = {}
    for name, end in (("pages_first", until), ("pages_next", until + timedelta(days=7))):
        # the last two days are still estimated when a Monday's report asks
        explorer = Explorer(bill, stage_tag="batchyard:stage", closed_until=end - timedelta(days=2))
        collect_bill(
            explorer,
            since=end - timedelta(days=7) - HISTORY,
            until=end,
            metric="unblended",
            stage_tag="batchyard:stage",
            cache=cache,
            spend_limit=Decimal(1),
            say=lambda _: None,
        )
        asked[name] = float(explorer.pages)
    say(f"Cost Explorer pages: first report {asked['pages_first']:.0f}, the next {asked['pages_next']:.0f}")
    return asked


def by_turns(*scripts: tuple[str | Path, ...], runs: int = 2) -> list[dict[str, Any]]:
    """The fastest of `runs` of each script, run in turn: a machine that slows down meanwhile slows all of them."""
    answers = [[measured(*script) for script in scripts] for _ in range(runs)]
    return [min(of_one, key=lambda answer: float(answer["s"])) for of_one in zip(*answers, strict=True)]


def measured(script: str | Path, *arguments: str | Path) -> dict[str, Any]:
    """What a script prints, one line of JSON."""
    # -P: `platform` means the standard library's, not the bench of that name beside the script
    return _run([sys.executable, "-P", str(HERE / script), *map(str, arguments)])


def _run(command: Sequence[str]) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return answer


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
