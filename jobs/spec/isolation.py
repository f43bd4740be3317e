"""`isolated`: a job with environments, a queue and a security group of its own, and no way out but the declared."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from jobs.spec.base import AsTuple, Hint, Strict, refuse

NFS_PORT = 2049
"""Where EFS listens."""
MAX_RULES = 50
"""A security group has 60 rules to the outside by AWS's default; the platform's own are some of them."""


class EgressRule(Strict):
    """Where the job's containers may open connections to: one of the three, and one port."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cidr": "203.0.113.0/24", "port": 443}]})

    cidr: Annotated[
        str | None,
        Field(examples=["203.0.113.0/24"]),
        StringConstraints(strict=True, max_length=18),
        Hint(
            allowed="a cidr is IPv4 addresses like 203.0.113.0/24; security groups know no host names",
            remedy="write 203.0.113.7/32 for one address",
        ),
    ] = None
    """IPv4 addresses."""
    prefix_list: Annotated[
        str | None,
        Field(examples=["pl-02cd2c6b"]),
        StringConstraints(strict=True, pattern=r"^pl-[0-9a-f]{8,17}$"),
        Hint(allowed="a prefix list is an id like pl-02cd2c6b", remedy="write the id that EC2 shows"),
    ] = None
    """A prefix list of EC2: one of AWS's, such as DynamoDB's, or your own."""
    security_group: Annotated[
        str | None,
        Field(examples=["sg-0123456789abcdef0"]),
        StringConstraints(strict=True, pattern=r"^sg-[0-9a-f]{8,17}$"),
        Hint(allowed="a security group is an id like sg-0123456789abcdef0", remedy="write the id that EC2 shows"),
    ] = None
    """What carries this security group, such as a database; that group must let the job's in."""
    port: Annotated[
        int,
        Field(ge=1, le=65_535, examples=[443]),
        Hint(allowed="a port is a whole number from 1 to 65,535", remedy="write 443 for HTTPS"),
    ]
    """Port there."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """Protocol there."""

    @field_validator("cidr")
    @classmethod
    def _cidr(cls, cidr: str | None) -> str | None:
        if cidr is None:
            return None
        try:
            return str(ipaddress.IPv4Network(cidr))
        except ValueError:
            raise refuse(
                repr(cidr),
                "a cidr is IPv4 addresses like 203.0.113.0/24; security groups know no host names",
                "zero the bits behind the prefix, or write 203.0.113.7/32 for one address",
            ) from None

    @model_validator(mode="after")
    def _one_target(self) -> EgressRule:
        given = [key for key in ("cidr", "prefix_list", "security_group") if getattr(self, key) is not None]
        if len(given) != 1:
            raise refuse(
                f"one with {' and '.join(given)}" if given else "one without a target",
                "a rule has one of cidr, prefix_list and security_group",
                "write a rule for each" if given else "add one of them",
                about=("cidr", "prefix_list", "security_group"),
            )
        return self

    @property
    def target(self) -> str:
        """The one that is given."""
        return self.cidr or self.prefix_list or str(self.security_group)


class Isolation(Strict):
    """Environments like those of the job's queue, and nothing in them but this job."""

    enabled: bool = True
    """false runs the job in its queue, like any other."""
    egress: Annotated[tuple[EgressRule, ...], AsTuple, Field(max_length=MAX_RULES)] = ()
    """All that its containers may open connections to, beside what no job starts without."""
    max_vcpus: Annotated[
        int | None,
        Field(ge=1, le=100_000, examples=[8]),
        Hint(allowed="max_vcpus is a whole number from 1 to 100,000", remedy="write the most vCPUs it may run at once"),
    ] = None
    """Most vCPUs at once in each of its environments; left out, as many as that of the queue."""

    @field_validator("egress")
    @classmethod
    def _each_once(cls, egress: tuple[EgressRule, ...]) -> tuple[EgressRule, ...]:
        for position, rule in enumerate(egress):
            if rule in egress[:position]:
                raise refuse(
                    "a rule for the second time", "AWS takes each once", "remove one of the two", key=(position,)
                )
        return egress

    def reaches(self, port: int) -> bool:
        """Whether a rule lets TCP connections to this port out."""
        return any(rule.port == port and rule.protocol == "tcp" for rule in self.egress)


class _OrWord:
    """Rides in a field's annotation: its schema takes true and false too."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, handler(core)]}


def _word(value: Any) -> Any:
    """`true` and `false` stand for the mapping; a mapping says `true` by being there."""
    if isinstance(value, bool):
        return {"enabled": value}
    return {"enabled": True, **value} if isinstance(value, Mapping) else value


Isolated = Annotated[
    Isolation,
    BeforeValidator(_word),
    _OrWord(),
    Hint(allowed="isolated is true, false or a mapping", remedy="write isolated: true"),
]
