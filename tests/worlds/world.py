"""A made-up stretch of batch work: instances that idle and are reclaimed; attempts on them; the bill; and the truth.

Times are microseconds since `World.start` (UTC midnight) inside this module, datetime64 in the tables.
The truth follows the documented rule (reports/analyse/allocate.py) on what really happened, which the bill shows only
as daily sums: prices by the hour, boots and shutdowns outside the ledger's sight, untagged lines, savings plans.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.worlds.functions import functions
from tests.worlds.line import DAY_US, HOUR_US, MIB_PER_GIB, line, rows

Numbers = NDArray[Any]

INSTANCE_TYPES: Final = {  # name → (vCPUs, MiB, on-demand dollars an hour)
    "m6i.large": (2, 8192, 0.096),
    "c6i.xlarge": (4, 8192, 0.17),
    "m5.2xlarge": (8, 32768, 0.384),
    "r6i.xlarge": (4, 32768, 0.252),
}
SPOT_FRACTION: Final = 0.38
FARGATE_VCPU_HOUR: Final = 0.04048
FARGATE_GB_HOUR: Final = 0.004445


@dataclass(frozen=True, kw_only=True)
class World:
    """What to make. Two worlds of the same settings and seed are the same."""

    seed: int
    start: date = date(2026, 11, 2)
    days: int = 7
    instances: int = 60
    fargate_attempts: int = 400
    lambda_attempts: int = 0
    jobs: int = 8
    mean_run_s: float = 900.0
    idle_fraction: float = 0.25  # of a slot's time, between attempts
    reclaim_fraction: float = 0.1  # of spot instances, before their time
    spot_price_swing: float = 0.05  # ± of the hour's spot price around its mean
    untagged_fraction: float = 0.0  # of instances whose lines carry no tag
    savings_plan_fraction: float = 0.0  # of on-demand hours, at 28 % less
    credit_nano: int = 0
    edge_s: tuple[float, float] = (45.0, 180.0)  # billed but unseen, before and after an instance's life in the ledger
    stage: str = "prod"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The tables of reports/model/tables.py as frames, and each attempt's true cost in nano-dollars (float)."""

    attempts: pd.DataFrame
    instances: pd.DataFrame
    bill_lines: pd.DataFrame
    truth: pd.Series


def make(world: World) -> Made:
    """The world's ledger, bill and truth."""
    rng = np.random.default_rng(world.seed)
    instances = _instances(world, rng)
    on_ec2 = _ec2_attempts(world, rng, instances)
    on_fargate = _fargate_attempts(world, rng)
    attempts = pd.concat([on_ec2, on_fargate], ignore_index=True)
    prices = _hour_prices(world, rng)
    bill, truth = _bill_and_truth(world, rng, instances, on_ec2, on_fargate, prices)
    if world.lambda_attempts:
        on_lambda, lines, costs = functions(
            np.random.default_rng(world.seed),
            count=world.lambda_attempts,
            start=world.start,
            days=world.days,
            jobs=world.jobs,
            mean_run_s=world.mean_run_s / 50,
            stage=world.stage,
        )
        attempts = pd.concat([attempts, on_lambda], ignore_index=True)
        bill = pd.concat([bill, pd.DataFrame(lines)], ignore_index=True)
        truth = pd.concat([truth, costs], ignore_index=True)
    return Made(
        attempts=_dated(world, attempts),
        instances=_times(world, instances, ["started_at", "ended_at"]).drop(
            columns=["launched_us", "gone_us", "reclaimed", "free"]
        ),
        bill_lines=bill,
        truth=truth,
    )


def to_the_millisecond(made: Made) -> Made:
    """The same with times cut there: AWS tells no finer ones, and Athena keeps none."""

    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        times = [name for name in frame.columns if str(frame[name].dtype).startswith("datetime")]
        return frame.assign(**{name: frame[name].dt.floor("ms") for name in times})

    return replace(made, attempts=cut(made.attempts), instances=cut(made.instances))


