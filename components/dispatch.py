"""What a trigger submits for a job with a manifest: a small job that counts the lines and submits the array.

Batch must be told an array's size when it is submitted, and a rule or schedule can only name a fixed one. The job's own
image does it (`jobs/probe/array_line.py`): no second image, and the submission waits in the same queue as its children.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import objects_of, submit_statement
from components.job_definition import FargateShape, JobDefinition, JobDefinitionArgs
from components.names import Names
from jobs import conventions, retry_rules
from jobs.spec import JobSpec
from jobs.spec.arrays import DISPATCH, Manifest
from jobs.spec.model import Retry

PART: Final = DISPATCH
COMMAND: Final = "batchyard-dispatch"
"""What `jobs/probe/array_line.py` knows its work by."""
ENV_QUEUE: Final = "BATCHYARD_ARRAY_QUEUE"
ENV_DEFINITION: Final = "BATCHYARD_ARRAY_DEFINITION"
ENV_SHARE: Final = "BATCHYARD_ARRAY_SHARE"
TIMEOUT_S: Final = 600
EC2_SIZE: Final = ("1", 128)
FARGATE_SIZE: Final = ("0.25", 512)
"""vCPUs and MiB: a manifest of ten thousand lines is a megabyte."""


@dataclass(frozen=True, kw_only=True)
class DispatchArgs:
    names: Names
    job: str
    spec: JobSpec
    region: str
    account: pulumi.Input[str]
    image: pulumi.Input[str]
    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    share: str | None
    """In a queue with fair share."""
    definition_arn: pulumi.Input[str]
    """Of the array; with its revision."""
    definition_arn_prefix: pulumi.Input[str]
    environment: Mapping[str, pulumi.Input[str]]
    """The job's own, so that the record of the run names its job and owner."""
    execution_role_arn: pulumi.Input[str] | None
    log_group_name: pulumi.Input[str]
    fargate: FargateShape | None


class Dispatch(pulumi.ComponentResource):
    """Children: the Role and its RolePolicy, a JobDefinition."""

    arn: pulumi.Output[str]
    arn_prefix: pulumi.Output[str]

    def __init__(self, name: str, args: DispatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Dispatch", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        manifest = args.spec.manifest
        assert manifest is not None, "only a job with a manifest is dispatched"
        logical = args.names.of("role", args.job, PART)
        role = aws.iam.Role(
            logical,
            description=f"Submits the arrays of {args.job}",
            assume_role_policy=policies.trust("ecs-tasks.amazonaws.com", source_account=args.account),
            opts=child,
        )
        grant = aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(
                manifest_statement(manifest, args.bucket_arn),
                submit_statement(args.queue_arn, args.definition_arn_prefix),
            ),
            opts=child,
        )
        vcpus, memory_mib = EC2_SIZE if args.fargate is None else FARGATE_SIZE
        definition = JobDefinition(
            name,
            JobDefinitionArgs(
                names=args.names,
                job=args.job,
                part=PART,
                region=args.region,
                image=args.image,
                vcpus=vcpus,
                memory_mib=memory_mib,
                command=dispatch_command(args.spec, manifest, args.bucket_name),
                parameters=args.spec.parameters,
                environment={
                    **args.environment,
                    ENV_QUEUE: args.queue_arn,
                    ENV_DEFINITION: args.definition_arn,
                    **({} if args.share is None else {ENV_SHARE: args.share}),
                },
                timeout_s=TIMEOUT_S,
                attempts=Retry().attempts,
                # reclaimed between the submission and its end, it would submit once more: a moment, and on the ledger
                exit_rules=retry_rules.rules(Retry()),
                job_role_arn=role.arn,
                execution_role_arn=args.execution_role_arn,
                log_group_name=args.log_group_name,
                fargate=args.fargate,
                needs=[grant],
            ),
            child,
        )
        self.arn, self.arn_prefix = definition.arn, definition.arn_prefix
        self.register_outputs({"arn": self.arn, "arn_prefix": self.arn_prefix})


def dispatch_command(spec: JobSpec, manifest: Manifest, bucket_name: pulumi.Input[str]) -> Sequence[pulumi.Input[str]]:
    """Where the manifest is, then the array's parameters as pairs: Batch fills in what the trigger gave."""
    pairs = [part for name in spec.command_references for part in (name, f"{conventions.REFERENCE}{name}")]
    return [COMMAND, bucket_name, manifest.key, *pairs]


def manifest_statement(manifest: Manifest, bucket_arn: pulumi.Input[str]) -> policies.Statement:
    """May read the manifest: the one object where its key is written out, else any of the bucket."""
    known = manifest.reference is None
    resource = pulumi.Output.concat(bucket_arn, "/", manifest.key) if known else objects_of(bucket_arn)
    return policies.allow(["s3:GetObject"], [resource])
