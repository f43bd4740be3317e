"""Usage types as bills carry them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model.usage_types import Usage, classify

KNOWN = {
    "BoxUsage:m5.large": Usage(kind="ec2", purchase="on-demand", instance_type="m5.large"),
    "USW2-BoxUsage:m7i.metal-24xl": Usage(kind="ec2", purchase="on-demand", instance_type="m7i.metal-24xl"),
    "EU-SpotUsage:c6g.xlarge": Usage(kind="ec2", purchase="spot", instance_type="c6g.xlarge"),
    "USE1-Fargate-vCPU-Hours:perCPU": Usage(kind="fargate-vcpu", purchase="on-demand"),
    "USE1-Fargate-ARM-GB-Hours": Usage(kind="fargate-gb", purchase="on-demand"),
    "USW2-SpotUsage-Fargate-vCPU-Hours:perCPU": Usage(kind="fargate-vcpu", purchase="spot"),
    "USE1-SpotUsage-Fargate-GB-Hours": Usage(kind="fargate-gb", purchase="spot"),
    "USE1-ECS-EC2-vCPU-Hours": Usage(kind="other"),
    "Lambda-GB-Second-ARM": Usage(kind="lambda-gb-s", purchase="on-demand"),
    "EUC1-Request": Usage(kind="lambda-requests", purchase="on-demand"),
    "TimedStorage-ByteHrs": Usage(kind="storage"),
    "EU-Requests-Tier1": Usage(kind="storage"),
    "EBS:VolumeUsage.gp3": Usage(kind="storage"),
    "USW2-DataTransfer-Regional-Bytes": Usage(kind="network"),
    "USE1-EUW1-AWS-Out-Bytes": Usage(kind="network"),
    "APN1-USW2-AWS-In-ABytes": Usage(kind="network"),
    "USE1-CloudFront-Out-Bytes": Usage(kind="network"),
    "NatGateway-Hours": Usage(kind="network"),
    "DataProcessing-Bytes": Usage(kind="logs"),
    "Something-New": Usage(kind="other"),
}


@pytest.mark.parametrize(("usage_type", "usage"), KNOWN.items())
def test_a_known_usage_type_says_what_it_pays_for(usage_type: str, usage: Usage) -> None:
    assert classify(usage_type) == usage


@given(st.text(max_size=60))
def test_any_text_is_classified_and_only_instances_have_a_type(text: str) -> None:
    usage = classify(text)
    assert bool(usage.instance_type) == (usage.kind == "ec2")