def _instances(world: World, rng: np.random.Generator) -> pd.DataFrame:
    count = world.instances
    names = np.array(list(INSTANCE_TYPES))
    spot = rng.random(count) < 0.7
    kind = np.where(spot, rng.integers(0, len(names), count), rng.integers(0, 2, count))
    begin = rng.integers(0, world.days * DAY_US - 2 * HOUR_US, count)
    life = np.minimum(
        rng.exponential(8 * HOUR_US, count) + HOUR_US / 2, world.days * DAY_US - begin - 10 * 60 * 1_000_000
    )
    reclaimed = spot & (rng.random(count) < world.reclaim_fraction)
    life = np.where(reclaimed, life * rng.random(count), life).astype(np.int64) + 60_000_000
    low, high = (int(s * 1_000_000) for s in world.edge_s)
    frame = pd.DataFrame(
        {
            "instance_id": [f"i-{world.seed:04x}{i:013x}" for i in range(count)],
            "environment": np.where(spot, "spot", "on-demand"),
            "stage": world.stage,
            "instance_type": names[kind],
            "purchase": np.where(spot, "spot", "on-demand"),
            "started_at": begin + high,
        }
    )
    frame["ended_at"] = frame["started_at"] + life
    frame["vcpus"] = [INSTANCE_TYPES[name][0] for name in frame["instance_type"]]
    frame["memory_mib"] = [INSTANCE_TYPES[name][1] for name in frame["instance_type"]]
    frame["launched_us"] = frame["started_at"] - rng.integers(low, high, count)
    frame["gone_us"] = frame["ended_at"] + rng.integers(low, high, count)
    # AWS doesn't bill a spot instance that it takes back within its first hour
    frame["reclaimed"] = reclaimed
    frame["free"] = reclaimed & (frame["gone_us"] - frame["launched_us"] < HOUR_US)
    return frame


def _ec2_attempts(world: World, rng: np.random.Generator, instances: pd.DataFrame) -> pd.DataFrame:
    # each vCPU of an instance is a slot; a slot runs attempts one after another with pauses
    slots = instances.loc[instances.index.repeat(instances["vcpus"])].reset_index(drop=True)
    life = (slots["ended_at"] - slots["started_at"]).to_numpy()
    mean_us = world.mean_run_s * 1_000_000
    step_us = mean_us / (1 - world.idle_fraction)
    each = np.maximum(1, (life / step_us * 1.5).astype(np.int64) + 3)
    owner = np.repeat(np.arange(len(slots)), each)
    runs = np.maximum(1_000_000, rng.exponential(mean_us, len(owner))).astype(np.int64)
    pauses = rng.exponential(step_us - mean_us, len(owner)).astype(np.int64)
    ends = np.cumsum(runs + pauses)
    first = np.concatenate([[0], np.cumsum(each)[:-1]])
    before = np.repeat(ends[first] - runs[first] - pauses[first], each)
    stop = ends - before
    begin = stop - runs
    # only AWS takes an instance away under a running attempt; scaling down waits for it
    taken = slots["reclaimed"].to_numpy()[owner]
    fits = np.where(taken, begin < life[owner], stop <= life[owner])
    reclaimed = taken & (stop > life[owner])
    stop = np.minimum(stop, life[owner])
    base = slots["started_at"].to_numpy()[owner]
    job = rng.integers(0, world.jobs, len(owner))
    frame = pd.DataFrame(
        {
            "environment": slots["environment"].to_numpy()[owner],
            "platform": "ec2",
            "purchase": slots["purchase"].to_numpy()[owner],
            "instance_id": slots["instance_id"].to_numpy()[owner],
            "job_number": job,
            "vcpus": 1.0,
            "memory_mib": 512 * (1 + job % 4),
            "started_at": base + begin,
            "stopped_at": base + stop,
            "outcome": np.where(
                reclaimed, "reclaimed", np.where(rng.random(len(owner)) < 0.03, "application-error", "succeeded")
            ),
        }
    )
    frame["pull_started_at"] = frame["started_at"]
    within: pd.DataFrame = frame.loc[fits]
    return within.reset_index(drop=True)


