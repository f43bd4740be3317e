"""The report's tables in straightforward pandas, for comparison. Prints a JSON line like report_whole.py.

    python bench/report_pandas.py <folder of report_world.make>

Same inputs (the compacted files, the bill), same rule, same tables: allocation per attempt and day, idle, identity,
the breakdowns, the jobs' figures and history, queues' waits, unit costs, waste, days. Dollars are floats here, which is
what one would write at first.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HOUR = pd.Timedelta(hours=1)
WEIGHTS = (9.0, 1 / 1024)
DIMENSIONS = ("job", "owner", "queue", "environment", "stage", "platform")
PERIOD = pd.Timestamp("2026-11-16")
COLUMNS = [
    *(
        "day",
        "attempt_id",
        "job_id",
        "attempt",
        "job",
        "owner",
        "stage",
        "queue",
        "environment",
        "platform",
        "purchase",
    ),
    *("instance_id", "image", "vcpus", "memory_mib", "submitted_at", "started_at", "stopped_at", "outcome"),
    *("peak_memory_mib", "cpu_s", "items", "array_index"),
]


def main() -> None:
    folder = Path(sys.argv[1])
    began = time.perf_counter()
    files = sorted((folder / "compacted/attempts").rglob("*.parquet"))
    attempts = pd.concat([pd.read_parquet(file, columns=COLUMNS) for file in files], ignore_index=True)
    (hosts,) = (folder / "compacted/instances").glob("*.parquet")
    instances = pd.read_parquet(hosts)
    instances["purchase"] = instances["cluster_arn"].str.rpartition("/")[2]
    bill = pd.read_parquet(folder / "bill.parquet")
    bill["cost"] = bill["cost_nano"] / 1e9
    costs, idle = allocate(attempts, instances, bill)
    sums = {"job": costs["cost"].sum(), "idle": idle}
    sums["storage"] = bill.loc[bill["kind"] == "storage", "cost"].sum()
    sums["unexplained"] = bill["cost"].sum() - sum(sums.values())
    whole = tables(attempts, costs, bill)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "attempts": len(attempts),
                "s": round(time.perf_counter() - began, 2),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "peak_mib": round(used.ru_maxrss / 1024),
                "tables": {name: len(table) for name, table in whole.items()},
                "by_category": {name: round(value * 1e9) for name, value in sums.items()},
            }
        )
    )


def cut(frame: pd.DataFrame, begin: str, end: str, step: pd.Timedelta) -> pd.DataFrame:
    """Each row once for every hour (or day) it touches, clipped to it."""
    first, last = frame[begin].dt.floor(step), frame[end].dt.ceil(step)
    times = ((last - first) / step).round().astype(int).clip(lower=1)
    rows = frame.loc[frame.index.repeat(times)].copy()
    rows["hour"] = first.loc[rows.index] + pd.to_timedelta(rows.groupby(level=0).cumcount() * step)
    rows["from_at"] = np.maximum(rows[begin], rows["hour"])
    rows["to_at"] = np.minimum(rows[end], rows["hour"] + step)
    rows["seconds"] = (rows["to_at"] - rows["from_at"]).dt.total_seconds()
    return rows[rows["seconds"] > 0].reset_index(drop=True)


def allocate(attempts: pd.DataFrame, instances: pd.DataFrame, bill: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Cost of each attempt and day, and the idle machines' dollars."""
    hours = cut(
        instances[["instance_id", "instance_type", "purchase", "started_at", "ended_at"]],
        "started_at",
        "ended_at",
        HOUR,
    )
    hours["day"] = hours["hour"].dt.floor("D")
    keys = ["day", "instance_type", "purchase"]
    billed = bill[bill["kind"] == "ec2"].assign(
        day=lambda f: pd.to_datetime(f["day"]), quantity=lambda f: f["quantity"].astype(float)
    )
    rates = billed.groupby(keys)[["cost", "quantity"]].sum().reset_index()
    known = hours.groupby(keys)["seconds"].sum().rename("known").reset_index()
    rates = rates.merge(known, on=keys)
    rates["rate"] = rates["cost"] / np.maximum(rates["quantity"] * 3600, rates["known"])
    hours = hours.merge(rates[[*keys, "rate"]], on=keys)
    hours["hour_cost"] = hours["rate"] * hours["seconds"]
    on_ec2 = attempts.loc[
        attempts["platform"] == "ec2", ["attempt_id", "instance_id", "vcpus", "memory_mib", "started_at", "stopped_at"]
    ]
    pieces = cut(on_ec2, "started_at", "stopped_at", HOUR)
    life = hours[["instance_id", "hour", "hour_cost", "seconds", "from_at", "to_at"]].rename(
        columns={"seconds": "life", "from_at": "life_from", "to_at": "life_to"}
    )
    pieces = pieces.merge(life, on=["instance_id", "hour"])
    pieces["from_at"] = pieces[["from_at", "life_from"]].max(axis=1)
    pieces["to_at"] = pieces[["to_at", "life_to"]].min(axis=1)
    pieces["seconds"] = (pieces["to_at"] - pieces["from_at"]).dt.total_seconds()
    pieces = pieces[pieces["seconds"] > 0]
    pieces["weight"] = (WEIGHTS[0] * pieces["vcpus"] + WEIGHTS[1] * pieces["memory_mib"]) * pieces["seconds"]
    pieces = pieces.sort_values(["instance_id", "hour", "from_at", "to_at"])
    group = pieces.groupby(["instance_id", "hour"])
    covered = group["to_at"].cummax().groupby([pieces["instance_id"], pieces["hour"]]).shift()
    begin = np.maximum(pieces["from_at"], covered.fillna(pieces["from_at"]))
    pieces["busy"] = (pieces["to_at"] - begin).dt.total_seconds().clip(lower=0)
    busy = pieces.groupby(["instance_id", "hour"])[["busy", "weight"]].sum().reset_index()
    pieces = pieces.merge(busy, on=["instance_id", "hour"], suffixes=("", "_sum"))
    pieces["cost"] = pieces["hour_cost"] * pieces["busy_sum"] / pieces["life"] * pieces["weight"] / pieces["weight_sum"]
    pieces["day"] = pieces["hour"].dt.floor("D")
    ec2 = pieces.groupby(["attempt_id", "day"])["cost"].sum().reset_index()
    edges = (
        rates["cost"]
        * np.minimum(rates["quantity"] * 3600 - rates["known"], _edges(instances, rates))
        / (rates["quantity"] * 3600)
    )
    idle = hours["hour_cost"].sum() - ec2["cost"].sum() + edges.clip(lower=0).sum()
    return pd.concat([ec2, _fargate(attempts, bill)], ignore_index=True), float(idle)


