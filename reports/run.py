"""A report from its question to its figures: collect, allocate, summarise. What can't be had is said in the report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from jobs import conventions
from jobs.problems import Problem, Problems, listing
from reports.analyse.allocate import allocate
from reports.analyse.proposals import MemoryRule, Rounding
from reports.analyse.summary import Asked, summarise
from reports.athena.place import Place, engine_at
from reports.bill_sources import BillSource
from reports.collect.bill_ce import Bill
from reports.collect.compaction import compact
from reports.collect.load import Loaded, Source, load, load_nothing, open_database
from reports.collect.prices import PriceSource, of_spot
from reports.collect.spot_history import SpotHistory
from reports.collect.store import StoreError
from reports.model.money import nano
from reports.model.report import Period, Report, Requests
from reports.model.tables import ALLOCATIONS, BILL_LINES
from reports.model.words import money
from reports.period import before
from reports.unbilled import Told, unbilled

HISTORY: Final = timedelta(days=28)
"""Looked at before the period, for what is usual, the month's end and proposals."""
LONGEST_RUN: Final = timedelta(days=14)
"""After the period: an attempt that ran in it is recorded when it ends, at most this much later on Fargate."""

Fetch = Callable[[date], Sequence[str]]
"""Brings the ledger's raw objects of a day and later to this machine; a sentence for each thing that is missing."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a report is asked for, and where its evidence is. Plain values: no stage's settings are read here.

    `budgets` is name → nano-dollars a month (the stage under its name, `owner <name>`); `memory_now` job → MiB asked
    for today; `sold` the memory that can be had. Without `bill` or `ledger` the report comes and says so.
    """

    stack: str
    stage: str
    period: Period
    now: datetime
    """Aware."""
    ledger: Source | None
    bill: BillSource | None
    sold: Rounding
    fetch: Fetch | None = None
    currency: str | None = None
    budgets: Mapping[str, int] = field(default_factory=dict)
    memory_now: Mapping[str, int] = field(default_factory=dict)
    rule: MemoryRule = field(default_factory=MemoryRule)
    athena: Place | None = None
    """Where the figures are worked out, if not on this machine."""
    allocations: Path | None = None
    """A Parquet file for where each nano-dollar of the period went."""
    prices: PriceSource | None = None
    """Who knows prices on demand that the bill doesn't tell."""
    spot_history: SpotHistory | None = None
    """Who knows what spot instances cost on days that no bill tells of."""
    notes: tuple[str, ...] = ()
    """What to know while reading."""
    missing: tuple[str, ...] = ()
    """What is known to be missing already."""

    @property
    def previous(self) -> Period | None:
        return before(self.period)

    @property
    def first_day(self) -> date:
        """The first day whose evidence is looked at."""
        earlier = self.previous
        return min(self.period.since - HISTORY, earlier.since if earlier else self.period.since)


def make_report(question: Question, *, say: Callable[[str], None] = lambda _: None) -> Report:
    """The report that was asked for. `say` is told what is going on.

    Raises Problems when the bill is in several currencies and none is asked for.
    """
    bill = _bill(question)
    missing = [*question.missing, *bill.missing, *bill.unkept]
    source = _at_hand(question, missing, say)
    try:
        return _made(question, bill, source, missing, say)
    except (StoreError, duckdb.Error) as problem:
        if source is None or source.compacted is None:
            raise
        # that a compacted file is damaged may show only when its rows are asked for
        said = f"the ledger is read uncompacted: {_first_line(problem)}"
        return _made(question, bill, replace(source, compacted=None), [*missing, said], say)


