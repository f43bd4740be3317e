"""IAM policy documents as values: small functions that give statements, joined into one JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = Mapping[str, Any]
Condition = Mapping[str, Mapping[str, Any]]

VERSION = "2012-10-17"


def allow(
    actions: Sequence[str], resources: Sequence[pulumi.Input[str]], condition: Condition | None = None
) -> dict[str, Any]:
    """One statement of an identity's policy. Resources are ARNs; `*` only where AWS knows no narrower one."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return statement if condition is None else {**statement, "Condition": condition}


def document(*statements: Statement) -> pulumi.Output[str]:
    """The statements as a policy document's JSON."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)}, sort_keys=True)


def trust(
    service: str,
    *,
    source_arn: pulumi.Input[str] | Sequence[pulumi.Input[str]] | None = None,
    source_account: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """Who may take the role: one service, on behalf of its sources (a rule, a schedule group, one account)."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    condition: dict[str, Any] = {}
    if source_arn is not None:
        condition["ArnLike"] = {"aws:SourceArn": source_arn}
    if source_account is not None:
        condition["StringEquals"] = {"aws:SourceAccount": source_account}
    if condition:
        statement["Condition"] = condition
    return document(statement)


def one_or_all(arns: Sequence[pulumi.Input[str]]) -> pulumi.Input[str] | Sequence[pulumi.Input[str]]:
    """As a condition names them, and AWS gives them back: a list of one is that one."""
    return arns[0] if len(arns) == 1 else arns


def service_may_send(
    *, service: str, action: str, resource: pulumi.Input[str], source_arns: Sequence[pulumi.Input[str]]
) -> pulumi.Output[str]:
    """A resource's own policy: the service may do one thing with it, for these sources (rules, to a queue)."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": action,
            "Resource": resource,
            "Condition": {"ArnEquals": {"aws:SourceArn": list(source_arns)}},
        }
    )


def to_json(value: object) -> str:
    """Plain values as compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
