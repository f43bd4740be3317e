"""A compute environment: EC2 or Fargate, on spot capacity or not, updatable in place by default; or unmanaged EC2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import pulumi
import pulumi_aws as aws

from components.names import Names

Kind = Literal["ec2-spot", "ec2-on-demand", "ec2-unmanaged", "fargate", "fargate-spot"]

BATCH_TYPES: Final[Mapping[Kind, str]] = {
    "ec2-spot": "SPOT",
    "ec2-on-demand": "EC2",
    "fargate": "FARGATE",
    "fargate-spot": "FARGATE_SPOT",
}
DEFAULT_STRATEGIES: Final[Mapping[Kind, str]] = {
    "ec2-spot": "SPOT_PRICE_CAPACITY_OPTIMIZED",
    "ec2-on-demand": "BEST_FIT_PROGRESSIVE",
}
"""Strategies with which Batch updates an environment in place."""
IMAGE_TYPE: Final = "ECS_AL2023"
GPU_IMAGE_TYPE: Final = "ECS_AL2023_NVIDIA"


@dataclass(frozen=True, kw_only=True)
class ComputeEnvironmentArgs:
    names: Names
    environment: str
    """The environment's name in the settings."""
    kind: Kind
    """`ec2-unmanaged` takes nothing of what follows."""
    max_vcpus: int = 0
    min_vcpus: int = 0
    instance_types: Sequence[str] = ()
    allocation_strategy: str | None = None
    bid_percentage: int | None = None
    """Percent of the on-demand price; None leaves it to AWS, as AWS recommends."""
    gpus: Literal["none", "all", "some"] = "none"
    """Which of the instance types have GPUs: they boot another machine image."""
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    security_group_ids: Sequence[pulumi.Input[str]]
    instance_profile_arn: pulumi.Input[str] | None = None
    """A profile, not a role; EC2 only."""
    instance_tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of instances and their disks: tags of the environment itself don't reach them."""
    needs: Sequence[pulumi.Resource] = ()
    """What must outlive the environment: Batch can't delete one whose role has lost its policies."""


class ComputeEnvironment(pulumi.ComponentResource):
    """Children: on managed EC2 a LaunchTemplate, and the batch ComputeEnvironment."""

    kind: Kind
    arn: pulumi.Output[str]
    ecs_cluster_arn: pulumi.Output[str]
    """Of the cluster that Batch makes for it, and runs its instances and tasks in. With an unmanaged one somebody
    registers instances of their own."""

    def __init__(self, name: str, args: ComputeEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:ComputeEnvironment", name, None, opts)
        self._logical = args.names.of("compute environment", args.environment)
        resources = self._resources(args)
        environment = aws.batch.ComputeEnvironment(
            # auto-named, and no service role: with a name or a role of its own, changes would replace it, and
            # Batch refuses to delete an environment a queue still names
            self._logical,
            type="MANAGED" if resources is not None else "UNMANAGED",
            state="ENABLED",
            compute_resources=resources,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.needs),
                # Batch moves it with the load
                ignore_changes=["computeResources.desiredVcpus"],
            ),
        )
        self.kind = args.kind
        self.arn = environment.arn
        self.ecs_cluster_arn = environment.ecs_cluster_arn
        self.register_outputs({"arn": self.arn, "ecs_cluster_arn": self.ecs_cluster_arn})

    def _resources(self, args: ComputeEnvironmentArgs) -> aws.batch.ComputeEnvironmentComputeResourcesArgs | None:
        """None for an unmanaged environment: Batch boots nothing there."""
        if args.kind == "ec2-unmanaged":
            return None
        return self._fargate(args) if args.kind in ("fargate", "fargate-spot") else self._ec2(args)

    def _fargate(self, args: ComputeEnvironmentArgs) -> aws.batch.ComputeEnvironmentComputeResourcesArgs:
        # Batch refuses every field about instances here
        return aws.batch.ComputeEnvironmentComputeResourcesArgs(
            type=BATCH_TYPES[args.kind],
            max_vcpus=args.max_vcpus,
            subnets=args.subnet_ids,
            security_group_ids=args.security_group_ids,
        )

    def _ec2(self, args: ComputeEnvironmentArgs) -> aws.batch.ComputeEnvironmentComputeResourcesArgs:
        template = self._launch_template(args)
        image_types = {"none": [IMAGE_TYPE], "all": [GPU_IMAGE_TYPE], "some": [IMAGE_TYPE, GPU_IMAGE_TYPE]}[args.gpus]
        return aws.batch.ComputeEnvironmentComputeResourcesArgs(
            type=BATCH_TYPES[args.kind],
            allocation_strategy=args.allocation_strategy or DEFAULT_STRATEGIES[args.kind],
            bid_percentage=args.bid_percentage,
            min_vcpus=args.min_vcpus,
            max_vcpus=args.max_vcpus,
            instance_types=list(args.instance_types),
            instance_role=args.instance_profile_arn,
            ec2_configurations=[
                aws.batch.ComputeEnvironmentComputeResourcesEc2ConfigurationArgs(image_type=image_type)
                for image_type in image_types
            ],
            launch_template=aws.batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
                launch_template_id=template.id,
                # numeric: Batch reads $Latest once, when the environment is made
                version=template.latest_version.apply(str),
            ),
            subnets=args.subnet_ids,
            security_group_ids=args.security_group_ids,
            tags=dict(args.instance_tags),
        )

    def _launch_template(self, args: ComputeEnvironmentArgs) -> aws.ec2.LaunchTemplate:
        """Made for every EC2 environment: one that gained a template later would have to be replaced."""
        return aws.ec2.LaunchTemplate(
            self._logical,
            description=f"Instances of {self._logical}",
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                # one hop ends at the host: a job's container can't borrow the instance's role
                http_put_response_hop_limit=1,
            ),
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type="volume", tags=dict(args.instance_tags))
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
