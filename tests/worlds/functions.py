"""Attempts on Lambda of a made-up world: each pays a request, and its GB-seconds by the millisecond."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from tests.worlds.line import DAY_US, HOUR_US, MIB_PER_GIB, line, rows

LAMBDA_GB_SECOND: Final = 0.0000166667
LAMBDA_REQUEST: Final = 0.0000002


def functions(
    rng: np.random.Generator, *, count: int, start: date, days: int, jobs: int, mean_run_s: float, stage: str
) -> tuple[pd.DataFrame, list[dict[str, object]], pd.Series]:
    """Attempts, their lines of the bill, and what each truly cost in nano-dollars."""
    started = rng.integers(0, days * DAY_US - HOUR_US, count)
    run_ms = np.ceil(np.clip(rng.exponential(mean_run_s * 1000, count), 1, 900_000)).astype(np.int64)
    job = rng.integers(0, jobs, count)
    memory_mib = np.array([256, 512, 1769, 4096])[job % 4]
    frame = pd.DataFrame(
        {
            "environment": None,
            "platform": "lambda",
            "purchase": None,
            "instance_id": None,
            "job_number": job,
            "vcpus": 0.25,
            "memory_mib": memory_mib,
            "pull_started_at": started,
            "started_at": started,
            "stopped_at": started + run_ms * 1000,
            "outcome": np.where(rng.random(count) < 0.02, "application-error", "succeeded"),
        }
    )
    gb_seconds, requests = np.zeros(days + 1), np.zeros(days + 1)
    for a in rows(frame):
        requests[a.started_at // DAY_US] += 1
        for day in range(a.started_at // DAY_US, -(-a.stopped_at // DAY_US)):
            there = min(a.stopped_at, (day + 1) * DAY_US) - max(a.started_at, day * DAY_US)
            gb_seconds[day] += a.memory_mib / MIB_PER_GIB * there / 1e6
    lines = []
    for day in np.flatnonzero(gb_seconds).tolist():
        for kind, usage, amount, dollars in (
            ("lambda-gb-s", "Lambda-GB-Second", gb_seconds[day], LAMBDA_GB_SECOND),
            ("lambda-requests", "Request", requests[day], LAMBDA_REQUEST),
        ):
            cost = amount * dollars
            lines.append(line(start, int(day), kind, usage, amount, "", cost, purchase="on-demand", stage=stage))
    truth = memory_mib / MIB_PER_GIB * run_ms / 1000 * LAMBDA_GB_SECOND + LAMBDA_REQUEST
    return frame, lines, pd.Series(truth * 1e9)
