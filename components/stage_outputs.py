"""What a stage tells: its outputs, and the file that says the same to jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components import dispatch, reference
from components.names import Names
from components.report_facts import report_facts
from jobs import conventions

if TYPE_CHECKING:  # the stage calls this
    from components.stage import Stage, StageArgs


def stage_outputs(stage: Stage, args: StageArgs) -> Mapping[str, Any]:
    """The outputs contract, written: `components/reference.py` reads it."""
    dead_letters = {"ledger": stage.ledger.dead_letters_url}
    for job in stage.jobs.values():
        dead_letters |= {**job.triggers.dead_letters, **job.dead_letters}
    if stage.schedules is not None:
        dead_letters["schedules"] = stage.schedules.dead_letters_url
    dead_letters |= stage.results.dead_letters
    return {
        "version": reference.VERSION,
        "project": conventions.PROJECT,
        "stage": args.plan.settings.stage,
        "region": args.plan.settings.region,
        "account": args.account.account_id,
        "compute_environments": {name: one.arn for name, one in stage.compute_environments.items()},
        "environments": {
            name: {"kind": one.kind, "arn": one.arn, "ecs_cluster_arn": one.ecs_cluster_arn}
            for name, one in stage.compute_environments.items()
        },
        "queues": {name: queue.arn for name, queue in stage.queues.items()},
        "job_definitions": {
            **{
                name: job.definition_arn_prefix
                for name, job in stage.jobs.items()
                if job.definition_arn_prefix is not None
            },
            **{
                f"{name}-{dispatch.PART}": job.dispatch_arn_prefix
                for name, job in stage.jobs.items()
                if job.dispatch_arn_prefix is not None
            },
        },
        "functions": {name: job.function_arn for name, job in stage.jobs.items() if job.function_arn is not None},
        "images": {name: job.image_reference for name, job in stage.jobs.items()},
        "repositories": {name: job.repository_arn for name, job in stage.jobs.items()},
        "buckets": {name: bucket.name for name, bucket in stage.buckets.items()},
        "results": stage.results.locations,
        "roles": {name: job.role_arn for name, job in stage.jobs.items()},
        "log_groups": {name: job.log_group_name for name, job in stage.jobs.items()},
        "owners": {planned.name: planned.spec.owner for planned in args.plan.jobs},
        "topics": {
            **({} if stage.monitoring is None else {"failures": stage.monitoring.topic_arn}),
            **stage.topics,
        },
        "dead_letters": dead_letters,
        "message_queues": {
            name: url for job in stage.jobs.values() for name, url in job.triggers.message_queues.items()
        },
        "ledger": {
            "bucket": stage.buckets[conventions.LEDGER_BUCKET].name,
            "attempts_prefix": conventions.LEDGER_ATTEMPTS_PREFIX,
            "usage_prefix": conventions.LEDGER_USAGE_PREFIX,
            "ecs_prefix": conventions.LEDGER_ECS_PREFIX,
            "errors_prefix": conventions.LEDGER_ERRORS_PREFIX,
        },
        "network": {
            "vpc_id": stage.network.vpc_id,
            "subnet_ids": stage.network.subnet_ids,
            "security_group_id": stage.network.security_group_id,
        },
        "security_groups": {job: group.security_group_id for job, group in stage.isolated_groups.items()},
        **({} if stage.schedules is None else {"schedules": stage.schedules.outputs}),
    }


def make_stage_file(stage: Stage, args: StageArgs, opts: pulumi.ResourceOptions) -> None:
    """What the outputs say, and what a report is asked with: a job has neither a stack nor this repository."""
    settings = args.plan.settings
    names, bucket = Names(stage=settings.stage), stage.buckets.get(conventions.REPORTS_BUCKET)
    if bucket is None:
        return
    jobs = {planned.name: planned.spec for planned in args.plan.jobs}
    facts = report_facts(settings, jobs, endpoint_url=args.endpoint_url)
    aws.s3.BucketObjectv2(
        names.of("bucket", conventions.REPORTS_BUCKET, "stage"),
        bucket=bucket.name,
        key=conventions.STAGE_FILE,
        content=pulumi.Output.json_dumps({**stage.outputs, "report": facts.model_dump()}, sort_keys=True),
        content_type="application/json",
        opts=opts,
    )
