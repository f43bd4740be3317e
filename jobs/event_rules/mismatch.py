"""Why a pattern doesn't match an event: the fields that differ, what they have and what was wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.event_rules.json_path import ABSENT, Absent
from jobs.event_rules.pattern import Pattern, field_matches


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One field of a pattern that an event doesn't fulfil."""

    field: str
    """`detail.object.key`; alternatives of a `$or` are the field that holds it, and `$or`."""
    got: Any
    """The event's value, or ABSENT."""
    wanted: Any
    """The pattern's list for the field."""

    @property
    def got_or_none(self) -> Any:
        """The event's value for JSON, null when there is none."""
        return None if isinstance(self.got, Absent) else self.got


def mismatches(pattern: Pattern, event: Mapping[str, Any]) -> list[Mismatch]:
    """Every field that differs, in the pattern's order; none exactly when the pattern matches.

    Where an array of objects fails as a whole although each field has an element that fits, the array is the field.
    """
    return list(_of_object(pattern.fields, event, ""))


def _of_object(expected: Mapping[str, Any], holder: Mapping[str, Any], prefix: str) -> Iterator[Mismatch]:
    for key, wanted in expected.items():
        if field_matches(key, wanted, holder):
            continue
        place = f"{prefix}{key}"
        if key == "$or":
            fields = {name: holder.get(name) for alternative in wanted for name in alternative}
            yield Mismatch(field=place, got=fields, wanted=wanted)
            continue
        got = holder.get(key, ABSENT)
        if isinstance(wanted, Mapping) and not isinstance(got, list):
            yield from _of_object(wanted, got if isinstance(got, Mapping) else {}, f"{place}.")
        else:
            yield Mismatch(field=place, got=got, wanted=wanted)
