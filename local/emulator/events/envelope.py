"""The envelope every EventBridge event has."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def event_time(moment: datetime | None = None) -> str:
    """`2026-01-31T23:59:59Z`, as events tell times; now without an argument."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime(_TIME_FORMAT)


def make_event(
    *,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    account: str,
    region: str,
    resources: Sequence[str] = (),
    time: str | None = None,
) -> dict[str, Any]:
    """A whole event with an id of its own, in AWS's order of keys."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": time or event_time(),
        "region": region,
        "resources": list(resources),
        "detail": dict(detail),
    }