def _made(
    question: Question, bill: Bill, source: Source | None, known_missing: Sequence[str], say: Callable[[str], None]
) -> Report:
    """One try, from what is at hand."""
    missing = list(known_missing)
    with (
        tempfile.TemporaryDirectory(prefix="batchyard-report-") as spill,
        open_database(Path(spill)) as connection,
        source.reading() if source is not None else nullcontext(),
    ):
        set_aside = _ledger(connection, question, source, missing, say)
        lines = [line for line in bill.lines if line["stage"] in ("", question.stage)]
        currency, lines = _in_one_currency(lines, question)
        missing += _untagged(bill.lines, lines, question, currency)
        if question.bill is not None and not bill.missing and not _of_period(lines, question.period):
            missing.append(f"the bill holds no line of {question.period.label}")
        prices = of_spot(
            lines, since=question.period.since, until=question.period.until, currency=currency, ask=question.prices
        )
        missing += prices.missing
        connection.execute(BILL_LINES.duckdb_ddl())
        insert_lines(connection, lines)
        asking = Told(currency=currency, lines=lines, prices=question.prices, history=question.spot_history)
        missing += unbilled(connection, asking, period=question.period, now=question.now)
        asked = Asked(
            stack=question.stack,
            currency=currency,
            period=question.period,
            previous=question.previous,
            generated_at=question.now,
            budgets=question.budgets,
            memory_now=question.memory_now,
            sold=question.sold,
            rule=question.rule,
            on_demand=prices.hour_nano,
            billed=_of_period(lines, question.period),
            bill_whole=not bill.missing,
            notes=question.notes,
            missing=tuple(missing),
            set_aside=set_aside,
            requests=_requests(bill),
        )
        with engine_at(
            question.athena,
            connection,
            since=question.first_day,
            until=question.period.until + LONGEST_RUN,
            before=question.period.until,
            now=question.now,
            spent=bill.price,
            say=say,
        ) as engine:
            say("allocating the bill")
            allocate(engine, now=question.now.astimezone(UTC).replace(tzinfo=None))
            report = summarise(engine, asked)
            if question.allocations is not None:
                told = {"since": question.period.since, "until": question.period.until}
                engine.write("period_allocations", told, table=ALLOCATIONS, file=question.allocations)
    return report


