"""Values of a ledger's line, as the report's tables can hold them. What they can't is a RowError, never a failure.

DuckDB takes whole numbers of 64 bits, text that is UTF-8 and times of some hundred thousand years; JSON and Python know
no such bounds. Times are also held to what clocks can say, so that no attempt runs for a thousand years.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jobs import conventions

LARGEST_INTEGER: Final = 2**31 - 1
"""Of a column of the type INTEGER."""
_LARGEST_WHOLE: Final = 10**18 - 1
_LARGEST_VCPUS: Final = 99_999
_LARGEST_MEMORY_MIB: Final = 10**8 - 1
"""Times a day's microseconds they, and thousandths of vCPUs, are below 2^63."""
_EARLIEST_MS: Final = 10**12
"""2001-09-09. Anything below isn't milliseconds."""
_END_MS: Final = 10**13
"""2286-11-20. Milliseconds of fourteen digits are another unit's."""
_SHOWN_CHARACTERS: Final = 40


class RowError(Exception):
    """A line isn't a row; the text says why."""


def why(problem: RowError | RecursionError) -> str:
    """Why a line is set aside."""
    return "is nested too deeply" if isinstance(problem, RecursionError) else str(problem)


def told_text(row: Mapping[str, Any], name: str) -> str:
    """Empty where the row doesn't say. Raises RowError for what is no text."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError(f"has a {name} that is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RowError(f"has a {name} with half a character") from None
    return value


def told_whole(
    row: Mapping[str, Any], name: str, *, least: int | None = None, most: int = _LARGEST_WHOLE
) -> int | None:
    """None for a missing value: EventBridge writes "" for what an event lacks. Raises RowError for what is no whole
    number from `least` (as far below 0 as `most` is above it) to `most`."""
    least = -most if least is None else least
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise RowError(f"has a {name} that is no whole number")
    try:
        whole = int(value)
    except ValueError:
        raise RowError(f"has the {name} {str(value)[:_SHOWN_CHARACTERS]!r}, which is no whole number") from None
    if not least <= whole <= most:
        raise RowError(f"has a {name} that is no whole number from {least} to {most}")
    return whole


def told_measured(row: Mapping[str, Any], name: str) -> float | None:
    """A figure of the probe's. Raises RowError."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST_WHOLE:
        raise RowError(f"has a {name} that is no number from 0 on")
    return float(value)


def told_items(row: Mapping[str, Any]) -> int | None:
    """How many items a job counted. Raises RowError."""
    value = row.get("items")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= conventions.ITEMS_MAX:
        raise RowError(f"has items that are no whole number from 0 to {conventions.ITEMS_MAX}")
    return value


def told_time(row: Mapping[str, Any], name: str) -> datetime | None:
    """Milliseconds since 1970, as events have them. 0 is how Batch writes "not yet". Raises RowError."""
    value = told_whole(row, name)
    if not value:
        return None
    if not _EARLIEST_MS <= value < _END_MS:
        raise RowError(f"has the {name} {value}, which is no time in milliseconds")
    return datetime.fromtimestamp(value / 1000, tz=UTC)


def told_moment(row: Mapping[str, Any], name: str) -> datetime | None:
    """Aware, in UTC; what names no zone is UTC. None where the row doesn't say. Raises RowError."""
    text = told_text(row, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if not _EARLIEST_MS <= moment.timestamp() * 1000 < _END_MS:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise RowError(f"has the {name} {text[:_SHOWN_CHARACTERS]!r}, which is no time") from None
    return moment


def plain(moment: datetime | None) -> datetime | None:
    """UTC without its zone, as DuckDB's tables have it."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def told_resources(row: Mapping[str, Any]) -> tuple[float, int]:
    """vCPUs and MiB that were asked for. Raises RowError."""
    asked: dict[str, str] = {}
    requirements = row.get("resource_requirements") or []
    if isinstance(requirements, list):
        asked = {str(one.get("type")): str(one.get("value")) for one in requirements if isinstance(one, dict)}
    try:
        vcpus, memory_mib = float(asked["VCPU"]), int(asked["MEMORY"])
    except (KeyError, ValueError):
        raise RowError("has resource_requirements without a VCPU and a MEMORY") from None
    if not 0 < vcpus <= _LARGEST_VCPUS or not 0 < memory_mib <= _LARGEST_MEMORY_MIB:
        raise RowError("has resource_requirements with a VCPU or a MEMORY that nothing has")
    return vcpus, memory_mib
