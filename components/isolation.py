"""What an isolated job has for itself: environments and a queue like those of the queue it names.

They stand among the stage's own, under names that settings can't give: `crawl_isolated`, `crawl_isolated_spot`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from components.settings_load import settings_place
from components.settings_model import Settings
from components.settings_network import NetworkSettings
from jobs.problems import Problem
from jobs.spec import LoadedSpec

_PART: Final = "isolated"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A stage in which isolated jobs have places of their own."""

    settings: Settings
    specs: list[LoadedSpec]
    """As they were; isolated ones name their own queue."""
    environments: Mapping[str, str] = field(default_factory=dict)
    """Environment → the isolated job that alone runs in it."""


def queue_of(job: str) -> str:
    """`crawl_isolated`. No name of the settings has an underscore, so none is ever the same."""
    return f"{job}_{_PART}"


def environment_of(job: str, like: str) -> str:
    """`crawl_isolated_spot`"""
    return f"{job}_{_PART}_{like}"


def spread(settings: Settings, specs: Sequence[LoadedSpec]) -> Spread:
    """Gives each isolated job a queue with environments of the kinds, types and order of the queue it names.

    `specs` have the stage's overrides. What isn't known of the stage is passed over: other checks say so.
    """
    environments, queues, of_job = dict(settings.compute_environments), dict(settings.queues), {}
    moved: list[LoadedSpec] = []
    for loaded in specs:
        isolation, like = loaded.spec.isolated, settings.queues.get(loaded.spec.queue)
        if not isolation.enabled or like is None:
            moved.append(loaded)
            continue
        own: list[str] = []
        for name in like.compute_environments:
            known = settings.compute_environments.get(name)
            if known is None:
                continue
            own.append(environment_of(loaded.name, name))
            # nothing waits for a single job: its instances come with it and go with it
            change = {"min_vcpus": 0, "max_vcpus": isolation.max_vcpus or known.max_vcpus}
            environments[own[-1]] = known.model_copy(update=change)
            of_job[own[-1]] = loaded.name
        queue = queue_of(loaded.name)
        queues[queue] = like.model_copy(update={"compute_environments": tuple(own), "fair_share": None})
        moved.append(loaded.with_spec(loaded.spec.model_copy(update={"queue": queue, "share": None})))
    spread_settings = settings.model_copy(update={"compute_environments": environments, "queues": queues})
    return Spread(settings=spread_settings, specs=moved, environments=of_job)


def isolation_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """What the stage's network can't give an isolated job; `loaded` has the stage's overrides."""
    if not loaded.spec.isolated.enabled:
        return []
    network, place = settings.network, _place(settings, loaded)
    lacking = _lacking(network)
    problems = []
    if lacking is not None:
        allowed, remedy = lacking
        otherwise = f"or let it run in its queue here with batchyard:jobs.{loaded.name}.isolated: false"
        problems.append(Problem(place=place, got="given", allowed=allowed, remedy=f"{remedy}, {otherwise}"))
    queue = settings.queues.get(loaded.spec.queue)
    environments = [] if queue is None else queue.compute_environments
    for name in environments:
        if name in settings.compute_environments and settings.compute_environments[name].is_unmanaged:
            problems.append(
                Problem(
                    place=place,
                    got=f"given, and {name} of queue {loaded.spec.queue} is unmanaged",
                    allowed="its environments are like its queue's, and Batch boots instances in managed ones only",
                    remedy="choose a queue with managed environments alone",
                )
            )
    if network.vpc_id is None and network.egress in ("interface-endpoints", "none"):
        problems += [
            Problem(
                place=place,
                got=f"given with egress to {rule.cidr}",
                allowed=f"a new VPC with egress: {network.egress} has no way to the internet",
                remedy="remove the rule, or write egress: nat and isolated_endpoints: true below batchyard:network",
            )
            for rule in loaded.spec.isolated.egress
            if rule.cidr is not None and ipaddress.IPv4Network(rule.cidr).is_global
        ]
    return problems


def _lacking(network: NetworkSettings) -> tuple[str, str] | None:
    """What is allowed and what to do, where the network has no endpoints for isolated jobs."""
    if network.vpc_id is not None:
        if network.endpoints_security_group_id is not None and network.s3_prefix_list_id is not None:
            return None
        return (
            "in an existing VPC it reaches AWS by that VPC's endpoints, which the settings name",
            "write endpoints_security_group_id and s3_prefix_list_id below batchyard:network",
        )
    if network.egress == "interface-endpoints" or network.isolated_endpoints:
        return None
    return (
        "it reaches AWS by interface endpoints, which the stage's network doesn't have: they cost by the hour",
        "write isolated_endpoints: true below batchyard:network",
    )


def _place(settings: Settings, loaded: LoadedSpec) -> str:
    overrides = settings.jobs.get(loaded.name)
    overridden = overrides is not None and overrides.isolated is not None
    return settings_place(settings, "jobs", loaded.name, "isolated") if overridden else loaded.place("isolated")
