"""Checks of shares: a job names one of its queue's, and only what can name it submits the job."""

from __future__ import annotations

from components.settings_jobs import JobOverrides
from components.settings_model import Settings
from jobs.problems import Problem, listing, suggestion
from jobs.spec import LoadedSpec


def share_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """Of one job, in the queue that the stage gives it. A queue that doesn't exist is reported elsewhere."""
    overrides = settings.jobs.get(loaded.name)
    name = overrides.queue if overrides is not None and overrides.queue is not None else loaded.spec.queue
    queue, share = settings.queues.get(name), loaded.spec.share
    if queue is None or queue.fair_share is None or _is_alone(overrides, loaded) or loaded.spec.platform == "lambda":
        return []
    shares = queue.fair_share.shares
    if share is None:
        return [
            Problem(
                place=loaded.place("queue"),
                got=f"{name}, and the job names no share",
                allowed=f"a queue with fair_share takes jobs of its shares only ({listing(shares)})",
                remedy=f"add share: {min(shares)}, or choose another queue",
            )
        ]
    problems = []
    if share not in shares:
        problems.append(
            Problem(
                place=loaded.place("share"),
                got=f"the unknown share {share}",
                allowed=f"queue {name} has {listing(shares)}",
                remedy=suggestion(share, shares, otherwise="name one of these, or add it to the queue"),
            )
        )
    problems += [
        Problem(
            place=loaded.place("triggers", position),
            got=f"one of kind {trigger.kind}, and queue {name} has fair_share",
            allowed="EventBridge's rules and pipes can't name a share when they submit; its schedules can",
            remedy="choose a queue without fair_share",
        )
        for position, trigger in enumerate(loaded.spec.triggers)
        if trigger.schedule is None
    ]
    return problems


def _is_alone(overrides: JobOverrides | None, loaded: LoadedSpec) -> bool:
    """An isolated job has a queue of its own, which needs no shares."""
    isolation = loaded.spec.isolated if overrides is None or overrides.isolated is None else overrides.isolated
    return isolation.enabled
