"""The report's queries on Athena: the same names and rows as on this machine, over the days in the ledger's bucket.

    s3://<ledger>/compacted/attempts/day=…/       the table `attempts` of the stage's database, for everybody
    s3://<ledger>/athena/runs/<run>/<table>/      what one report made, gone when it is done
    s3://<ledger>/athena/results/                 Athena's answers

A run's tables lie beside `attempts` under names that begin with `run_<time>_<id>_`. What a killed run left is removed
by a later one.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError
from duckdb import DuckDBPyConnection
from sqlglot import exp

from reports.analyse.engine import query, used, write_rows
from reports.athena.client import Client, limit_bytes
from reports.athena.place import AthenaFailed, Place
from reports.athena.translate import Columns, NotTranslatable, Translated, translate
from reports.athena.upload import PREFIX, keys_under, remove, upload_days, write_parquet
from reports.model.parquet import schema_of
from reports.model.tables import ATTEMPTS, Table

ENGINE: Final = "Athena engine version 3"
RUNS: Final = "athena/runs/"
RESULTS: Final = "athena/results/"
KEPT_FOR: Final = timedelta(days=1)
"""A run's tables and answers that are older were left by one that was killed."""
_LEAST_CUTOFF_BYTES: Final = 10_000_000
_TIME: Final = "%Y%m%dt%H%M%S"
_MADE_BY: Final = "batchyard.ddl"


class AthenaEngine:
    """Engine over one run's tables."""

    def __init__(self, place: Place, client: Client, run: str) -> None:
        self._place = place
        self._client = client
        self._run = run
        self._columns: dict[str, Columns] = {}

    @property
    def client(self) -> Client:
        return self._client

    def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, words: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        text = query(name, words)
        told = self._translated(name, text, used(text, parameters or {}))
        answer = self._client.run(name, told.select)
        return self._client.rows(name, answer.query_id)

    def step(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        text = query(name)
        self.make(name, text, used(text, parameters or {}))

    def make(self, name: str, text: str, parameters: Mapping[str, object]) -> None:
        """Make the table or view that `text` (DuckDB's dialect) asks for, among the run's."""
        told = self._translated(name, text, parameters)
        if told.target is None:
            raise AthenaFailed(f"Athena, query {name}: makes no table")
        place = f'"{self._place.database}"."{self._name(told.target)}"'
        if told.kind == "view":
            self._client.run(name, f"CREATE VIEW {place} AS\n{told.select}", free=True)
        elif told.kind == "insert":
            self._client.run(name, f"INSERT INTO {place}\n{told.select}")
        else:
            where = self._place.at(f"{self._prefix}{told.target}/")
            kept = f"format = 'PARQUET', write_compression = 'ZSTD', external_location = '{where}'"
            self._client.run(name, f"CREATE TABLE {place}\nWITH ({kept}) AS\n{told.select}")
        if told.kind != "insert":
            self._columns[told.target] = told.columns

    def put(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        with tempfile.TemporaryDirectory(prefix="batchyard-athena-") as folder:
            file = Path(folder) / f"{table.name}.parquet"
            pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema_of(table)), file)
            self.put_file(table, file)

    def put_file(self, table: Table, file: Path) -> None:
        """A table from a Parquet file."""
        key = f"{self._prefix}{table.name}/{table.name}.parquet"
        self._place.client("s3").upload_file(str(file), self._place.bucket, key)
        location = self._place.at(f"{self._prefix}{table.name}/")
        ddl = table.athena_ddl(database=self._place.database, location=location, name=self._name(table.name))
        self._client.run(f"table {table.name}", ddl, free=True)
        self._columns[table.name] = {one.name: one.type for one in table.columns}

    def write(self, name: str, parameters: Mapping[str, object], *, table: Table, file: Path) -> None:
        text = query(name)
        # pages of an answer are short, files aren't
        self.make(name, f"CREATE TEMP TABLE {name} AS\n{text}", used(text, parameters))
        s3 = self._place.client("s3")
        with tempfile.TemporaryDirectory(prefix="batchyard-athena-") as folder:
            parts = []
            for number, key in enumerate(keys_under(s3, self._place.bucket, f"{self._prefix}{name}/")):
                parts.append(Path(folder) / f"{number}.parquet")
                s3.download_file(self._place.bucket, key, str(parts[-1]))
            write_rows(
                (batch for part in parts for batch in pq.ParquetFile(part).iter_batches()), table=table, file=file
            )

    def snapshot(self, *, since: date, until: date, before: date) -> None:
        """The run's `attempts`: those that ended in `[since, until)` and began before `before`."""
        self._columns["all_attempts"] = {one.name: one.type for one in ATTEMPTS.columns}
        columns = ", ".join(ATTEMPTS.names)
        text = (
            f"CREATE TEMP TABLE {ATTEMPTS.name} AS SELECT {columns} FROM all_attempts "
            "WHERE day >= $since AND day < $until AND coalesce(pull_started_at, started_at, stopped_at) < $before"
        )
        moment = datetime(before.year, before.month, before.day)  # noqa: DTZ001 - tables hold UTC without a zone
        self.make("attempts", text, {"since": since, "until": until, "before": moment})

    def forget(self) -> None:
        """Remove what the run made."""
        glue, s3 = self._place.client("glue"), self._place.client("s3")
        names = [self._name(name) for name in self._columns if name != "all_attempts"]
        if names:
            glue.batch_delete_table(DatabaseName=self._place.database, TablesToDelete=names)
        remove(s3, self._place.bucket, keys_under(s3, self._place.bucket, self._prefix))

    def _translated(self, name: str, text: str, parameters: Mapping[str, object]) -> Translated:
        try:
            return translate(text, tables=self._columns, places=self._places(), parameters=parameters)
        except NotTranslatable as problem:
            raise AthenaFailed(f"Athena, query {name}: can't be told to Athena: {problem}") from problem

    @property
    def _prefix(self) -> str:
        return f"{RUNS}{self._run}/"

    def _name(self, table: str) -> str:
        return f"run_{self._run}_{table}"

    def _places(self) -> dict[str, exp.Table]:
        def at(name: str) -> exp.Table:
            return exp.Table(
                this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(self._place.database, quoted=True)
            )

        return {name: at(ATTEMPTS.name) if name == "all_attempts" else at(self._name(name)) for name in self._columns}


