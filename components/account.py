"""Facts of the account and region a stage goes to, read once and before anything is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class Account:
    account_id: str
    partition: str
    """`aws`, `aws-cn`, `aws-us-gov`."""


def read_account(region: str) -> Account:
    """Asks AWS who we are. Raises pulumi.RunError, in one sentence, when it doesn't answer or means another region."""
    try:
        account_id, partition = aws.get_caller_identity().account_id, aws.get_partition().partition
        configured = aws.get_region().region
    except Exception as error:  # the SDK raises plain exceptions for a failed invoke
        raise pulumi.RunError(
            f"AWS doesn't say who we are ({error}); look at the credentials, `aws sts get-caller-identity` must answer"
        ) from error
    if configured != region:
        raise pulumi.RunError(
            f"the stage's region is {region}, the AWS provider's {configured}; a stage is made in one region; "
            f"set aws:region to {region}"
        )
    return Account(account_id=account_id, partition=partition)


def read_zones(region: str, wanted: int) -> Sequence[str]:
    """Names of the first availability zones of the region. Raises pulumi.RunError when it has fewer."""
    try:
        zones = aws.get_availability_zones(
            state="available",
            # a local zone is listed too where the account has opted in
            filters=[aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])],
        )
    except Exception as error:  # as above
        raise pulumi.RunError(f"availability zones of {region} can't be listed ({error})") from error
    names = sorted(zones.names)
    if len(names) < wanted:
        raise pulumi.RunError(
            f"network.availability_zones is {wanted}; {region} has {len(names)} for this account; lower the number"
        )
    return names[:wanted]
