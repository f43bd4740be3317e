"""What a stage's report is asked with: its settings as plain values, where its ledger is, who tells its bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.stage_access import ExportedEnvironment, StageAccess, StageUnavailableError
from components.settings import Settings, effective_specs, load_settings_file
from jobs.problems import Problems
from jobs.spec import discover_jobs
from reports.analyse.proposals import MemoryRule, sold_memory
from reports.collect.fetch import fetch as fetch_ledger
from reports.collect.instances import Environment
from reports.collect.load import Source
from reports.model.money import nano
from reports.model.report import Period
from reports.run import BillSource, Fetch, Question
from scheduling.catalog import FARGATE, resolve_all

_FARGATE: Final = "fargate"
_SPOT: Final = "spot"
SAY_EVERY_OBJECTS: Final = 500


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """Of a stage's file and `jobs/`, what a report needs. Where they can't be read, `missing` says why."""

    timezone: str = "UTC"
    memory_now: Mapping[str, int] = field(default_factory=dict)
    """Job → MiB asked for today, in this stage."""
    budgets: Mapping[str, int] = field(default_factory=dict)
    """The stage, or `owner <name>` → nano-dollars a month."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Compute environment → its kind."""
    largest_mib: int | None = None
    """Memory of the largest instance the stage may start; None where it has none."""
    missing: tuple[str, ...] = ()

    def sold(self, platform: str, vcpus: float, needed_mib: int) -> int | None:
        """The least memory that is sold and enough, None when none is."""
        size = sold_memory(platform, vcpus, needed_mib, grid=dict(FARGATE), step_mib=MemoryRule().step_mib)
        if size is not None and platform != _FARGATE and self.largest_mib is not None and size > self.largest_mib:
            return None
        return size


def settings_file(repository: Path, stack: str) -> Path:
    """`Pulumi.<stack>.yaml`; a stack may be written `organization/batchyard/prod`."""
    return repository / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def stage_facts(repository: Path, stack: str) -> StageFacts:
    """From the files in the repository."""
    file = settings_file(repository, stack)
    if not file.is_file():
        return StageFacts(missing=(f"{file.name}: no such file, so what its jobs ask for today isn't known",))
    try:
        settings = load_settings_file(file)
        specs = effective_specs(settings, discover_jobs(repository / "jobs"))
    except Problems as problems:
        first = next(iter(problems))
        return StageFacts(missing=(f"what jobs ask for today: {first}",))
    return StageFacts(
        timezone=settings.timezone,
        memory_now={one.name: one.spec.resources.memory_mib for one in specs},
        budgets=_budgets(settings),
        kinds={name: one.kind for name, one in settings.compute_environments.items()},
        largest_mib=_largest_mib(settings),
    )


def _budgets(settings: Settings) -> dict[str, int]:
    told = settings.budgets
    owners = {f"owner {name}": nano(f"{amount}") for name, amount in told.owners_per_month.items()}
    return owners if told.stage_per_month is None else {settings.stage: nano(f"{told.stage_per_month}"), **owners}


def _largest_mib(settings: Settings) -> int | None:
    kinds = [
        kind
        for one in settings.compute_environments.values()
        if not one.kind.startswith(_FARGATE)
        for kind in resolve_all(tuple(one.instance_types))
    ]
    return max((kind.usable_memory_mib for kind in kinds), default=None)


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
    """What to ask `make_report`. A stage without a ledger is asked about all the same."""
    missing = list(facts.missing)
    ledger: Source | None = None
    fetch: Fetch | None = None
    try:
        bucket = access.ledger_bucket
    except StageUnavailableError as problem:
        missing.append(f"the ledger: {problem}")
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
        budgets=facts.budgets,
        memory_now=facts.memory_now,
        sold=facts.sold,
        missing=tuple(missing),
    )


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


def _environments(
    exported: Mapping[str, ExportedEnvironment], kinds: Mapping[str, str]
) -> tuple[dict[str, Environment], dict[str, Environment], list[str]]:
    """Cluster's ARN → environment, AWS's name → environment, and what isn't known."""
    clusters: dict[str, Environment] = {}
    named: dict[str, Environment] = {}
    without: list[str] = []
    for name, one in sorted(exported.items()):
        kind = one.kind or kinds.get(name, "")
        environment = Environment(name=name, purchase=_SPOT if kind.endswith(_SPOT) else "on-demand")
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
