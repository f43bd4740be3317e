"""What a stage's network is made for: the endpoints that its jobs use."""

from __future__ import annotations

from collections.abc import Sequence

from components.check import Plan
from components.names import Names
from components.network import NetworkArgs


def network_args(plan: Plan, *, names: Names, zones: Sequence[str]) -> NetworkArgs:
    """Interface endpoints serve all jobs by `egress`, else the isolated ones where the settings pay for them."""
    settings, wanted = plan.settings, plan.settings.network
    serves_all = wanted.egress == "interface-endpoints"
    jobs = [job for job in plan.jobs if serves_all or job.is_isolated]
    environments = [
        one for name, one in settings.compute_environments.items() if serves_all or name in plan.isolated_environments
    ]
    return NetworkArgs(
        names=names,
        region=settings.region,
        cidr=wanted.cidr,
        zones=zones,
        private=wanted.private,
        egress=wanted.egress,
        has_interface_endpoints=serves_all or (wanted.isolated_endpoints and bool(jobs)),
        has_ec2=any(one.boots_instances for one in environments),
        notifies=any(job.spec.permissions.notify for job in jobs),
        asks_costs=any(job.spec.permissions.costs for job in jobs),
        submits=any(job.spec.manifest for job in jobs),
        keeps_secrets=any(one.secret for job in jobs for one in job.spec.secrets.values()),
        keeps_parameters=any(one.parameter for job in jobs for one in job.spec.secrets.values()),
        has_nodes=any(job.spec.nodes is not None and not job.is_isolated for job in plan.jobs),
        vpc_id=wanted.vpc_id,
        subnet_ids=wanted.subnet_ids,
        endpoints_group_id=wanted.endpoints_security_group_id,
        s3_prefix_list_id=wanted.s3_prefix_list_id,
    )