def _fargate_attempts(world: World, rng: np.random.Generator) -> pd.DataFrame:
    count = world.fargate_attempts
    pull = rng.integers(0, world.days * DAY_US - 4 * HOUR_US, count)
    started = pull + rng.integers(5_000_000, 40_000_000, count)
    job = rng.integers(0, world.jobs, count)
    return pd.DataFrame(
        {
            "environment": "fargate",
            "platform": "fargate",
            "purchase": "on-demand",
            "instance_id": None,
            "job_number": job,
            "vcpus": np.array([0.25, 0.5, 1.0, 2.0])[job % 4],
            "memory_mib": np.array([512, 1024, 2048, 4096])[job % 4],
            "pull_started_at": pull,
            "started_at": started,
            "stopped_at": started
            + np.maximum(1_000_000, rng.exponential(world.mean_run_s * 1e6, count)).astype(np.int64),
            "outcome": np.where(rng.random(count) < 0.02, "out-of-memory", "succeeded"),
        }
    )


def _hour_prices(world: World, rng: np.random.Generator) -> dict[tuple[str, str], Numbers]:
    """Dollars an hour by (type, purchase) and hour of the world."""
    hours = world.days * 24 + 24
    prices = {}
    for name, (_, _, dollars) in INSTANCE_TYPES.items():
        discount = 1 - 0.28 * world.savings_plan_fraction
        prices[name, "on-demand"] = np.full(hours, dollars * discount)
        swing = 1 + world.spot_price_swing * np.sin(np.arange(hours) / 9 + rng.random() * 6)
        prices[name, "spot"] = dollars * SPOT_FRACTION * swing
    return prices


