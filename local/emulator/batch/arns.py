"""Names and ARNs of Batch's resources."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")


@dataclass(frozen=True, kw_only=True)
class Arns:
    """Makes the ARNs of one account and region."""

    account: str
    region: str

    def batch(self, kind: str, name: str) -> str:
        """`kind` is compute-environment, job-queue, job-definition (name with revision), job."""
        return f"arn:aws:batch:{self.region}:{self.account}:{kind}/{name}"

    def task(self, cluster_name: str, task_id: str) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:task/{cluster_name}/{task_id}"

    def container_instance(self, cluster_name: str, instance_id: str) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:container-instance/{cluster_name}/{instance_id}"

    def service_linked_role(self) -> str:
        return f"arn:aws:iam::{self.account}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"


def new_task_id() -> str:
    return uuid.uuid4().hex


def new_ec2_instance_id() -> str:
    return f"i-{uuid.uuid4().hex[:17]}"


def last_part(arn_or_name: str) -> str:
    """The name in an ARN (`…:job-queue/standard` → `standard`); a name stays as it is."""
    return arn_or_name.rpartition("/")[2]
