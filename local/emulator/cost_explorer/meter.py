"""What the emulated account used of EC2, Fargate and Lambda, as AWS meters it: by the second, and 60 s at least.

An instance is billed from its boot until it was let go, a Fargate task from the start of its pull until it stopped;
what still runs, until now. A function's run is billed by the millisecond, and counted. Kept in memory: it is gone with
the emulator.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Final

from local.emulator.capacity import FunctionRun, Instance, Task
from local.emulator.cost_explorer.prices import Prices, Unpriced

EC2: Final = "Amazon Elastic Compute Cloud - Compute"
FARGATE: Final = "Amazon Elastic Container Service"
LAMBDA: Final = "AWS Lambda"
MINIMUM_S: Final = 60
AMOUNT: Final = Decimal("1e-10")
"""AWS's amounts have ten places. A line is rounded once; sums of lines are exact."""
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS

Tags = tuple[tuple[str, str], ...]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A day's usage of one type with the same tags. `cost` is None, and `unpriced` says why, where no price is."""

    day: date
    account: str
    service: str
    usage_type: str
    # as AWS names it: there are no credits, refunds or taxes
    record_type: str = "Usage"
    tags: Mapping[str, str]
    # hours of most, GB-seconds and requests of Lambda's
    hours: Decimal
    cost: Decimal | None
    unpriced: str = ""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    account: str
    service: str
    usage_type: str
    tags: Tags
    # an hour's
    price: Decimal | None
    unpriced: str = ""


