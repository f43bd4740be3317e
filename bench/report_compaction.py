"""Raw objects → Parquet: Batchyard's compaction (`ours`) or DuckDB's bare read-and-write (`bare`). Prints a JSON line.

python bench/report_compaction.py <folder of report_world.make> ours|bare
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench import report_world
from reports.collect.compaction import compact


def main() -> None:
    folder, which = Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        began = time.perf_counter()
        (ours if which == "ours" else bare)(folder, Path(scratch))
        seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "s": round(seconds, 2),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "peak_mib": round(used.ru_maxrss / 1024),
            }
        )
    )


def ours(folder: Path, scratch: Path) -> None:
    done = compact(report_world.source(folder, raw="raw", compacted=scratch.relative_to(folder).as_posix()))
    if done.unreadable or len(done.days_written) != report_world.DAYS:
        raise SystemExit(f"not what was to be done: {done}")


def bare(folder: Path, scratch: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = FALSE")
        for kind in ("attempts", "usage", "ecs"):
            connection.execute(
                f"COPY (SELECT * FROM read_json('{folder}/raw/{kind}/*/*', format = 'newline_delimited')) "
                f"TO '{scratch}/{kind}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )


if __name__ == "__main__":
    main()
