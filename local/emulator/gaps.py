"""Small things moto's other services leave out and a stage needs: each named for what AWS does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses import EC2Response
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend
from moto.sqs.models import Queue

from local.emulator.context import EmulatorContext
from local.emulator.substitute import Substitutions

ITERATORS_KEPT = 1_000


class Gaps:
    def __init__(self) -> None:
        self._substitutions = Substitutions()
        substitute = self._substitutions.attribute
        substitute(IAMBackend, "delete_policy", _refusing_policies_in_use(IAMBackend.delete_policy))
        substitute(EC2Response, "modify_vpc_endpoint", _with_private_dns(EC2Response.modify_vpc_endpoint))
        substitute(SecurityGroupRule, "__init__", _keeping_description(SecurityGroupRule.__init__))
        substitute(SecurityGroupRule, "description", _description())
        substitute(DynamoDBStreamsBackend, "get_records", _forgetting_iterators(DynamoDBStreamsBackend.get_records))
        substitute(Queue, "attributes", _with_redrive_allow_policy(vars(Queue)["attributes"]))

    def close(self) -> None:
        self._substitutions.undo()


def install(context: EmulatorContext) -> Gaps:
    """Closes the gaps; `close()` opens them again."""
    del context
    return Gaps()


def _refusing_policies_in_use(moto: Callable[[IAMBackend, str], None]) -> Callable[[IAMBackend, str], None]:
    """DeletePolicy: AWS refuses a policy that is attached, or has versions beside the default one."""

    def delete_policy(self: IAMBackend, policy_arn: str) -> None:
        policy = self.get_policy(policy_arn)
        if policy.attachment_count > 0:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise DeleteConflictException(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        moto(self, policy_arn)

    return delete_policy


def _with_private_dns(moto: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """ModifyVpcEndpoint: moto ignores PrivateDnsEnabled."""

    def modify_vpc_endpoint(self: Any) -> Any:
        answer = moto(self)
        wanted = self._get_bool_param("PrivateDnsEnabled")
        if wanted is not None:
            endpoint_id = self._get_param("VpcEndpointId")
            (endpoint,) = self.ec2_backend.describe_vpc_endpoints(vpc_end_point_ids=[endpoint_id])
            endpoint.private_dns_enabled = wanted
        return answer

    return modify_vpc_endpoint


def _keeping_description(moto: Callable[..., None]) -> Callable[..., None]:
    """AuthorizeSecurityGroup…: moto keeps no description of a prefix list."""

    signature = inspect.signature(moto)

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        moto(self, *arguments, **options)
        prefix_list = signature.bind(self, *arguments, **options).arguments.get("prefix_list_id")
        self.prefix_list_description = (prefix_list or {}).get("Description")

    return init


def _description() -> property:
    """DescribeSecurityGroupRules: moto tells the description of addresses only, and keeps a modified one with those."""

    def description(self: Any) -> str | None:
        found: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
        return found or self.prefix_list_description

    return property(description)


def _forgetting_iterators(moto: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """GetRecords: AWS's iterators expire after a quarter of an hour; moto keeps every one a poller was ever given."""

    def get_records(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
        answer = moto(self, iterator_arn, limit)
        while len(self.shard_iterators) > ITERATORS_KEPT:
            del self.shard_iterators[next(iter(self.shard_iterators))]
        return answer

    return get_records


def _with_redrive_allow_policy(moto: property) -> property:
    """GetQueueAttributes: moto keeps RedriveAllowPolicy and SqsManagedSseEnabled, but doesn't tell them."""
    told = {"redrive_allow_policy": "RedriveAllowPolicy", "sqs_managed_sse_enabled": "SqsManagedSseEnabled"}

    def attributes(self: Queue) -> dict[str, Any]:
        assert moto.fget is not None
        known: dict[str, Any] = moto.fget(self)
        more = {name: getattr(self, ours) for ours, name in told.items() if getattr(self, ours, None)}
        return known | more

    return property(attributes)