def _bill_and_truth(
    world: World,
    rng: np.random.Generator,
    instances: pd.DataFrame,
    on_ec2: pd.DataFrame,
    on_fargate: pd.DataFrame,
    prices: dict[tuple[str, str], Numbers],
) -> tuple[pd.DataFrame, pd.Series]:
    lines: list[dict[str, object]] = []
    untagged = rng.random(len(instances)) < world.untagged_fraction
    hour_cost: dict[tuple[str, int], tuple[float, int]] = {}
    pieces: list[tuple[int, str, str, bool, float, float]] = []
    for i, instance in enumerate(rows(instances)):
        price = prices[instance.instance_type, instance.purchase]
        for hour in range(instance.launched_us // HOUR_US, -(-instance.gone_us // HOUR_US)):
            billed = min(instance.gone_us, (hour + 1) * HOUR_US) - max(instance.launched_us, hour * HOUR_US)
            dollars = 0.0 if instance.free else float(price[hour]) * billed / HOUR_US
            if not instance.free:
                pieces.append(
                    (
                        hour // 24,
                        instance.instance_type,
                        instance.purchase,
                        bool(untagged[i]),
                        billed / HOUR_US,
                        dollars,
                    )
                )
            seen = min(instance.ended_at, (hour + 1) * HOUR_US) - max(instance.started_at, hour * HOUR_US)
            if seen > 0:
                hour_cost[instance.instance_id, hour] = (dollars * seen / billed, seen)
    ec2 = pd.DataFrame(pieces, columns=["day", "instance_type", "purchase", "untagged", "hours", "dollars"])
    groups: Any = ec2.groupby(["day", "instance_type", "purchase", "untagged"])
    for (day, kind, purchase, bare), group in groups:
        usage_type = f"{'Spot' if purchase == 'spot' else 'Box'}Usage:{kind}"
        stage = "" if bare else world.stage
        lines.append(
            line(
                world.start,
                day,
                "ec2",
                usage_type,
                group["hours"].sum(),
                "Hrs",
                group["dollars"].sum(),
                purchase=purchase,
                instance_type=kind,
                stage=stage,
            )
        )
    truth = np.concatenate([_ec2_truth(on_ec2, hour_cost), _fargate_truth(world, on_fargate, lines)])
    for day in range(world.days):
        lines.append(
            line(world.start, day, "storage", "TimedStorage-ByteHrs", 12.5, "GB-Mo", 0.2875, stage=world.stage)
        )
        lines.append(line(world.start, day, "logs", "DataProcessing-Bytes", 1.5, "GB", 0.75, stage=world.stage))
    if world.credit_nano:
        lines.append(line(world.start, 0, "other", "Credit", 1, "", -world.credit_nano / 1e9, record_type="credit"))
    return pd.DataFrame(lines), pd.Series(truth * 1e9)


def _ec2_truth(on_ec2: pd.DataFrame, hour_cost: dict[tuple[str, int], tuple[float, int]]) -> Numbers:
    """Dollars of each attempt, hour by hour of its instance, in plain loops that share nothing with the SQL."""
    truth = np.zeros(len(on_ec2))
    by_hour: dict[tuple[str, int], list[tuple[int, int, int, float]]] = {}
    for n, a in enumerate(rows(on_ec2)):
        for hour in range(a.started_at // HOUR_US, -(-a.stopped_at // HOUR_US)):
            begin, end = max(a.started_at, hour * HOUR_US), min(a.stopped_at, (hour + 1) * HOUR_US)
            if end > begin:
                weight = (9 * a.vcpus + a.memory_mib / MIB_PER_GIB) * (end - begin)
                by_hour.setdefault((a.instance_id, hour), []).append((begin, end, n, weight))
    for key, there in by_hour.items():
        dollars, life = hour_cost[key]
        busy, covered = 0, -1
        for begin, end, _, _ in sorted(there):
            busy += max(0, end - max(begin, covered))
            covered = max(covered, end)
        whole = sum(weight for *_, weight in there)
        for _, _, n, weight in there:
            truth[n] += dollars * busy / life * weight / whole
    return truth


def _fargate_truth(world: World, on_fargate: pd.DataFrame, lines: list[dict[str, object]]) -> Numbers:
    truth = np.zeros(len(on_fargate))
    vcpu_hours = np.zeros(world.days + 2)
    gb_hours = np.zeros(world.days + 2)
    for n, a in enumerate(rows(on_fargate)):
        end = a.pull_started_at + max(60, -(-(a.stopped_at - a.pull_started_at) // 1_000_000)) * 1_000_000
        for day in range(a.pull_started_at // DAY_US, -(-end // DAY_US)):
            hours = (min(end, (day + 1) * DAY_US) - max(a.pull_started_at, day * DAY_US)) / HOUR_US
            vcpu_hours[day] += a.vcpus * hours
            gb_hours[day] += a.memory_mib / MIB_PER_GIB * hours
            truth[n] += hours * (a.vcpus * FARGATE_VCPU_HOUR + a.memory_mib / MIB_PER_GIB * FARGATE_GB_HOUR)
    for day in np.flatnonzero(vcpu_hours).tolist():
        for kind, usage, hours, dollars in (
            ("fargate-vcpu", "USE1-Fargate-vCPU-Hours:perCPU", vcpu_hours[day], FARGATE_VCPU_HOUR),
            ("fargate-gb", "USE1-Fargate-GB-Hours", gb_hours[day], FARGATE_GB_HOUR),
        ):
            lines.append(
                line(
                    world.start,
                    int(day),
                    kind,
                    usage,
                    hours,
                    "Hrs",
                    hours * dollars,
                    purchase="on-demand",
                    stage=world.stage,
                )
            )
    return truth


def _times(world: World, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    zero = np.datetime64(world.start, "us")
    return frame.assign(**{c: zero + frame[c].to_numpy().astype("timedelta64[us]") for c in columns})


def _dated(world: World, attempts: pd.DataFrame) -> pd.DataFrame:
    frame = _times(world, attempts, ["pull_started_at", "started_at", "stopped_at"])
    names = [f"job-{n}" for n in range(world.jobs)]
    ids = [f"{world.seed:08x}-0000-4000-8000-{n:012x}" for n in range(len(frame))]
    frame["job_id"] = ids
    frame["attempt"] = 1
    frame["attempt_id"] = [f"{job_id}#1" for job_id in ids]
    frame["job"] = [names[n] for n in frame.pop("job_number")]
    frame["owner"] = ["media" if name in names[::2] else "data" for name in frame["job"]]
    frame["stage"] = world.stage
    frame["queue"] = frame["platform"].map({"fargate": "serverless", "lambda": "lambda"}).fillna("standard")
    frame["image"] = "batchyard/prod/" + frame["job"] + "@sha256:" + "0" * 64
    frame["submitted_at"] = frame["pull_started_at"] - np.timedelta64(30, "s")
    frame["day"] = frame["stopped_at"].dt.date
    frame["exit_code"] = np.where(
        frame["outcome"] == "succeeded", 0, np.where(frame["outcome"] == "out-of-memory", 137, 1)
    )
    frame["peak_memory_mib"] = frame["memory_mib"] * 0.6
    frame["cpu_s"] = (frame["stopped_at"] - frame["started_at"]).dt.total_seconds() * 0.7
    frame["items"] = None
    frame["array_index"] = None
    return frame
