"""Where the stage's containers run: a VPC of its own, or an existing one by id."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pulumi
import pulumi_aws as aws

from components.names import Names

Egress = Literal["public-ip", "interface-endpoints", "nat", "none"]

SUBNET_SLOTS: Final = 16
"""Blocks a VPC is cut into: the first half is for private subnets, the second for public ones. Fixed, so that one
more availability zone moves no subnet there is."""
SMALLEST_VPC_PREFIX: Final = 24
"""AWS's smallest subnet is /28, and there are 16 of them."""
ENDPOINTS_OF_EVERY_STAGE: Final = ("ecr.api", "ecr.dkr", "logs")
ENDPOINTS_OF_EC2: Final = ("ecs", "ecs-agent", "ecs-telemetry")
"""What the ECS agent on an instance talks to. Fargate's agent is AWS's own."""
ENDPOINT_OF_TOPICS: Final = "sns"
ENDPOINT_OF_BATCH: Final = "batch"
ENDPOINT_OF_SECRETS: Final = "secretsmanager"
ENDPOINT_OF_PARAMETERS: Final = "ssm"
ENDPOINT_OF_COSTS: Final = "ce"
COSTS_REGION: Final = "us-east-1"
"""Where Cost Explorer is, for all regions of the partition `aws`; only there is it an endpoint's service."""


def subnet_cidr(vpc_cidr: str, *, zone: int, public: bool) -> str:
    """The block of one subnet; `zone` counts from 0 to 7.

    >>> subnet_cidr("10.20.0.0/16", zone=1, public=False)
    '10.20.16.0/20'
    """
    half = SUBNET_SLOTS // 2
    if not 0 <= zone < half:
        raise ValueError(f"zone is {zone}; a VPC has room for zones 0 to {half - 1}")
    network = ipaddress.ip_network(vpc_cidr)
    blocks = list(network.subnets(new_prefix=network.prefixlen + 4))
    return str(blocks[zone + (half if public else 0)])


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    names: Names
    region: str
    cidr: str = "10.20.0.0/16"
    zones: Sequence[str] = ()
    """Availability zones of a new VPC, by name; one subnet each."""
    private: bool = False
    """Subnets without a route to the internet gateway."""
    egress: Egress = "public-ip"
    """How containers reach ECR and CloudWatch Logs. S3 always goes through a gateway endpoint, which costs nothing."""
    has_interface_endpoints: bool = False
    """Whether a new VPC has interface endpoints, which cost by the hour."""
    has_ec2: bool = True
    """Whether instances use the endpoints: their agents need some that Fargate doesn't."""
    notifies: bool = False
    """Whether a job publishes to a topic; here and below, a job that uses the endpoints."""
    asks_costs: bool = False
    """Whether a job asks Cost Explorer."""
    submits: bool = False
    """Whether a job submits another."""
    keeps_secrets: bool = False
    """Whether a job has a secret of Secrets Manager."""
    keeps_parameters: bool = False
    """Whether a job has a secret of SSM."""
    has_nodes: bool = False
    """Whether a job of several nodes runs among the others; its nodes find each other by address."""
    vpc_id: str | None = None
    """An existing VPC: nothing but a security group is made in it."""
    subnet_ids: Sequence[str] = ()
    """Subnets of the existing VPC; their routes are their owner's business."""
    endpoints_group_id: str | None = None
    """Security group of the existing VPC's interface endpoints, where isolated jobs use them."""
    s3_prefix_list_id: str | None = None
    """Of S3, where isolated jobs reach it from the existing VPC."""


