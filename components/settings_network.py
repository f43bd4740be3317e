"""Settings of the network."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from jobs.spec.base import AsTuple, Hint, Strict, refuse

Egress = Literal["public-ip", "interface-endpoints", "nat", "none"]
"""How containers reach AWS and the world. An S3 gateway endpoint, which is free, is always there in a new VPC."""


class NetworkSettings(Strict):
    """An existing VPC by id with its subnets, or a new one."""

    vpc_id: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^vpc-[0-9a-f]{8,17}$"),
        Hint(allowed="vpc_id is an id like vpc-0123456789abcdef0", remedy="leave it out for a new VPC"),
    ] = None
    """Use this VPC."""
    subnet_ids: Annotated[
        tuple[Annotated[str, StringConstraints(strict=True, pattern=r"^subnet-[0-9a-f]{8,17}$")], ...],
        AsTuple,
        Hint(allowed="subnet_ids are ids like subnet-0123456789abcdef0", remedy="list the subnets of vpc_id"),
    ] = ()
    """Its subnets; with vpc_id only."""
    cidr: str = "10.20.0.0/16"
    """Addresses of a new VPC."""
    availability_zones: Annotated[
        int,
        Field(ge=1, le=6),
        Hint(allowed="availability_zones is 1–6", remedy="2 is enough for most"),
    ] = 2
    """Zones of a new VPC; more zones find more spot capacity."""
    private: bool = False
    """Instances get no public address."""
    egress: Egress = "public-ip"
    """public-ip costs nothing idle; interface endpoints and NAT cost by the hour."""
    isolated_endpoints: bool = False
    """Interface endpoints beside public-ip, nat or none, as far as isolated jobs need them; they cost by the hour."""
    endpoints_security_group_id: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^sg-[0-9a-f]{8,17}$"),
        Hint(
            allowed="endpoints_security_group_id is an id like sg-0123456789abcdef0",
            remedy="write the security group of the existing VPC's interface endpoints",
        ),
    ] = None
    """Of an existing VPC's interface endpoints, which isolated jobs reach; with vpc_id only."""
    s3_prefix_list_id: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^pl-[0-9a-f]{8,17}$"),
        Hint(
            allowed="s3_prefix_list_id is an id like pl-63a5400a",
            remedy="write the prefix list of the existing VPC's gateway endpoint for S3",
        ),
    ] = None
    """Of S3 in the region, which isolated jobs in an existing VPC reach by its gateway endpoint; with vpc_id only."""

    @field_validator("cidr")
    @classmethod
    def _cidr(cls, cidr: str) -> str:
        try:
            block = ipaddress.IPv4Network(cidr)
        except ValueError:
            raise refuse(
                repr(cidr[:40]), "cidr is an IPv4 block like 10.20.0.0/16", "zero the bits behind the prefix"
            ) from None
        if not 16 <= block.prefixlen <= 24:
            raise refuse(
                cidr, "a VPC's block here is /16 to /24, so that every zone gets a subnet", "write 10.20.0.0/16"
            )
        return str(block)

    @model_validator(mode="after")
    def _together(self) -> NetworkSettings:
        if self.vpc_id is not None and not self.subnet_ids:
            raise refuse(
                "given without subnet_ids",
                "an existing VPC comes with its subnets",
                "add subnet_ids",
                key=("vpc_id",),
                about=("vpc_id", "subnet_ids"),
            )
        if self.vpc_id is None and self.subnet_ids:
            raise refuse(
                "given without vpc_id",
                "subnets belong to an existing VPC",
                "add vpc_id",
                key=("subnet_ids",),
                about=("vpc_id", "subnet_ids"),
            )
        for name in ("endpoints_security_group_id", "s3_prefix_list_id"):
            if self.vpc_id is None and getattr(self, name) is not None:
                raise refuse(
                    "given without vpc_id",
                    "a new VPC has endpoints of its own",
                    "remove it",
                    key=(name,),
                    about=("vpc_id", name),
                )
        if self.vpc_id is not None and self.isolated_endpoints:
            raise refuse(
                "true with vpc_id",
                "nothing but security groups is made in an existing VPC",
                "remove it, and write endpoints_security_group_id and s3_prefix_list_id",
                key=("isolated_endpoints",),
                about=("vpc_id", "isolated_endpoints"),
            )
        if self.private and self.egress == "public-ip":
            raise refuse(
                "public-ip with private: true",
                "private instances reach AWS through interface-endpoints, nat or none",
                "write egress: interface-endpoints",
                key=("egress",),
                about=("private", "egress"),
            )
        return self
