"""The Pulumi program: configuration → plan → stage → exports. Mistakes come in one list, nothing touched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi.runtime import get_config_env

from components import reference
from components.account import read_account, read_zones
from components.build_context import BuildContext, prepare
from components.check import Plan, check
from components.job import PromotedImage
from components.names import Names
from components.report_facts import emulator_endpoint
from components.sdk import loading_sdk, quiet_sdk
from components.secrets import read_secrets
from components.settings import settings_place
from components.stage import Stage, StageArgs
from components.streams import read_streams
from jobs.problems import Problem, Problems, listing, raise_any


def run(repository: Path) -> None:
    """Declares the selected stack's stage, exports it as `stage`. Raises pulumi.RunError, which shows no traceback."""
    quiet_sdk()
    try:
        stage = declare(get_config_env(), stack=pulumi.get_stack(), repository=repository)
    except Problems as problems:
        count = len(problems)
        raise pulumi.RunError(
            f"{count} {'mistake' if count == 1 else 'mistakes'}, nothing was touched:\n{problems}"
        ) from None
    pulumi.export(reference.OUTPUT, stage.outputs)


def declare(config: Mapping[str, object], *, stack: str, repository: Path) -> Stage:
    """One stage from a stack's configuration. Raises Problems before the first resource, pulumi.RunError
    when AWS or its region can't serve it."""
    plan = check(config, stage=stack, file=f"Pulumi.{stack}.yaml", repository=repository)
    settings = plan.settings
    promoted = promoted_images(plan)
    with loading_sdk():
        account = read_account(settings.region)
        new_network = settings.network.vpc_id is None
        zones = read_zones(settings.region, settings.network.availability_zones) if new_network else ()
        secrets = read_secrets(plan, account)
        streams = read_streams(plan)
    contexts: dict[str, BuildContext] = {}
    if settings.promote_from is None:
        contexts = {
            job.name: prepare(
                repository,
                job.name,
                base_image=settings.images.base_image,
                platform=job.image_platform,
                include=job.spec.include,
                has_manifest=job.spec.manifest is not None,
                has_results=job.spec.results is not None,
            )
            for job in plan.jobs
        }
    return Stage(
        Names(stage=settings.stage).itself,
        StageArgs(
            plan=plan,
            account=account,
            zones=zones,
            contexts=contexts,
            promoted=promoted,
            secrets=secrets,
            streams=streams,
            endpoint_url=emulator_endpoint(os.environ),
        ),
    )


def promoted_images(plan: Plan) -> dict[str, PromotedImage]:
    """Every job's image of the stage that is promoted from. Raises Problems: the stack, or jobs it doesn't have."""
    settings = plan.settings
    if settings.promote_from is None:
        return {}
    place = settings_place(settings, "promote_from")
    source = reference.StageReference.read(settings.promote_from, place=place)
    raise_any(
        Problem(
            place=place,
            got=f"{settings.promote_from}, which has no image of {job.name}",
            allowed=f"its images are {listing(source.images)}",
            remedy=f"bring that stage up with the job first, or set batchyard:jobs.{job.name}.enabled to false here",
        )
        for job in plan.jobs
        if job.name not in source.images or job.name not in source.repositories
    )
    return {
        job.name: PromotedImage(reference=source.images[job.name], repository_arn=source.repositories[job.name])
        for job in plan.jobs
    }