class Network(pulumi.ComponentResource):
    """Children of a new VPC: Vpc, subnets, route tables, the S3 gateway endpoint; by setting an internet gateway, a NAT
    gateway or interface endpoints. Of any VPC: the jobs' security group, which lets nothing in but nodes."""

    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[Sequence[str]]
    security_group_id: pulumi.Output[str]
    endpoints_group_id: pulumi.Output[str] | None = None
    """Security group of the interface endpoints, where there are any."""
    s3_prefix_list_id: pulumi.Output[str] | None = None
    """S3 in the region, as rules of security groups name it; None where isolated jobs can't be."""
    assign_public_ip: bool
    """Whether a Fargate task needs a public address of its own to pull its image."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Network", name, None, opts)
        self._name_of = args.names
        self._child = pulumi.ResourceOptions(parent=self)
        self.assign_public_ip = args.egress == "public-ip"
        if args.vpc_id is not None:
            self.vpc_id = pulumi.Output.from_input(args.vpc_id)
            self.subnet_ids = pulumi.Output.from_input(list(args.subnet_ids))
            self.security_group_id = self._security_group(args).id
            if args.endpoints_group_id is not None and args.s3_prefix_list_id is not None:
                self.endpoints_group_id = pulumi.Output.from_input(args.endpoints_group_id)
                self.s3_prefix_list_id = pulumi.Output.from_input(args.s3_prefix_list_id)
        else:
            self._new_vpc(args)
        self.register_outputs(
            {"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids, "security_group_id": self.security_group_id}
        )

    def _logical(self, thing: str) -> str:
        return self._name_of.of("network", thing)

    def _new_vpc(self, args: NetworkArgs) -> None:
        vpc = aws.ec2.Vpc(
            self._logical("vpc"),
            cidr_block=args.cidr,
            enable_dns_support=True,
            # interface endpoints answer under AWS's own names only with host names on
            enable_dns_hostnames=True,
            tags={"Name": self._name_of.itself},
            opts=self._child,
        )
        self.vpc_id = vpc.id
        reaches_internet = args.egress in ("public-ip", "nat")
        public_table = self._public_route_table() if reaches_internet else None
        jobs_are_public = args.egress == "public-ip" and not args.private
        if jobs_are_public and public_table is not None:
            table = public_table
        else:
            table = aws.ec2.RouteTable(
                self._logical("private"),
                vpc_id=vpc.id,
                tags={"Name": self._logical("private")},
                opts=self._child,
            )
        subnets = [self._subnet(args, zone, table=table, public=jobs_are_public) for zone in range(len(args.zones))]
        self.subnet_ids = pulumi.Output.all(*[subnet.id for subnet in subnets]).apply(list)
        self.security_group_id = self._security_group(args).id
        self.s3_prefix_list_id = self._s3_endpoint(args, [table]).prefix_list_id
        if args.egress == "nat" and public_table is not None:
            self._nat(args, public_table=public_table, private_table=table)
        if args.has_interface_endpoints:
            self.endpoints_group_id = self._interface_endpoints(args)

    def _public_route_table(self) -> aws.ec2.RouteTable:
        gateway = aws.ec2.InternetGateway(
            self._logical("internet"),
            vpc_id=self.vpc_id,
            tags={"Name": self._name_of.itself},
            opts=self._child,
        )
        table = aws.ec2.RouteTable(
            self._logical("public"), vpc_id=self.vpc_id, tags={"Name": self._logical("public")}, opts=self._child
        )
        aws.ec2.Route(
            self._logical("public-internet"),
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._child,
        )
        return table

    def _subnet(self, args: NetworkArgs, zone: int, *, table: aws.ec2.RouteTable, public: bool) -> aws.ec2.Subnet:
        logical = self._logical(f"{'public' if public else 'private'}-{zone + 1}")
        subnet = aws.ec2.Subnet(
            logical,
            vpc_id=self.vpc_id,
            availability_zone=args.zones[zone],
            cidr_block=subnet_cidr(args.cidr, zone=zone, public=public),
            map_public_ip_on_launch=public,
            tags={"Name": logical},
            opts=self._child,
        )
        aws.ec2.RouteTableAssociation(logical, subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
        return subnet

    def _security_group(self, args: NetworkArgs) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            self._logical("jobs"),
            description="Batchyard: containers of jobs; nothing comes in",
            vpc_id=self.vpc_id,
            tags={"Name": self._logical("jobs")},
            opts=self._child,
        )
        aws.vpc.SecurityGroupEgressRule(
            self._logical("jobs-out"),
            security_group_id=group.id,
            description="Images, logs, S3 and what jobs fetch",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="-1",
            opts=self._child,
        )
        if args.has_nodes:
            aws.vpc.SecurityGroupIngressRule(
                self._logical("jobs-nodes"),
                security_group_id=group.id,
                description="Nodes of a job among themselves",
                referenced_security_group_id=group.id,
                ip_protocol="-1",
                opts=self._child,
            )
        return group

    def _s3_endpoint(self, args: NetworkArgs, tables: Sequence[aws.ec2.RouteTable]) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            self._logical("s3"),
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags={"Name": self._logical("s3")},
            opts=self._child,
        )

    def _nat(self, args: NetworkArgs, *, public_table: aws.ec2.RouteTable, private_table: aws.ec2.RouteTable) -> None:
        # one for the stage: jobs can be retried, so a second gateway's hourly price buys little
        outside = self._subnet(args, 0, table=public_table, public=True)
        address = aws.ec2.Eip(self._logical("nat"), domain="vpc", tags={"Name": self._logical("nat")}, opts=self._child)
        gateway = aws.ec2.NatGateway(
            self._logical("nat"),
            allocation_id=address.allocation_id,
            subnet_id=outside.id,
            tags={"Name": self._name_of.itself},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[public_table]),
        )
        aws.ec2.Route(
            self._logical("private-nat"),
            route_table_id=private_table.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateway.id,
            opts=self._child,
        )

    def _interface_endpoints(self, args: NetworkArgs) -> pulumi.Output[str]:
        """Gives their security group's id. Their private names lead all containers of the VPC to them, not only those
        they were made for."""
        group = aws.ec2.SecurityGroup(
            self._logical("endpoints"),
            description="Batchyard: AWS's interface endpoints; jobs come in by HTTPS",
            vpc_id=self.vpc_id,
            tags={"Name": self._logical("endpoints")},
            opts=self._child,
        )
        aws.vpc.SecurityGroupIngressRule(
            self._logical("endpoints-in"),
            security_group_id=group.id,
            description="HTTPS from jobs",
            referenced_security_group_id=self.security_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child,
        )
        # once a week a job asks these, and can be tried again: a zone more costs more than it is worth
        seldom = (ENDPOINT_OF_TOPICS, ENDPOINT_OF_COSTS)
        one_zone = self.subnet_ids.apply(lambda subnets: subnets[:1])
        for service in endpoint_services(args):
            logical = self._logical(service.replace(".", "-"))
            aws.ec2.VpcEndpoint(
                logical,
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{args.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=one_zone if service in seldom else self.subnet_ids,
                security_group_ids=[group.id],
                tags={"Name": logical},
                opts=self._child,
            )
        return group.id


def endpoint_services(args: NetworkArgs) -> tuple[str, ...]:
    """The services that jobs reach through interface endpoints: each costs by the hour, so only those they use."""
    return (
        *ENDPOINTS_OF_EVERY_STAGE,
        *(ENDPOINTS_OF_EC2 if args.has_ec2 else ()),
        *((ENDPOINT_OF_TOPICS,) if args.notifies else ()),
        *((ENDPOINT_OF_BATCH,) if args.submits else ()),
        *((ENDPOINT_OF_SECRETS,) if args.keeps_secrets else ()),
        *((ENDPOINT_OF_PARAMETERS,) if args.keeps_parameters else ()),
        *((ENDPOINT_OF_COSTS,) if args.asks_costs and args.region == COSTS_REGION else ()),
    )