@contextmanager
def opened(
    connection: DuckDBPyConnection,
    place: Place,
    *,
    since: date,
    until: date,
    before: date,
    now: datetime,
    tables: Iterable[Table],
    spent: Decimal = Decimal(0),
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[AthenaEngine]:
    """An engine that holds `attempts` (ended in `[since, until)`, began before `before`) and `tables` of `connection`.

    Days that the bucket lacks are put there first. Everything the run makes is removed at the end. `spent` dollars of
    the limit are gone already. Raises AthenaFailed.
    """
    try:
        limit = max(Decimal(0), place.spend_limit - spent)
        client = Client(
            place.client("athena"),
            workgroup=place.workgroup,
            database=place.database,
            results=place.at(RESULTS),
            limit=limit,
            say=say,
            **place.options,
        )
        prepare(place, client, now=now)
        engine = AthenaEngine(place, client, f"{now.astimezone(UTC).strftime(_TIME)}_{uuid.uuid4().hex[:8]}")
        try:
            with tempfile.TemporaryDirectory(prefix="batchyard-athena-") as folder:
                upload_days(
                    connection,
                    place.client("s3"),
                    place.bucket,
                    since=since,
                    until=until,
                    folder=Path(folder),
                    say=say,
                )
                for table in tables:
                    file = Path(folder) / f"{table.name}.parquet"
                    write_parquet(connection, table, file)
                    engine.put_file(table, file)
            engine.snapshot(since=since, until=until, before=before)
            yield engine
        finally:
            engine.forget()
        say(f"Athena: {client.queries} queries, {client.scanned_bytes / 1e6:,.1f} MB scanned, ${client.price:.4f}")
    except ClientError as error:
        said = error.response["Error"]
        raise AthenaFailed(f"Athena: {error.operation_name}: {said['Code']}: {said.get('Message', '')}") from error
    except BotoCoreError as error:
        raise AthenaFailed(f"Athena: couldn't be reached: {error}") from error


def prepare(place: Place, client: Client, *, now: datetime) -> None:
    """The stage's workgroup, database and table `attempts`, made where they are missing or of another model."""
    _workgroup(place)
    client.run("database", f"CREATE DATABASE IF NOT EXISTS `{place.database}`", free=True)
    ddl = ATTEMPTS.athena_ddl(database=place.database, location=place.at(PREFIX), partition="day")
    mark = hashlib.sha256(ddl.encode()).hexdigest()[:16]
    glue = place.client("glue")
    try:
        there = glue.get_table(DatabaseName=place.database, Name=ATTEMPTS.name)["Table"]["Parameters"].get(_MADE_BY)
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        there = None
    if there != mark:
        client.run("old table attempts", f"DROP TABLE IF EXISTS `{place.database}`.`{ATTEMPTS.name}`", free=True)
        client.run(
            "table attempts",
            ddl.replace("TBLPROPERTIES (\n", f"TBLPROPERTIES (\n  '{_MADE_BY}' = '{mark}',\n"),
            free=True,
        )
    _sweep(place, now)


def _workgroup(place: Place) -> None:
    athena = place.client("athena")
    cutoff = max(_LEAST_CUTOFF_BYTES, limit_bytes(place.spend_limit))
    try:
        told = athena.get_work_group(WorkGroup=place.workgroup)["WorkGroup"].get("Configuration", {})
    except ClientError as error:
        if "not found" not in error.response["Error"].get("Message", "").lower():
            raise
        athena.create_work_group(
            Name=place.workgroup,
            Description=f"Cost reports of the stage {place.stage}",
            Configuration={
                # a run's tables lie where it says, so the workgroup mustn't decide
                "EnforceWorkGroupConfiguration": False,
                "ResultConfiguration": {"OutputLocation": place.at(RESULTS)},
                "BytesScannedCutoffPerQuery": cutoff,
                "PublishCloudWatchMetricsEnabled": False,
                "EngineVersion": {"SelectedEngineVersion": ENGINE},
            },
        )
    else:
        if told.get("BytesScannedCutoffPerQuery") != cutoff:
            athena.update_work_group(
                WorkGroup=place.workgroup, ConfigurationUpdates={"BytesScannedCutoffPerQuery": cutoff}
            )


def _sweep(place: Place, now: datetime) -> None:
    """Remove what killed runs left, and old answers."""
    glue, s3 = place.client("glue"), place.client("s3")
    oldest = (now.astimezone(UTC) - KEPT_FOR).strftime(_TIME)
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=place.database, Expression="run_.*")
    names = [str(one["Name"]) for page in pages for one in page["TableList"]]
    left = [name for name in names if name.startswith("run_") and name.removeprefix("run_") < oldest]
    for begin in range(0, len(left), 100):
        glue.batch_delete_table(DatabaseName=place.database, TablesToDelete=left[begin : begin + 100])
    runs = [key for key in keys_under(s3, place.bucket, RUNS) if key.removeprefix(RUNS) < oldest]
    answers = [
        str(item["Key"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=RESULTS)
        for item in page.get("Contents", [])
        if item["LastModified"] < now - KEPT_FOR
    ]
    remove(s3, place.bucket, [*runs, *answers])
