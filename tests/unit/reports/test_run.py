"""A whole report from files and answers: both bills agree, and what can't be had is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from tenacity import wait_none

from jobs import conventions
from jobs.problems import Problems
from reports.bill_sources import from_explorer, from_export
from reports.collect.bill_ce import Bill
from reports.collect.load import Source
from reports.collect.prices import Prices
from reports.collect.spot_history import SpotPrices
from reports.model.report import Report
from reports.period import choose
from reports.run import Question, make_report
from tests.worlds.answers import Explorer, export
from tests.worlds.ledger import Delivery, clusters, compute_environments, write
from tests.worlds.world import INSTANCE_TYPES, Made, World, make

NOW = datetime(2026, 11, 16, 6, tzinfo=UTC)
WEEK = choose(now=NOW, timezone="UTC")


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=5, days=14, instances=8, fargate_attempts=60, reclaim_fraction=0.2))


@pytest.fixture(scope="module")
def source(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("ledger")
    write(made, folder / "raw", stage="prod", delivery=Delivery(bad_lines=3))
    return Source(
        stage="prod",
        raw=folder / "raw",
        clusters=clusters(made),
        compute_environments=compute_environments("prod"),
    )


@pytest.fixture(scope="module")
def whole(made: Made, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_report(question(source, explored(of(made), tmp_path_factory.mktemp("bill"))))


def explored(client: Any, folder: Path, limit: str = "0.10") -> Callable[[date, date], Bill]:
    return from_explorer(
        client, metric="unblended", cache=folder, spend_limit=Decimal(limit), say=lambda _: None, wait=wait_none()
    )


def of(made: Made) -> Explorer:
    return Explorer(made.bill_lines, stage_tag=conventions.TAG_STAGE)


def listed(usage_types: Sequence[str], _currency: str) -> Prices:
    """Every price of the world's instance types."""
    return Prices(hour_nano={name: round(INSTANCE_TYPES[name.split(":")[1]][2] * 1e9) for name in usage_types})


def history(types: Collection[str], days: Collection[date], _now: datetime) -> SpotPrices:
    return SpotPrices(hour_nano={(day, name): 50_000_000 for day in days for name in types})


