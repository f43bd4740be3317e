"""What a usage type of the bill pays for. Outside us-east-1 they carry a region's prefix: match by what they contain.

Source: the AWS price list's usage types of EC2, ECS (Fargate), Lambda, S3, ECR, CloudWatch and VPC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "ec2", "fargate-vcpu", "fargate-gb", "lambda-gb-s", "lambda-requests", "storage", "network", "logs", "other"
]
Purchase = Literal["spot", "on-demand", ""]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """`instance_type` is empty for what is no instance, `purchase` for what is no compute."""

    kind: Kind
    purchase: Purchase = ""
    instance_type: str = ""


# order matters: `SpotUsage-Fargate-…` holds `SpotUsage`, `…-ECS-EC2-vCPU-Hours` rows cost nothing and are no instances
_RULES: Final[tuple[tuple[str, Kind, Purchase], ...]] = (
    (r"-ECS-EC2-(?:vCPU|GB)-Hours", "other", ""),
    (r"SpotUsage-Fargate-(?:ARM-)?vCPU-Hours", "fargate-vcpu", "spot"),
    (r"SpotUsage-Fargate-(?:ARM-)?GB-Hours", "fargate-gb", "spot"),
    (r"Fargate-(?:ARM-)?vCPU-Hours", "fargate-vcpu", "on-demand"),
    (r"Fargate-(?:ARM-)?GB-Hours", "fargate-gb", "on-demand"),
    (r"SpotUsage:(?P<instance>[a-z0-9-]+\.[a-z0-9-]+)", "ec2", "spot"),
    (r"BoxUsage:(?P<instance>[a-z0-9-]+\.[a-z0-9-]+)", "ec2", "on-demand"),
    (r"Lambda-(?:Provisioned-)?GB-Second", "lambda-gb-s", "on-demand"),
    (r"(?:^|-)Request(?:-ARM)?$", "lambda-requests", "on-demand"),
    (r"NatGateway|VpcEndpoint|DataTransfer|PublicIPv4", "network", ""),
    # from a region to another (`USE1-EUW1-AWS-Out-Bytes`), and to the edge; ABytes are S3's accelerated ones
    (r"-(?:AWS|CloudFront)-(?:In|Out)-A?Bytes", "network", ""),
    (r"DataProcessing-Bytes|VendedLog|CW:|LogStorage", "logs", ""),
    (r"TimedStorage|Requests-Tier|EBS:|Storage|EarlyDelete", "storage", ""),
)


def on_demand_twin(usage_type: str) -> str:
    """The usage type of the same capacity on demand: `EU-SpotUsage:m5.large` → `EU-BoxUsage:m5.large`."""
    return usage_type.replace("SpotUsage-Fargate-", "Fargate-").replace("SpotUsage:", "BoxUsage:")


def classify(usage_type: str) -> Usage:
    """The usage a usage type stands for; `other` for one no rule knows."""
    for pattern, kind, purchase in _RULES:
        found = re.search(pattern, usage_type)
        if found:
            instance = found.groupdict().get("instance") or ""
            return Usage(kind=kind, purchase=purchase, instance_type=instance)
    return Usage(kind="other")