def _edges(instances: pd.DataFrame, rates: pd.DataFrame) -> pd.Series:
    came = instances.assign(day=instances["started_at"].dt.floor("D"))
    went = instances.assign(day=instances["ended_at"].dt.floor("D"))
    edges = pd.concat([came, went]).groupby(["day", "instance_type", "purchase"]).size().rename("edges").reset_index()
    return rates.merge(edges, on=["day", "instance_type", "purchase"], how="left")["edges"].fillna(0) * 600


def _fargate(attempts: pd.DataFrame, bill: pd.DataFrame) -> pd.DataFrame:
    tasks = attempts.loc[
        attempts["platform"] == "fargate", ["attempt_id", "vcpus", "memory_mib", "started_at", "stopped_at"]
    ].copy()
    seconds = np.maximum(60, np.ceil((tasks["stopped_at"] - tasks["started_at"]).dt.total_seconds()))
    tasks["until"] = tasks["started_at"] + pd.to_timedelta(seconds, unit="s")
    pieces = cut(tasks, "started_at", "until", pd.Timedelta(days=1))
    pieces = pieces.rename(columns={"hour": "day"})
    pieces["cost"] = 0.0
    for kind, units in (("fargate-vcpu", pieces["vcpus"]), ("fargate-gb", pieces["memory_mib"] / 1024)):
        used = units * pieces["seconds"]
        lines = bill[bill["kind"] == kind].assign(day=lambda f: pd.to_datetime(f["day"])).set_index("day")
        known = used.groupby(pieces["day"]).sum()
        rate: Any = lines["cost"] / np.maximum(
            lines["quantity"].astype(float) * 3600, known.reindex(lines.index).fillna(0)
        )
        pieces["cost"] += used * pieces["day"].map(rate).fillna(0)
    return pieces.groupby(["attempt_id", "day"])["cost"].sum().reset_index()


