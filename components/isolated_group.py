"""The security group of an isolated job: nothing comes in, and only the declared goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.names import Names
from jobs.spec.isolation import EgressRule

HTTPS: Final = 443


@dataclass(frozen=True, kw_only=True)
class IsolatedGroupArgs:
    names: Names
    job: str
    vpc_id: pulumi.Input[str]
    s3_prefix_list_id: pulumi.Input[str]
    """S3 in the region: layers of images, and buckets."""
    endpoints_group_id: pulumi.Input[str]
    """Security group of the interface endpoints."""
    opens_endpoints: bool
    """Whether that group is the stage's own, which lets this one in."""
    egress: Sequence[EgressRule]
    """What the job declares."""
    has_nodes: bool = False
    """Whether its containers work together, each on an instance of its own."""


class IsolatedGroup(pulumi.ComponentResource):
    """Children: the SecurityGroup and one rule for each thing that containers may open connections to.

    Security groups don't hold back Amazon's DNS, the instance's metadata and the task's credentials.
    """

    security_group_id: pulumi.Output[str]
    rules: list[pulumi.Resource]
    """Without them no container of the job starts."""

    def __init__(self, name: str, args: IsolatedGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:IsolatedGroup", name, None, opts)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            name,
            description=f"Batchyard: {args.job} alone; nothing comes in, the declared goes out",
            vpc_id=args.vpc_id,
            tags={"Name": name},
            opts=self._child,
        )
        self.security_group_id = group.id
        self.rules = [
            self._out("s3", "S3 of the region", prefix_list_id=args.s3_prefix_list_id),
            self._out("endpoints", "AWS's interface endpoints", referenced_security_group_id=args.endpoints_group_id),
            *(self._declared(rule) for rule in args.egress),
        ]
        if args.opens_endpoints:
            self.rules.append(self._into_endpoints(args))
        if args.has_nodes:
            self.rules += self._between_nodes()
        self.register_outputs({"security_group_id": self.security_group_id})

    def _out(
        self,
        part: str,
        description: str,
        *,
        port: int = HTTPS,
        protocol: str = "tcp",
        cidr_ipv4: str | None = None,
        prefix_list_id: pulumi.Input[str] | None = None,
        referenced_security_group_id: pulumi.Input[str] | None = None,
    ) -> aws.vpc.SecurityGroupEgressRule:
        return aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{part}",
            security_group_id=self.security_group_id,
            description=description,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            cidr_ipv4=cidr_ipv4,
            prefix_list_id=prefix_list_id,
            referenced_security_group_id=referenced_security_group_id,
            opts=self._child,
        )

    def _declared(self, rule: EgressRule) -> aws.vpc.SecurityGroupEgressRule:
        # named by what it is: another order of the list changes nothing
        return self._out(
            f"{rule.target.replace('/', '_')}-{rule.protocol}-{rule.port}",
            "Declared by the job",
            port=rule.port,
            protocol=rule.protocol,
            cidr_ipv4=rule.cidr,
            prefix_list_id=rule.prefix_list,
            referenced_security_group_id=rule.security_group,
        )

    def _into_endpoints(self, args: IsolatedGroupArgs) -> aws.vpc.SecurityGroupIngressRule:
        return aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-in",
            security_group_id=args.endpoints_group_id,
            description=f"HTTPS from {args.job}",
            referenced_security_group_id=self.security_group_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self._child,
        )

    def _between_nodes(self) -> list[pulumi.Resource]:
        return [
            kind(
                f"{self._name}-nodes",
                security_group_id=self.security_group_id,
                description="The job's nodes among themselves",
                referenced_security_group_id=self.security_group_id,
                ip_protocol="-1",
                opts=self._child,
            )
            for kind in (aws.vpc.SecurityGroupEgressRule, aws.vpc.SecurityGroupIngressRule)
        ]