def insert_lines(connection: DuckDBPyConnection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Rows as bill_ce and bill_cur give them into the table `bill_lines`."""
    texts = {name: pa.string() for name in BILL_LINES.names}
    types = texts | {"day": pa.date32(), "cost_nano": pa.int64(), "estimated": pa.bool_()}
    told = pa.Table.from_pylist([dict(line) for line in lines], schema=pa.schema(list(types.items())))
    connection.register("told_lines", told)
    columns = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in BILL_LINES.columns)
    connection.execute(f"INSERT INTO bill_lines BY NAME SELECT {columns} FROM told_lines")
    connection.unregister("told_lines")


def _bill(question: Question) -> Bill:
    if question.bill is None:
        return Bill()
    # a day that hasn't begun has no bill, and Cost Explorer refuses to speak of it
    until = min(question.period.until, question.now.astimezone(UTC).date() + timedelta(days=1))
    try:
        return question.bill(question.first_day, until)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, duckdb.Error) as problem:
        said = str(problem).splitlines()[0] if str(problem) else "no reason given"
        return Bill(missing=[f"the bill couldn't be read: {type(problem).__name__}: {said}"])


def _at_hand(question: Question, missing: list[str], say: Callable[[str], None]) -> Source | None:
    """The ledger, fetched and compacted as far as that works."""
    source = question.ledger
    if question.fetch is not None:
        try:
            missing += question.fetch(question.first_day)
        except OSError as problem:
            missing.append(f"the ledger couldn't be kept on this machine: {problem}")
    if source is not None and source.compacted is not None:
        try:
            say("compacting the ledger")
            compact(source)
        except (StoreError, OSError, duckdb.Error) as problem:
            missing.append(f"the ledger is read uncompacted: {_first_line(problem)}")
            return replace(source, compacted=None)
    return source


def _ledger(
    connection: DuckDBPyConnection,
    question: Question,
    source: Source | None,
    missing: list[str],
    say: Callable[[str], None],
) -> int:
    """Make `attempts` and `instances`; gives the number of lines set aside."""
    if source is None:
        load_nothing(connection)
        return 0
    until = question.period.until
    # what began after the period has no part in it; days in S3 are whole, and Athena leaves it out itself
    try:
        say("reading the ledger")
        loaded = load(
            connection,
            source,
            since=question.first_day,
            until=until + LONGEST_RUN,
            begun_before=until if question.athena is None else None,
        )
    except (OSError, duckdb.Error) as problem:
        if source.compacted is not None:
            raise StoreError(_first_line(problem)) from problem
        missing.append(f"the ledger couldn't be read: {_first_line(problem)}")
        load_nothing(connection)
        return 0
    missing += _of_the_ledger(connection, loaded, question.period)
    return loaded.set_aside_lines


def _of_the_ledger(connection: DuckDBPyConnection, loaded: Loaded, period: Period) -> list[str]:
    """What the ledger's rows don't tell, or tell so that it can't be."""
    said = []
    if loaded.unreadable:
        said.append(f"{len(loaded.unreadable):,} objects of the ledger, such as {loaded.unreadable[0]}")
    if loaded.usage_without_attempt:
        said.append(f"{loaded.usage_without_attempt:,} attempts that so far only their probe told of")
    if loaded.pulls_not_believed:
        said.append(
            f"when the image's pull began of {loaded.pulls_not_believed:,} attempts: by their task's clock after their "
            "start or long before they were submitted; they are counted from their start"
        )
    untyped, such_as = connection.execute(
        "SELECT count(*), min(instance_id) FROM instances "
        "WHERE instance_type = '' AND started_at < $until AND coalesce(ended_at, $since) >= $since",
        {"since": period.since, "until": period.until},
    ).fetchall()[0]
    if untyped:
        said.append(
            f"the type of {untyped:,} instances, such as {such_as}: no row of the ledger tells it, so what they cost "
            "is unexplained"
        )
    return said


def _in_one_currency(lines: Sequence[dict[str, Any]], question: Question) -> tuple[str, list[dict[str, Any]]]:
    found = sorted({line["currency"] for line in lines})
    wanted = question.currency
    if wanted is None:
        if len(found) > 1:
            raise Problems(
                [
                    Problem(
                        place=f"the bill of {question.stack}",
                        got=f"in {' and '.join(found)}",
                        allowed="a report adds up one currency",
                        remedy=f"ask for one, such as --currency {found[0]}",
                    )
                ]
            )
        return (found[0] if found else "USD"), list(lines)
    if found and wanted not in found:
        raise Problems(
            [
                Problem(
                    place="--currency",
                    got=wanted,
                    allowed=f"the bill of {question.stack} is in {listing(found)}",
                    remedy=f"write {found[0]}",
                )
            ]
        )
    return wanted, [line for line in lines if line["currency"] == wanted]


def _untagged(
    account: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]], question: Question, currency: str
) -> list[str]:
    """What the tag can't tell apart, in a sentence. `account` is the whole bill."""
    period = question.period
    usage = [line for line in account if line["record_type"] == "usage"]
    if not usage:
        return []
    if not any(line["stage"] for line in usage):
        return [
            f"no line of the bill carries the tag {conventions.TAG_STAGE}, so everything the account used is counted; "
            "activate it as a cost allocation tag"
        ]
    bare = sum(
        int(line["cost_nano"])
        for line in lines
        if line["record_type"] == "usage" and not line["stage"] and period.since <= line["day"] < period.until
    )
    if not bare:
        return []
    return [
        f"{money(bare, currency)} of the account's usage carries no tag {conventions.TAG_STAGE}; it is counted here"
    ]


def _of_period(lines: Sequence[Mapping[str, Any]], period: Period) -> bool:
    return any(period.since <= line["day"] < period.until for line in lines)


def _requests(bill: Bill) -> Requests | None:
    if not bill.pages and not bill.days_from_cache:
        return None
    return Requests(pages=bill.pages, price_nano=nano(bill.price), days_from_cache=bill.days_from_cache)


def _first_line(problem: BaseException) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]