@dataclass(kw_only=True)
class _Life:
    """What is billed by one start and one end: kinds of usage, each with how many of it (vCPUs, GB, instances)."""

    kinds: tuple[tuple[_Kind, Decimal], ...]
    start_ms: int
    end_ms: int | None = None

    def billed_ms(self, as_of_ms: int) -> tuple[int, int]:
        """Start and end of what is billed at that time; whole seconds."""
        end_ms = as_of_ms if self.end_ms is None else min(self.end_ms, as_of_ms)
        seconds = max(MINIMUM_S, -(-(end_ms - self.start_ms) // 1000))
        return self.start_ms, self.start_ms + seconds * 1000


class Meter:
    """A watcher of Batch; asked from the threads of requests. What somebody registers with an unmanaged environment
    isn't metered: it carries none of the stage's tags, and who runs it pays for it."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._lock = threading.Lock()
        self._lives: list[_Life] = []
        # by ARN
        self._running: dict[str, _Life] = {}
        # by day: GB-seconds and requests
        self._functions: dict[tuple[int, _Kind], Decimal] = defaultdict(Decimal)

    # told by Lambda

    def function_ran(self, run: FunctionRun) -> None:
        gb_second, request, unpriced = None, None, ""
        try:
            prices = self._prices.function(run.architecture, region=run.region)
            gb_second, request = prices.gb_second, prices.request
        except Unpriced as problem:
            unpriced = str(problem)
            logger.warning("Unpriced: %s", unpriced)
        suffix = "-ARM" if run.architecture == "arm64" else ""
        gb_seconds = Decimal(run.memory_mib) / 1024 * run.billed_ms / 1000
        day = run.began_at_ms // _DAY_MS
        with self._lock:
            for of, price, amount in (("Lambda-GB-Second", gb_second, gb_seconds), ("Request", request, Decimal(1))):
                kind = _Kind(
                    account=run.account,
                    service=LAMBDA,
                    usage_type=f"{of}{suffix}",
                    tags=_tags(run.tags),
                    price=price,
                    unpriced=unpriced,
                )
                self._functions[day, kind] += amount

    # told by Batch

    def instance_booted(self, instance: Instance) -> None:
        home = instance.home
        if home.purchase == "unmanaged":
            return
        prefix = "SpotUsage" if home.purchase == "spot" else "BoxUsage"
        price, unpriced = None, ""
        try:
            price = self._prices.instance_hour(instance.type, home.purchase, region=home.region)
        except Unpriced as problem:
            unpriced = str(problem)
            logger.warning("Unpriced: %s", unpriced)
        kind = _Kind(
            account=home.account,
            service=EC2,
            usage_type=f"{prefix}:{instance.type}",
            tags=_tags(instance.tags),
            price=price,
            unpriced=unpriced,
        )
        self._begin(instance.container_instance_arn, ((kind, Decimal(1)),), instance.booted_at_ms)

    def instance_gone(self, instance: Instance, at_ms: int) -> None:
        self._end(instance.container_instance_arn, at_ms)

    def task_placed(self, task: Task) -> None:
        if task.container_instance_arn is None:
            self._begin(task.arn, self._of_fargate(task), task.created_at_ms)

    def task_running(self, task: Task) -> None:
        """It is billed from its pull already."""

    def task_stopped(self, task: Task) -> None:
        if task.stopped_at_ms is not None:
            self._end(task.arn, task.stopped_at_ms)

    def _of_fargate(self, task: Task) -> tuple[tuple[_Kind, Decimal], ...]:
        home = task.home
        # Fargate's types carry the region's prefix in us-east-1 too
        prefix = "USE1-SpotUsage-Fargate" if home.purchase == "spot" else "USE1-Fargate"
        vcpu_hour, gb_hour, unpriced = None, None, ""
        try:
            prices = self._prices.fargate(home.purchase, region=home.region)
            vcpu_hour, gb_hour = prices.vcpu_hour, prices.gb_hour
        except Unpriced as problem:
            unpriced = str(problem)
            logger.warning("Unpriced: %s", unpriced)

        def kind(of: str, price: Decimal | None) -> _Kind:
            return _Kind(
                account=home.account,
                service=FARGATE,
                usage_type=f"{prefix}-{of}",
                tags=_tags(task.tags),
                price=price,
                unpriced=unpriced,
            )

        return (
            (kind("vCPU-Hours:perCPU", vcpu_hour), Decimal(str(task.vcpus))),
            (kind("GB-Hours", gb_hour), Decimal(task.memory_mib) / 1024),
        )

    def _begin(self, arn: str, kinds: tuple[tuple[_Kind, Decimal], ...], start_ms: int) -> None:
        life = _Life(kinds=kinds, start_ms=start_ms)
        with self._lock:
            self._lives.append(life)
            self._running[arn] = life

    def _end(self, arn: str, end_ms: int) -> None:
        with self._lock:
            life = self._running.pop(arn, None)
            if life is not None:
                life.end_ms = end_ms

    # asked by the bill

    def lines(self, *, as_of_ms: int) -> list[Line]:
        """All usage until then."""
        used_ms: dict[tuple[int, _Kind], Decimal] = defaultdict(Decimal)
        with self._lock:
            lives = [life for life in self._lives if life.start_ms <= as_of_ms]
            for life in lives:
                for day, in_day_ms in _by_day(*life.billed_ms(as_of_ms)):
                    for kind, amount in life.kinds:
                        used_ms[day, kind] += amount * in_day_ms
            # a whole day at once: what a line says of a run may be a moment ahead of the time that is asked for
            runs = [(day, kind, amount * _HOUR_MS) for (day, kind), amount in self._functions.items()]
        return [*(_line(day, kind, used) for (day, kind), used in used_ms.items()), *(_line(*run) for run in runs)]


def _by_day(start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Days since 1970 (UTC) with the milliseconds of the span in each."""
    days = range(start_ms // _DAY_MS, (end_ms - 1) // _DAY_MS + 1)
    return [(day, min(end_ms, (day + 1) * _DAY_MS) - max(start_ms, day * _DAY_MS)) for day in days]


def _line(day: int, kind: _Kind, amount_ms: Decimal) -> Line:
    with localcontext(prec=50):
        hours = (amount_ms / _HOUR_MS).quantize(AMOUNT)
        cost = None if kind.price is None else (amount_ms * kind.price / _HOUR_MS).quantize(AMOUNT)
    return Line(
        day=datetime.fromtimestamp(day * _DAY_MS / 1000, UTC).date(),
        account=kind.account,
        service=kind.service,
        usage_type=kind.usage_type,
        tags=dict(kind.tags),
        hours=hours,
        cost=cost,
        unpriced=kind.unpriced,
    )


def _tags(tags: Mapping[str, str]) -> Tags:
    return tuple(sorted(tags.items()))
