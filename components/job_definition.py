"""A job definition: what one attempt of a job is, as Batch takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.names import Names
from components.storage import storage_properties
from jobs.retry_rules import ExitRule
from jobs.spec.storage import Storage

FARGATE_PLATFORM_VERSION: Final = "1.4.0"
CPU_ARCHITECTURES: Final[Mapping[str, str]] = {"linux/amd64": "X86_64", "linux/arm64": "ARM64"}


@dataclass(frozen=True, kw_only=True)
class FargateShape:
    """What only a Fargate definition says."""

    assign_public_ip: bool
    image_platform: str


@dataclass(frozen=True, kw_only=True)
class JobDefinitionArgs:
    names: Names
    job: str
    part: str = ""
    """Of a job that has more than one definition."""
    region: str
    image: pulumi.Input[str]
    """By digest."""
    vcpus: str
    """As Batch writes it: `1`, `0.25`."""
    memory_mib: int
    gpus: int = 0
    command: Sequence[pulumi.Input[str]] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Defaults for `Ref::name`."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable → where its value is kept, as `valueFrom` says it."""
    timeout_s: int
    attempts: int
    exit_rules: Sequence[ExitRule]
    job_role_arn: pulumi.Input[str]
    execution_role_arn: pulumi.Input[str] | None = None
    """Given on Fargate and with secrets: the agent acts as it."""
    log_group_name: pulumi.Input[str]
    fargate: FargateShape | None = None
    """None on EC2."""
    storage: Storage = field(default_factory=Storage)
    nodes: int | None = None
    """Of a multi-node parallel job."""
    needs: Sequence[pulumi.Resource] = ()


class JobDefinition(pulumi.ComponentResource):
    """Children: the batch JobDefinition."""

    arn: pulumi.Output[str]
    """With the revision; triggers pin it."""
    arn_prefix: pulumi.Output[str]
    """Without the revision; whoever submits from outside uses it."""

    def __init__(self, name: str, args: JobDefinitionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:JobDefinition", name, None, opts)
        logical = args.names.of("job definition", args.job, args.part)
        container = container_properties(args)
        nodes = None if args.nodes is None else node_properties(container, args.nodes)
        definition = aws.batch.JobDefinition(
            logical,
            name=logical,
            type="container" if nodes is None else "multinode",
            platform_capabilities=["FARGATE" if args.fargate is not None else "EC2"],
            container_properties=pulumi.Output.json_dumps(container, sort_keys=True) if nodes is None else None,
            node_properties=None if nodes is None else pulumi.Output.json_dumps(nodes, sort_keys=True),
            parameters=dict(args.parameters) or None,
            timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=args.timeout_s),
            retry_strategy=aws.batch.JobDefinitionRetryStrategyArgs(
                attempts=args.attempts, evaluate_on_exits=[_evaluate_on_exit(rule) for rule in args.exit_rules]
            ),
            # only so do the tags reach the tasks, and with them the bill
            propagate_tags=True,
            # a trigger fires with the old revision until its own update is through
            deregister_on_new_revision=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.needs)),
        )
        self.arn = definition.arn
        self.arn_prefix = definition.arn_prefix
        self.register_outputs({"arn": self.arn, "arn_prefix": self.arn_prefix})


def node_properties(container: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Batch's nodeProperties: the same container on every node, the first of them the main one."""
    return {
        "numNodes": count,
        "mainNode": 0,
        "nodeRangeProperties": [{"targetNodes": f"0:{count - 1}", "container": container}],
    }


def container_properties(args: JobDefinitionArgs) -> dict[str, Any]:
    """Batch's containerProperties; the environment sorted by name, so that its order is no change."""
    requirements = [
        {"type": "VCPU", "value": args.vcpus},
        {"type": "MEMORY", "value": str(args.memory_mib)},
    ]
    if args.gpus:
        requirements.append({"type": "GPU", "value": str(args.gpus)})
    properties: dict[str, Any] = {
        "image": args.image,
        "command": list(args.command),
        "resourceRequirements": requirements,
        "environment": [{"name": name, "value": args.environment[name]} for name in sorted(args.environment)],
        "jobRoleArn": args.job_role_arn,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": args.log_group_name,
                "awslogs-region": args.region,
                "awslogs-stream-prefix": args.job,
            },
        },
        **storage_properties(args.storage),
    }
    if args.secrets:
        properties["secrets"] = [{"name": name, "valueFrom": args.secrets[name]} for name in sorted(args.secrets)]
    if args.execution_role_arn is not None:
        properties["executionRoleArn"] = args.execution_role_arn
    if args.fargate is not None:
        properties["fargatePlatformConfiguration"] = {"platformVersion": FARGATE_PLATFORM_VERSION}
        properties["networkConfiguration"] = {
            "assignPublicIp": "ENABLED" if args.fargate.assign_public_ip else "DISABLED"
        }
        properties["runtimePlatform"] = {
            "operatingSystemFamily": "LINUX",
            "cpuArchitecture": CPU_ARCHITECTURES[args.fargate.image_platform],
        }
    return properties


def _evaluate_on_exit(rule: ExitRule) -> aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs:
    return aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs(
        # Batch keeps it in lower case, and would show a difference for ever
        action=rule.action.lower(),
        on_reason=rule.on_reason,
        on_status_reason=rule.on_status_reason,
        on_exit_code=rule.on_exit_code,
    )