def tables(attempts: pd.DataFrame, costs: pd.DataFrame, bill: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Breakdowns, the jobs' figures and history, queues' waits, unit costs, waste, days, costs of each job and day."""
    joined = costs.merge(attempts, on="attempt_id", suffixes=("", "_ended"))
    joined["current"] = joined["day"] >= PERIOD
    now, ended = joined[joined["current"]], attempts[pd.to_datetime(attempts["day"]) >= PERIOD]
    last = attempts.groupby("job_id")["attempt"].transform("max")
    retried = set(attempts.loc[attempts["attempt"] < last, "attempt_id"])
    found: dict[str, pd.DataFrame] = {}
    for name in DIMENSIONS:
        cost = joined.pivot_table(index=name, columns="current", values="cost", aggfunc="sum")
        failed = now[now["outcome"] != "succeeded"].groupby(name)["cost"].sum().rename("failed")
        again = now[now["attempt_id"].isin(retried)].groupby(name)["cost"].sum().rename("retried")
        runs = ended.groupby(name).agg(
            attempts=("attempt_id", "size"), succeeded=("outcome", lambda o: (o == "succeeded").sum())
        )
        found[name] = cost.join([failed, again, runs], how="outer")
    ran = (ended["stopped_at"] - ended["started_at"]).dt.total_seconds()
    waited = (ended["started_at"] - ended["submitted_at"]).dt.total_seconds()
    grouped = ended.assign(ran=ran.where(ended["outcome"] == "succeeded"), waited=waited).groupby("job")
    shares: Any = [0.5, 0.95]
    spread: Any = grouped[["ran", "waited"]].quantile(shares).unstack()
    spread.columns = [f"{name} {share}" for name, share in spread.columns]
    found["jobs"] = grouped.agg(
        owner=("owner", "first"),
        attempts=("attempt_id", "size"),
        measured=("peak_memory_mib", "count"),
        asked=("memory_mib", "max"),
        peak=("peak_memory_mib", "max"),
    ).join(spread)
    first = ended.assign(waited=waited)[ended["attempt"] == 1]
    found["queues"] = first.groupby("queue")["waited"].quantile(shares).unstack()
    succeeded = ended[ended["outcome"] == "succeeded"]
    child = ended["array_index"].notna() & ~ended["attempt_id"].isin(retried)
    found["units"] = pd.DataFrame(
        {
            "cost": now.groupby("job")["cost"].sum(),
            "success": now[now["outcome"] == "succeeded"].groupby("job")["cost"].sum(),
            "children_cost": now[now["array_index"].notna()].groupby("job")["cost"].sum(),
            "succeeded": succeeded.groupby("job").size(),
            "children": ended[child].groupby("job").size(),
            "told_items": succeeded.groupby("job")["items"].count(),
            "items": succeeded.groupby("job")["items"].sum(),
        }
    )
    weight = now["vcpus"] * WEIGHTS[0]
    memory = now["memory_mib"] * WEIGHTS[1]
    seconds = (now["stopped_at"] - now["started_at"]).dt.total_seconds()
    good = now["outcome"] == "succeeded"
    unused_memory = (
        now["cost"] * memory / (weight + memory) * (1 - (now["peak_memory_mib"] / now["memory_mib"]).clip(upper=1))
    )
    unused_cpu = (
        now["cost"] * weight / (weight + memory) * (1 - (now["cpu_s"] / (now["vcpus"] * seconds)).clip(upper=1))
    )
    waste = now[~good].groupby("outcome")["cost"].sum().to_dict()
    waste |= {"unused memory": unused_memory[good].sum(), "unused cpu": unused_cpu[good].sum()}
    found["waste"] = pd.DataFrame(waste.items(), columns=["reason", "cost"])
    days = bill.groupby(pd.to_datetime(bill["day"]))["cost"].sum()
    found["days"] = joined.groupby("day")["cost"].sum().to_frame().join(days.rename("bill"))
    found["job_days"] = joined.groupby(["job", "day"])["cost"].sum().reset_index()
    alike = ["job", "platform", "image", "outcome", "vcpus", "memory_mib"]
    found["history"] = (
        attempts.groupby(alike)
        .agg(
            attempts=("attempt_id", "size"),
            measured=("peak_memory_mib", "count"),
            peak=("peak_memory_mib", "max"),
            first=("stopped_at", "min"),
            last=("stopped_at", "max"),
        )
        .join(joined.groupby(alike)["cost"].sum())
    )
    return found


if __name__ == "__main__":
    main()
