"""What a report of a stage is asked with, out of what the stage exports and the facts of its settings.

The command line has both from the repository and the stack's outputs, the scheduled job from `stage.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from jobs.stage_facts import StageFacts
from reports.analyse.proposals import MemoryRule, Rounding, sold_memory
from reports.bill_sources import BillSource, from_explorer
from reports.collect.bill_ce import Bill, Metric
from reports.collect.fetch import fetch as fetch_ledger
from reports.collect.instances import Environment
from reports.collect.live_batch import REMEMBERED, collect_live
from reports.collect.load import Source
from reports.collect.prices import from_price_list
from reports.collect.spot_history import from_ec2
from reports.model.money import nano
from reports.model.report import Period
from reports.run import Fetch, Question
from reports.stage import ExportedEnvironment, StageAccess, StageUnavailableError
from scheduling.catalog import FARGATE

_FARGATE: Final = "fargate"
_SPOT: Final = "spot"
_UNMANAGED: Final = "unmanaged"
SAY_EVERY_OBJECTS: Final = 500
SIMULATED: Final = "the bill is simulated: machine time of this emulated account at public prices; nobody pays it"


def question(
    access: StageAccess,
    facts: StageFacts,
    *,
    stack: str,
    period: Period,
    now: datetime,
    cache: Path,
    bill: BillSource | None,
    currency: str | None,
    say: Callable[[str], None],
) -> Question:
    """What to ask `make_report`. Of a stage without a ledger, AWS Batch is asked what it remembers."""
    missing = list(facts.missing)
    ledger: Source | None = None
    fetch: Fetch | None = None
    try:
        bucket = access.ledger_bucket
    except StageUnavailableError as problem:
        missing.append(f"the ledger: {problem}")
        if access.queues:
            missing.append(f"attempts that AWS Batch forgot: it is asked, and remembers {REMEMBERED}")
            folder = cache / _account_folder(access)
            ledger = Source(
                stage=access.stage, raw=folder / "raw", compacted=folder / "compacted", owners=access.owners
            )
            fetch = _live(access, folder / "raw", say)
    else:
        folder = cache / bucket
        clusters, environments, unknown = _environments(access.environments, facts.kinds)
        missing += unknown
        ledger = Source(
            stage=access.stage,
            raw=folder / "raw",
            compacted=folder / "compacted",
            clusters=clusters,
            compute_environments=environments,
            owners=access.owners,
        )
        fetch = _fetch(access, bucket, folder / "raw", say)
    return Question(
        stack=stack,
        stage=access.stage,
        period=period,
        now=now,
        ledger=ledger,
        fetch=fetch,
        bill=bill,
        currency=currency,
        budgets=budgets(facts, stage=access.stage),
        memory_now=facts.memory_now,
        sold=sold(facts),
        prices=from_price_list(
            lambda: access.client("pricing"), cache=cache / "prices.json", today=now.astimezone(UTC).date(), say=say
        ),
        spot_history=from_ec2(lambda: access.client("ec2"), say=say),
        notes=(
            *((SIMULATED,) if access.simulated or facts.endpoint_url else ()),
            *_not_billed(access.environments),
        ),
        missing=tuple(missing),
    )


def bill_of(
    access: StageAccess, *, metric: Metric, cache: Path, spend_limit: Decimal, say: Callable[[str], None]
) -> BillSource:
    """The stage's bill out of Cost Explorer. Where there is no client, the bill says so."""

    def ask(since: date, until: date) -> Bill:
        try:
            client = access.client("ce")
        except (BotoCoreError, ClientError) as problem:
            return Bill(missing=[f"the bill: Cost Explorer could not be reached: {problem}"])
        return from_explorer(client, metric=metric, cache=cache, spend_limit=spend_limit, say=say)(since, until)

    return ask