def question(source: Source | None, bill: Callable[[date, date], Bill] | None, **more: Any) -> Question:
    given: dict[str, Any] = {
        "stack": "prod",
        "stage": "prod",
        "period": WEEK,
        "now": NOW,
        "ledger": source,
        "bill": bill,
        "sold": lambda platform, vcpus, mib: -(-mib // 64) * 64,
        "memory_now": {f"job-{n}": 512 * (1 + n % 4) for n in range(8)},
        "prices": listed,
    }
    return Question(**{**given, **more})


def figures(report: Report) -> dict[str, Any]:
    """All that doesn't depend on how the bill came; a share of sums of floats has its last digits by their order."""
    told = report.model_dump(exclude={"requests", "generated_at"})
    for job in told["jobs"]:
        job["cpu_used_share"] = round(job["cpu_used_share"], 9)
    return told


def test_both_bills_and_both_ways_of_keeping_the_ledger_give_the_same_report(
    made: Made, source: Source, whole: Report, tmp_path: Path
) -> None:
    lines = made.bill_lines
    week = lines[(lines["record_type"] == "usage") & (lines["day"] >= WEEK.since) & (lines["day"] < WEEK.until)]
    assert whole.total_nano == whole.identity.bill_nano == int(week["cost_nano"].sum())
    assert whole.previous_total_nano is not None
    assert (whole.missing, whole.set_aside, whole.period.label) == ((), 3, "2026-W46")
    unexplained = sum(line.cost_nano for line in whole.identity.lines if line.name == "unexplained")
    assert abs(unexplained) < whole.total_nano / 200

    kept = explored(of(made), tmp_path / "bill")
    kept(date(2026, 10, 12), WEEK.until)
    export(lines, tmp_path / "export.parquet")
    exported = make_report(question(source, from_export(tmp_path, metric="unblended")))
    compacted = replace(source, compacted=tmp_path / "compacted")
    again = make_report(question(compacted, kept))
    assert figures(exported) == figures(again) == figures(whole)
    assert whole.requests is not None
    assert again.requests is not None
    assert (whole.requests.days_from_cache, exported.requests) == (0, None)
    assert again.requests.days_from_cache >= 14


def test_without_a_bill_the_report_tells_what_ran(source: Source) -> None:
    report = make_report(question(source, None, missing=("the bill: nobody could be asked",)))
    attempts = sum(group.attempts for group in report.breakdowns["job"])
    assert report.sentence == f"no bill for 2026-W46: what {attempts:,} attempts cost isn't known"
    assert report.missing[0] == "the bill: nobody could be asked"
    assert report.jobs
    assert (report.total_nano, report.identity.bill_nano) == (None, None)


class Refused:
    def get_cost_and_usage(self, **_request: Any) -> Mapping[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetCostAndUsage")


class HalfAnswered(Explorer):
    """Answers without the metric that was asked for."""

    def get_cost_and_usage(self, **request: Any) -> Mapping[str, Any]:
        answer: dict[str, Any] = {**super().get_cost_and_usage(**request)}
        for day in answer["ResultsByTime"]:
            for group in day["Groups"]:
                group["Metrics"].pop("UnblendedCost")
        return answer


def test_a_refused_or_half_answered_bill_is_said(made: Made, source: Source, tmp_path: Path) -> None:
    refused = make_report(question(source, explored(Refused(), tmp_path)))
    assert any("Cost Explorer answered AccessDeniedException: no" in sentence for sentence in refused.missing)
    half = HalfAnswered(made.bill_lines, stage_tag=conventions.TAG_STAGE)
    assert (
        "the bill couldn't be read: KeyError: 'UnblendedCost'"
        in make_report(question(source, explored(half, tmp_path))).missing
    )


def test_a_bill_that_cannot_be_kept_is_in_the_report_and_said(
    made: Made, source: Source, whole: Report, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    report = make_report(question(source, explored(of(made), tmp_path / "file" / "bill")))
    assert (report.total_nano, report.identity, report.requests) == (whole.total_nano, whole.identity, whole.requests)
    (said,) = report.missing
    assert said.startswith(f"the bill couldn't be kept in {tmp_path / 'file' / 'bill'} (Not a directory), so the next ")


def test_an_export_that_isnt_there_and_a_limit_that_is_reached(made: Made, source: Source, tmp_path: Path) -> None:
    nothing = make_report(question(source, from_export(tmp_path / "none", metric="unblended")))
    assert f"the bill: {tmp_path / 'none'} holds no .parquet file of an export" in nothing.missing
    limited = make_report(question(source, explored(of(made), tmp_path, limit="0.00")))
    assert sum("raise the limit to ask further" in sentence for sentence in limited.missing) == 2


def test_without_a_ledger_the_bill_is_unexplained(made: Made, tmp_path: Path) -> None:
    report = make_report(question(None, explored(of(made), tmp_path), missing=("the ledger: no bucket",)))
    assert {line.name for line in report.identity.lines} == {"unexplained", "storage", "logs"}
    assert report.missing[0] == "the ledger: no bucket"
    assert sum(line.cost_nano for line in report.identity.lines) == (report.total_nano or 0) > 0


def test_what_instances_of_an_unknown_type_cost_is_unexplained_and_said(made: Made, tmp_path: Path) -> None:
    bare = replace(made, instances=made.instances.assign(instance_type=""))
    write(bare, tmp_path / "raw", stage="prod", delivery=Delivery())
    source = Source(stage="prod", raw=tmp_path / "raw", clusters=clusters(made))
    report = make_report(question(source, explored(of(made), tmp_path / "bill")))
    there = made.instances[made.instances["ended_at"] >= pd.Timestamp(report.period.since)]
    assert (
        f"the type of {len(there)} instances, such as {there['instance_id'].min()}: no row of the ledger tells it, so "
        "what they cost is unexplained"
    ) in report.missing
    lines = made.bill_lines
    ec2 = lines[(lines["kind"] == "ec2") & (lines["day"] >= report.period.since)]
    unexplained = sum(line.cost_nano for line in report.identity.lines if line.name == "unexplained")
    assert unexplained >= int(ec2["cost_nano"].sum()) > 0
    assert sum(line.cost_nano for line in report.identity.lines) == report.total_nano


def test_a_pull_by_another_clock_is_said_and_counted_from_the_start(made: Made, tmp_path: Path) -> None:
    skewed = made.attempts.assign(pull_started_at=made.attempts["started_at"] + pd.Timedelta(minutes=2))
    write(replace(made, attempts=skewed), tmp_path / "raw", stage="prod", delivery=Delivery())
    source = Source(stage="prod", raw=tmp_path / "raw", clusters=clusters(made))
    report = make_report(question(source, None))
    assert any(
        one.startswith(f"when the image's pull began of {len(skewed):,} attempts: by their task's clock after their ")
        for one in report.missing
    ), report.missing


def test_a_ledger_that_breaks_off_and_one_whose_compacted_files_are_damaged(
    made: Made, source: Source, whole: Report, tmp_path: Path
) -> None:
    broken = make_report(
        question(source, explored(of(made), tmp_path / "bill"), fetch=lambda since: [f"the ledger from {since} on"])
    )
    assert "the ledger from 2026-10-12 on" in broken.missing
    compacted = replace(source, compacted=tmp_path / "compacted")
    make_report(question(compacted, explored(of(made), tmp_path / "bill")))
    files = {file: file.read_bytes() for file in (tmp_path / "compacted" / "attempts").rglob("*.parquet")}
    for length in (12, None):  # cut off, which its reader sees at once, and damaged inside, which shows in its rows
        for file, text in files.items():
            file.write_bytes(b"PAR1" + bytes(200) + text[204:] if length is None else text[:length])
        fetched: list[date] = []

        def fetch(since: date, fetched: list[date] = fetched) -> list[str]:
            fetched.append(since)
            return []

        damaged = make_report(question(compacted, explored(of(made), tmp_path / "bill"), fetch=fetch))
        assert len(fetched) == 1, "the second try reads what the first brought here"
        assert sum(sentence.startswith("the ledger is read uncompacted: ") for sentence in damaged.missing) == 1
        assert (damaged.total_nano, damaged.breakdowns) == (whole.total_nano, whole.breakdowns)


def in_euros(made: Made, share: float) -> Explorer:
    lines = made.bill_lines.copy()
    lines.loc[lines.index < len(lines) * share, "currency"] = "EUR"
    return Explorer(lines, stage_tag=conventions.TAG_STAGE)


def test_two_currencies_are_refused_unless_one_is_asked_for(made: Made, source: Source, tmp_path: Path) -> None:
    both = explored(in_euros(made, 0.5), tmp_path / "both")
    with pytest.raises(Problems, match="the bill of prod is in EUR and USD; a report adds up one currency"):
        make_report(question(source, both))
    euros = make_report(question(source, both, currency="EUR"))
    dollars = make_report(question(source, both, currency="USD"))
    assert (euros.currency, dollars.currency) == ("EUR", "USD")
    with pytest.raises(Problems, match="--currency is GBP; the bill of prod is in EUR, USD; write EUR"):
        make_report(question(source, both, currency="GBP"))
    only = make_report(question(source, explored(in_euros(made, 1.0), tmp_path / "only")))
    assert only.currency == "EUR"


def test_other_stages_are_left_out_and_missing_tags_said(
    made: Made, source: Source, whole: Report, tmp_path: Path
) -> None:
    mine = made.bill_lines
    theirs = mine.assign(stage="dev")
    both = Explorer(pd.concat([mine, theirs]), stage_tag=conventions.TAG_STAGE)
    assert make_report(question(source, explored(both, tmp_path / "both"))).total_nano == whole.total_nano
    bare = Explorer(mine.assign(stage=""), stage_tag=conventions.TAG_STAGE)
    report = make_report(question(source, explored(bare, tmp_path / "bare")))
    assert any("activate it as a cost allocation tag" in sentence for sentence in report.missing)
    some = Explorer(mine.assign(stage=mine["stage"].where(mine["kind"] != "logs", "")), stage_tag=conventions.TAG_STAGE)
    assert (
        "$5.25 of the account's usage carries no tag batchyard:stage; it is counted here"
        in make_report(question(source, explored(some, tmp_path / "some"))).missing
    )


def test_a_first_week_and_a_week_whose_neighbour_is_missing(made: Made, source: Source, tmp_path: Path) -> None:
    first = choose(week="2026-W45", now=NOW, timezone="UTC")
    report = make_report(question(source, explored(of(made), tmp_path), period=first))
    assert report.sentence.endswith("in 2026-W45, the first period on record")
    # attempts that ran into the next week are recorded in it, and take their part of this one
    unexplained = sum(line.cost_nano for line in report.identity.lines if line.name == "unexplained")
    assert abs(unexplained) < (report.total_nano or 0) / 200

    def only_this_week(since: date, until: date) -> Bill:
        whole = explored(of(made), tmp_path)(since, until)
        lines = [line for line in whole.lines if line["day"] >= WEEK.since]
        return Bill(lines=lines, missing=["the bill before"])

    assert make_report(question(source, only_this_week)).sentence.endswith("2026-W46, the period before is missing")


def test_an_empty_stage_in_a_running_week(tmp_path: Path) -> None:
    empty = Source(stage="prod", raw=tmp_path)
    asked: list[tuple[date, date]] = []

    def bill(since: date, until: date) -> Bill:
        asked.append((since, until))
        return Bill()

    period = choose(week="2026-W47", now=NOW, timezone="UTC")
    report = make_report(question(empty, bill, period=period))
    assert report.sentence == "no bill for 2026-W47, and no attempt on record"
    assert asked == [(date(2026, 10, 19), date(2026, 11, 17))]  # tomorrow hasn't begun


def test_what_ran_on_a_day_the_bill_has_not_reached_is_said_and_in_no_sum(
    made: Made, source: Source, tmp_path: Path
) -> None:
    lines = made.bill_lines
    machines = (lines["kind"] == "ec2") & (lines["day"] >= WEEK.since) & (lines["day"] < WEEK.until)
    last = lines[machines]["day"].max()
    reached = lines[~((lines["day"] == last) & lines["kind"].isin(["ec2", "fargate-vcpu", "fargate-gb"]))]
    bill = explored(Explorer(reached, stage_tag=conventions.TAG_STAGE), tmp_path)
    report = make_report(question(source, bill, spot_history=history))
    (said,) = [one for one in report.missing if one.startswith("no line of the bill tells of ")]
    assert said.startswith(f"no line of the bill tells of {last}, where ")
    assert "hours of instances" in said
    assert said.endswith("the bill's rates of other days, in no sum of this report")
    usage = reached[
        (reached["day"] >= WEEK.since) & (reached["day"] < WEEK.until) & (reached["record_type"] == "usage")
    ]
    assert sum(line.cost_nano for line in report.identity.lines) == int(usage["cost_nano"].sum())
