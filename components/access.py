"""Roles: each with exactly what its holder does, nothing on `*` where a name is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import policies
from components.names import Names

INSTANCE_POLICY = "service-role/AmazonEC2ContainerServiceforEC2Role"
"""What the ECS agent on an instance needs: register, pull images, write logs."""


@dataclass(frozen=True, kw_only=True)
class InstanceAccessArgs:
    names: Names
    partition: str = "aws"


class InstanceAccess(pulumi.ComponentResource):
    """Children: the instances' Role, its attachment to AWS's own policy, the InstanceProfile.

    Batch's service-linked role isn't here: there is one an account, and AWS makes it by itself."""

    instance_profile_arn: pulumi.Output[str]
    attachments: list[pulumi.Resource]
    """An environment must be gone before these are: without them Batch can't delete it."""

    def __init__(self, name: str, args: InstanceAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:InstanceAccess", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        logical = args.names.of("role", "instances")
        role = aws.iam.Role(
            logical,
            description=f"Instances of {args.names.itself}: the ECS agent",
            assume_role_policy=policies.trust("ec2.amazonaws.com"),
            opts=child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            logical,
            role=role.name,
            policy_arn=f"arn:{args.partition}:iam::aws:policy/{INSTANCE_POLICY}",
            opts=child,
        )
        profile = aws.iam.InstanceProfile(args.names.of("instance profile", "instances"), role=role.name, opts=child)
        self.instance_profile_arn = profile.arn
        self.attachments = [attachment]
        self.register_outputs({"instance_profile_arn": self.instance_profile_arn})


@dataclass(frozen=True, kw_only=True)
class JobAccessArgs:
    names: Names
    job: str
    account: pulumi.Input[str]
    read: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Buckets the job may list and read: name → ARN."""
    write: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Buckets the job may write to: name → ARN."""
    notify: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Topics the job may publish to: name → ARN."""
    costs: bool = False
    """Whether the job may ask what the account costs."""
    more: Sequence[policies.Statement] = ()
    """What else its specification asks for."""
    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Action → ARNs: what the agent reads for the job's container as the execution role, or a function as its own."""
    function: bool = False
    """The job's role is a Lambda function's; there is no execution role then."""
    fargate: bool = False
    """Fargate's agent pulls the image and writes the log as the execution role; on EC2 the instance does."""
    repository_arn: pulumi.Input[str]
    log_group_arn: pulumi.Input[str]


class JobAccess(pulumi.ComponentResource):
    """Children: the job's Role, its RolePolicy when the spec declares permissions, and on Fargate or with secrets the
    execution Role with its RolePolicy."""

    role_arn: pulumi.Output[str]
    execution_role_arn: pulumi.Output[str] | None
    grants: list[pulumi.Resource]
    """Policies that must stand before the first attempt starts."""

    def __init__(self, name: str, args: JobAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:JobAccess", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self.grants = []
        trust = (
            # Lambda doesn't say on whose behalf it comes: who may pass the role is all there is to limit it
            policies.trust("lambda.amazonaws.com")
            if args.function
            else policies.trust("ecs-tasks.amazonaws.com", source_account=args.account)
        )
        logical = args.names.of("role", args.job, "job")
        role = aws.iam.Role(logical, description=f"What {args.job} may do", assume_role_policy=trust, opts=self._child)
        self.role_arn = role.arn
        statements = [
            *bucket_statements(args.read, args.write),
            *notify_statements(args.notify),
            *cost_statements(args.costs),
            *args.more,
            # a function has no agent: the runtime in its image reads them as the job
            *(secret_statements(args.secrets) if args.function else []),
        ]
        if statements:
            self._grant(logical, role, statements)
        by_agent = args.fargate or (args.secrets and not args.function)
        self.execution_role_arn = self._execution_role(args, trust) if by_agent else None
        self.register_outputs({"role_arn": self.role_arn, "execution_role_arn": self.execution_role_arn})

    def _execution_role(self, args: JobAccessArgs, trust: pulumi.Output[str]) -> pulumi.Output[str]:
        logical = args.names.of("role", args.job, "execution")
        role = aws.iam.Role(
            logical,
            description=f"Fargate for {args.job}: pulls the image, writes the log"
            if args.fargate
            else f"The ECS agent for {args.job}: reads its secrets",
            assume_role_policy=trust,
            opts=self._child,
        )
        statements = execution_statements(args.repository_arn, args.log_group_arn)
        self._grant(logical, role, [*statements, *secret_statements(args.secrets)])
        return role.arn

    def _grant(self, logical: str, role: aws.iam.Role, statements: list[policies.Statement]) -> None:
        self.grants.append(
            aws.iam.RolePolicy(logical, role=role.id, policy=policies.document(*statements), opts=self._child)
        )


def bucket_statements(
    read: Mapping[str, pulumi.Input[str]], write: Mapping[str, pulumi.Input[str]]
) -> list[policies.Statement]:
    """The declared buckets, sorted by name: reading lists the bucket and gets objects, writing puts them."""
    reading = [read[bucket] for bucket in sorted(read)]
    writing = [write[bucket] for bucket in sorted(write)]
    statements: list[policies.Statement] = []
    if reading:
        # ListBucket makes a missing key a 404 instead of a 403 that reads like a missing permission
        statements.append(policies.allow(["s3:ListBucket", "s3:GetBucketLocation"], reading))
        statements.append(policies.allow(["s3:GetObject", "s3:GetObjectVersion"], [objects_of(arn) for arn in reading]))
    if writing:
        statements.append(
            policies.allow(["s3:PutObject", "s3:AbortMultipartUpload"], [objects_of(arn) for arn in writing])
        )
    return statements


def notify_statements(notify: Mapping[str, pulumi.Input[str]]) -> list[policies.Statement]:
    """The declared topics, sorted by name."""
    return [policies.allow(["sns:Publish"], [notify[topic] for topic in sorted(notify)])] if notify else []


def cost_statements(costs: bool) -> list[policies.Statement]:
    """One reading request of Cost Explorer's, and those for prices on demand and on spot that the bill doesn't tell."""
    # the bill is the account's (or its organization's), prices are everybody's: AWS has nothing narrower to name here
    actions = ["ce:GetCostAndUsage", "ec2:DescribeSpotPriceHistory", "pricing:GetProducts"]
    return [policies.allow(actions, ["*"])] if costs else []


def secret_statements(secrets: Mapping[str, Sequence[str]]) -> list[policies.Statement]:
    """Exactly the declared secrets and parameters, each kind with its one action."""
    return [policies.allow([action], sorted(secrets[action])) for action in sorted(secrets)]


def execution_statements(
    repository_arn: pulumi.Input[str], log_group_arn: pulumi.Input[str]
) -> list[policies.Statement]:
    """Pull from one repository, write to one log group."""
    return [
        # the token is the registry's, of the whole account: AWS has no narrower resource for it
        policies.allow(["ecr:GetAuthorizationToken"], ["*"]),
        policies.allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [repository_arn]
        ),
        policies.allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [pulumi.Output.concat(log_group_arn, ":log-stream:*")],
        ),
    ]


def objects_of(bucket_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """All objects of one bucket."""
    return pulumi.Output.concat(bucket_arn, "/*")


def submit_statement(queue_arn: pulumi.Input[str], definition_arn_prefix: pulumi.Input[str]) -> policies.Statement:
    """May submit one job to one queue. Every revision is covered, so a new one changes no role."""
    return policies.allow(
        ["batch:SubmitJob"], [queue_arn, definition_arn_prefix, pulumi.Output.concat(definition_arn_prefix, ":*")]
    )


def service_role(
    logical: str,
    *,
    service: str,
    source_arn: pulumi.Input[str],
    description: str,
    statements: Sequence[policies.Statement],
    parent: pulumi.Resource,
) -> tuple[aws.iam.Role, pulumi.ResourceOptions]:
    """A service's role on behalf of one source; and options for what the service acts on, which must find the
    permission in place."""
    child = pulumi.ResourceOptions(parent=parent)
    trust = policies.trust(service, source_arn=source_arn)
    role = aws.iam.Role(logical, description=description, assume_role_policy=trust, opts=child)
    grant = aws.iam.RolePolicy(logical, role=role.id, policy=policies.document(*statements), opts=child)
    return role, pulumi.ResourceOptions(parent=parent, depends_on=[grant])