def budgets(facts: StageFacts, *, stage: str) -> dict[str, int]:
    """The stage under its name, `owner <name>` → nano-dollars a month."""
    owners = {f"owner {name}": nano(amount) for name, amount in facts.owner_budgets.items()}
    return owners if facts.stage_budget is None else {stage: nano(facts.stage_budget), **owners}


def sold(facts: StageFacts) -> Rounding:
    """The least memory that is sold and enough: not more than the stage's largest instance has."""

    def least(platform: str, vcpus: float, needed_mib: int) -> int | None:
        size = sold_memory(platform, vcpus, needed_mib, grid=dict(FARGATE), step_mib=MemoryRule().step_mib)
        if size is not None and platform != _FARGATE and facts.largest_mib is not None and size > facts.largest_mib:
            return None
        return size

    return least


def _fetch(access: StageAccess, bucket: str, folder: Path, say: Callable[[str], None]) -> Fetch:
    def progress(done: int, all_of_them: int) -> None:
        if done == all_of_them or done % SAY_EVERY_OBJECTS == 0:
            say(f"ledger: {done:,} of {all_of_them:,} new objects")

    def fetch(since: date) -> Sequence[str]:
        try:
            s3: Any = access.client("s3")
        except (BotoCoreError, ClientError) as problem:
            return [f"the ledger {bucket}: {problem}"]
        return fetch_ledger(s3, bucket, folder, since=since, progress=progress).missing

    return fetch


def _live(access: StageAccess, folder: Path, say: Callable[[str], None]) -> Fetch:
    def progress(done: int, all_of_them: int) -> None:
        say(f"AWS Batch: {done:,} of {all_of_them:,} finished jobs described")

    def fetch(_since: date) -> Sequence[str]:
        try:
            batch: Any = access.client("batch")
        except (BotoCoreError, ClientError) as problem:
            return [f"attempts: AWS Batch couldn't be asked: {problem}"]
        return collect_live(batch, sorted(access.queues.values()), folder, progress=progress).missing

    return fetch


def _account_folder(access: StageAccess) -> str:
    """`batch-us-east-1-123456789012-prod`: stages of one name in two accounts keep apart."""
    _, _, _, region, account, *_ = (*min(access.queues.values()).split(":"), *[""] * 5)
    return "-".join(filter(None, ("batch", region, account, access.stage)))


def _not_billed(exported: Mapping[str, ExportedEnvironment]) -> tuple[str, ...]:
    names = sorted(name for name, one in exported.items() if one.kind.endswith(_UNMANAGED))
    if not names:
        return ()
    return (
        f"what ran in {', '.join(names)} has no cost here: the instances are somebody's own, on no bill of the stage",
    )


def _purchase(kind: str) -> str:
    """`unmanaged` is no line of the stage's bill: what runs there takes nothing of other instances' cost."""
    if kind.endswith(_UNMANAGED):
        return _UNMANAGED
    return _SPOT if kind.endswith(_SPOT) else "on-demand"


def _environments(
    exported: Mapping[str, ExportedEnvironment], kinds: Mapping[str, str]
) -> tuple[dict[str, Environment], dict[str, Environment], list[str]]:
    """Cluster's ARN → environment, AWS's name → environment, and what isn't known."""
    clusters: dict[str, Environment] = {}
    named: dict[str, Environment] = {}
    without: list[str] = []
    for name, one in sorted(exported.items()):
        kind = one.kind or kinds.get(name, "")
        environment = Environment(name=name, purchase=_purchase(kind))
        if one.arn:
            named[one.arn.rpartition("/")[2]] = environment
        if one.ecs_cluster_arn:
            clusters[one.ecs_cluster_arn] = environment
        elif not kind.startswith(_FARGATE):
            without.append(name)
    if not without:
        return clusters, named, []
    return (
        clusters,
        named,
        [
            f"which instances are those of {', '.join(without)}: the stage exports no ECS cluster of theirs; "
            "bring it up with this Batchyard"
        ],
    )
