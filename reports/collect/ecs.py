"""Rows of the ledger's `ecs/`: what happened to a container instance, or a task that stopped; ECS's events, one a line.

An instance's life begins when it was registered (or, where a row doesn't say, at its first event) and ends with the
event that says it is leaving: INACTIVE or DEREGISTERING. An instance whose agent's last word was that it lost its
connection ended there too: one that AWS takes away sometimes says no more. A task tells when its image's pull began,
and by its cluster in which environment it ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jobs import conventions
from reports.collect.rows import RowReader, SetAside
from reports.collect.values import LARGEST_INTEGER, RowError, plain, told_moment, told_text, told_whole, why

_GONE: Final = ("INACTIVE", "DEREGISTERING")
_CPU_UNITS: Final = 1024
"""Of a vCPU, in ECS."""


@dataclass(kw_only=True)
class EcsEvents:
    """Reads lines one by one, in any order."""

    instances: list[tuple[Any, ...]] = field(default_factory=list)
    """The columns of the staging table `ledger_instances`."""
    tasks: list[tuple[Any, ...]] = field(default_factory=list)
    """The columns of the staging table `ledger_tasks`."""
    _reader: RowReader = field(default_factory=lambda: RowReader(stage=""))

    @property
    def set_aside(self) -> dict[str, SetAside]:
        return dict(self._reader.set_aside_by_text)

    def add_lines(self, lines: Iterable[str], place: str) -> None:
        """Lines of an object under `ecs/`."""
        for where, text, value in self._reader.objects(lines, place):
            try:
                kind = told_text(value, "detail_type")
                if kind == conventions.ECS_INSTANCE_CHANGE:
                    self.instances.append(_instance(value))
                elif kind == conventions.ECS_TASK_CHANGE:
                    self.tasks.append(_task(value))
                else:
                    raise RowError(f"has the detail_type {kind[:40]!r}, no instance's and no task's")
            except (RowError, RecursionError) as problem:
                self._reader.put_aside(where, why(problem), text)


def task_id(arn: object) -> str | None:
    """`…:task/cluster/8e926f0c…` → `8e926f0c…`; None for what is no ARN."""
    return (arn.rpartition("/")[2] or None) if isinstance(arn, str) else None


def _instance(row: Mapping[str, Any]) -> tuple[Any, ...]:
    arn, at = told_text(row, "container_instance_arn"), _moment(row, "time")
    if not arn:
        raise RowError("has no container_instance_arn")
    if at is None:
        raise RowError("has no time")
    registered = _moment(row, "registered_at")
    resources = _named(row, "registered_resources", "integerValue")
    units, memory_mib = (told_whole(resources, name, least=0, most=LARGEST_INTEGER) for name in ("CPU", "MEMORY"))
    attributes = _named(row, "attributes", "value")
    connected = row.get("agent_connected")
    return (
        arn,
        told_text(row, "instance_id"),
        told_text(row, "cluster_arn"),
        told_text(attributes, conventions.ECS_INSTANCE_TYPE),
        None if units is None else units // _CPU_UNITS,
        memory_mib,
        at if registered is None else min(at, registered),
        at if told_text(row, "status") in _GONE else None,
        at,
        connected if isinstance(connected, bool) else None,
    )


def _task(row: Mapping[str, Any]) -> tuple[Any, ...]:
    found, at = task_id(told_text(row, "task_arn")), _moment(row, "time")
    if found is None:
        raise RowError("has no task_arn")
    if at is None:
        raise RowError("has no time")
    pulled = _moment(row, "pull_started_at")
    begun = min(one for one in (at, _moment(row, "created_at"), pulled) if one is not None)
    return found, told_text(row, "cluster_arn"), pulled, begun


def _named(row: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    """A list of objects with a `name` → name and value."""
    listed = row.get(name) or []
    if not isinstance(listed, list):
        raise RowError(f"has {name} that are no list")
    return {str(one.get("name")): one.get(value) for one in listed if isinstance(one, dict)}


def _moment(row: Mapping[str, Any], name: str) -> datetime | None:
    return plain(told_moment(row, name))
