"""All tables of the `aws` stand-in."""

from __future__ import annotations

from typing import Final

from local.providers.aws import (
    batch,
    cloudwatch,
    ec2_addresses,
    ec2_endpoint,
    ec2_launch_template,
    ec2_network,
    ec2_routes,
    ec2_security_group,
    ecr,
    events,
    firehose,
    iam,
    iam_instance_profile,
    invokes,
    logs,
    pipes,
    s3,
    scheduler,
    secrets,
    sns,
    sqs,
    ssm,
    vpc,
)
from local.providers.framework import Provider
from local.providers.framework.sdk import installed_version

_MODULES: Final = (
    batch,
    cloudwatch,
    ec2_addresses,
    ec2_endpoint,
    ec2_launch_template,
    ec2_network,
    ec2_routes,
    ec2_security_group,
    ecr,
    events,
    firehose,
    iam,
    iam_instance_profile,
    invokes,
    logs,
    pipes,
    s3,
    scheduler,
    secrets,
    sns,
    sqs,
    ssm,
    vpc,
)

PROVIDER: Final = Provider(
    name="aws",
    version=installed_version("pulumi-aws"),
    resources=tuple(resource for module in _MODULES for resource in getattr(module, "RESOURCES", ())),
    invokes=tuple(invoke for module in _MODULES for invoke in getattr(module, "INVOKES", ())),
    where="local/providers/aws/",
)
