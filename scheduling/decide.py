"""Which jobs start now. One scheduler, two clocks: wall time drives the local stage, simulated time replays months.

The rules, as AWS Batch documents them:
- queues by priority, the highest first; queues of equal priority share by the age of their first job;
- within a queue first in, first out, or by shares (`fair_share.py`); a head that finds no room holds up the others;
- a waiting head keeps lower-priority queues out of the environments it could run in: what gets free there is its own;
- a job takes the first environment of its queue's order with room for it now.
"""

from __future__ import annotations

from itertools import groupby

from scheduling.fair_share import FairLine, Line
from scheduling.model import Job, Queue, Start, State
from scheduling.rooms import Room, open_rooms, request_of


def decide(state: State, now_s: float) -> list[Start]:
    """The starts of this moment, in order. `now_s` is the clock of `submitted_at_s`: jobs of the future don't count.

    Same state, same answer. Raises UnknownInstanceType for an environment with a type that isn't in the catalogue.
    """
    rooms = open_rooms(state)
    waiting = _waiting(state, now_s)
    reserved: set[str] = set()
    starts: list[Start] = []
    by_priority = sorted((queue for queue in state.queues if queue.name in waiting), key=_rank)
    for _, level in groupby(by_priority, key=lambda queue: queue.priority):
        reserved |= _serve(list(level), waiting, rooms, frozenset(reserved), starts)
    return starts


def _rank(queue: Queue) -> tuple[int, str]:
    return (-queue.priority, queue.name)


def _waiting(state: State, now_s: float) -> dict[str, Line | FairLine]:
    waiting: dict[str, list[Job]] = {}
    for job in sorted(state.jobs, key=_age):
        if job.submitted_at_s <= now_s:
            waiting.setdefault(job.queue, []).append(job)
    queues = {queue.name: queue for queue in state.queues}
    return {name: _line(state, queues.get(name), jobs) for name, jobs in waiting.items()}


def _line(state: State, queue: Queue | None, jobs: list[Job]) -> Line | FairLine:
    if queue is None or queue.fair_share is None:
        return Line(jobs)
    uses = [use for use in state.share_uses if use.queue == queue.name]
    max_vcpus = sum(one.max_vcpus for one in state.environments if one.name in queue.environments and one.enabled)
    return FairLine(jobs, queue.fair_share, uses, max_vcpus)


def _age(job: Job) -> tuple[float, int, str]:
    return (job.submitted_at_s, job.order, job.id)


def _serve(
    queues: list[Queue],
    waiting: dict[str, Line | FairLine],
    rooms: dict[str, Room],
    reserved: frozenset[str],
    starts: list[Start],
) -> set[str]:
    """Serves queues of one priority until every head is stuck; returns the environments those heads wait for."""
    wanted: set[str] = set()
    open_queues = {queue.name: queue for queue in queues}
    while heads := {name: job for name in open_queues if (job := waiting[name].head()) is not None}:
        name = min(heads, key=lambda one: (_age(heads[one]), one))
        queue, job = open_queues[name], heads[name]
        candidates = [rooms[one] for one in queue.environments if one in rooms and one not in reserved]
        start = next((found for room in candidates if (found := room.place(job)) is not None), None)
        if start is not None:
            starts.append(start)
            waiting[name].take(job)
            continue
        del open_queues[name]
        request = request_of(job)
        able = (rooms[one] for one in queue.environments if one in rooms)
        wanted |= {room.environment.name for room in able if room.environment.enabled and room.ever_fits(request)}
    return wanted
