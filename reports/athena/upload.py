"""Attempts by day as Parquet in the ledger's bucket: `compacted/attempts/day=2026-11-21/attempts.parquet`.

A day is one object under one name, put as a whole, so whoever queries the table meanwhile finds the old day or the new
one, never both. The object carries a fingerprint of its rows: a day that is there already isn't put again, whichever
machine put it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError
from duckdb import DuckDBPyConnection

from reports.model.tables import ATTEMPTS, Table

PREFIX: Final = "compacted/attempts/"
_FINGERPRINT: Final = "fingerprint"
_ASKERS: Final = 8
_DELETED_AT_ONCE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """What a run did to the days."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    known: int = 0
    """Days that were there already."""


def key_of(day: str) -> str:
    return f"{PREFIX}day={day}/attempts.parquet"


def upload_days(
    connection: DuckDBPyConnection,
    s3: Any,
    bucket: str,
    *,
    since: date,
    until: date,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Uploaded:
    """Bring the days `[since, until)` in `bucket` to what `attempts` of `connection` holds; other days are left alone.

    `folder` is for a day's file on its way. Raises ClientError and BotoCoreError of the client, OSError.
    """
    here = {str(day): f"{ATTEMPTS.name}-1-{rows}-{mark}" for day, rows, mark in _fingerprints(connection, since, until)}
    listed = dict(_listed(s3, bucket, since, until))
    with ThreadPoolExecutor(_ASKERS) as pool:
        there = dict(zip(listed, pool.map(lambda key: _fingerprint(s3, bucket, key), listed.values()), strict=True))
    changed = sorted(day for day, mark in here.items() if there.get(day) != mark)
    gone = sorted(day for day in there if day not in here)
    for number, day in enumerate(changed, start=1):
        file = folder / f"attempts-{day}.parquet"
        write_parquet(connection, ATTEMPTS, file, where=f"day = DATE '{date.fromisoformat(day)}'")
        s3.upload_file(str(file), bucket, key_of(day), ExtraArgs={"Metadata": {_FINGERPRINT: here[day]}})
        file.unlink()
        say(f"ledger in S3: day {number} of {len(changed)}")
    remove(s3, bucket, [listed[day] for day in gone])
    return Uploaded(written=tuple(changed), removed=tuple(gone), known=len(here) - len(changed))


def write_parquet(connection: DuckDBPyConnection, table: Table, file: Path, *, where: str = "TRUE") -> None:
    """A table of the model as a Parquet file with the model's types; times cut to Athena's millisecond."""
    columns = ", ".join(
        f"CAST(date_trunc('milliseconds', {one.name}) AS TIMESTAMP_MS) AS {one.name}"
        if one.type == "TIMESTAMP"
        else f"CAST({one.name} AS {one.type}) AS {one.name}"
        for one in table.columns
    )
    path = str(file).replace("'", "''")
    connection.execute(
        f"COPY (SELECT {columns} FROM {table.name} WHERE {where}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    )


def remove(s3: Any, bucket: str, keys: list[str]) -> None:
    """Delete objects."""
    for begin in range(0, len(keys), _DELETED_AT_ONCE):
        some = [{"Key": key} for key in keys[begin : begin + _DELETED_AT_ONCE]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})


def keys_under(s3: Any, bucket: str, prefix: str) -> list[str]:
    """All keys that begin with `prefix`."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [str(item["Key"]) for page in pages for item in page.get("Contents", [])]


def _fingerprints(connection: DuckDBPyConnection, since: date, until: date) -> list[tuple[date, int, int]]:
    columns = ", ".join(f"CAST({name} AS VARCHAR)" for name in ATTEMPTS.names)
    return connection.execute(
        f"SELECT day, count(*), bit_xor(hash({columns})) FROM {ATTEMPTS.name} WHERE day >= $since AND day < $until "
        "GROUP BY day ORDER BY day",
        {"since": since, "until": until},
    ).fetchall()


def _listed(s3: Any, bucket: str, since: date, until: date) -> Iterator[tuple[str, str]]:
    for key in keys_under(s3, bucket, PREFIX):
        day = key.removeprefix(f"{PREFIX}day=").partition("/")[0]
        if key == key_of(day) and since.isoformat() <= day < until.isoformat():
            yield day, key


def _fingerprint(s3: Any, bucket: str, key: str) -> str | None:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(_FINGERPRINT)
    except ClientError:
        return None  # gone meanwhile: it is put again
    return None if found is None else str(found)
