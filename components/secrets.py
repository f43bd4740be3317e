"""The values a job gets from elsewhere: names of its specification → ARNs. No value is ever read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws

from components.account import Account
from components.check import Plan
from jobs.problems import Problem, raise_any
from jobs.spec import SecretSource


@dataclass(frozen=True, kw_only=True)
class KnownSecret:
    """One variable's source."""

    action: str
    """What its reader needs: `secretsmanager:GetSecretValue` or `ssm:GetParameters`."""
    arn: str
    value_from: str
    """As a job definition says it: the ARN, of a key within a secret `<arn>:<key>::`."""


JobSecrets = Mapping[str, KnownSecret]
"""By variable."""


def read_secrets(plan: Plan, account: Account) -> dict[str, JobSecrets]:
    """Job → its secrets. Raises Problems, one for each secret that Secrets Manager doesn't have.

    A secret's ARN ends in six characters that only Secrets Manager knows, so it is asked. A parameter's ARN is its
    name, and asking would bring its value along: one that is missing fails the job's attempts and is named there.
    """
    region = plan.settings.region
    arns: dict[str, str | None] = {}
    problems: list[Problem] = []
    found: dict[str, JobSecrets] = {}
    for job in plan.jobs:
        known: dict[str, KnownSecret] = {}
        for variable, source in sorted(job.spec.secrets.items()):
            if source.secret is None:
                known[variable] = _parameter(source, account, region)
                continue
            if source.secret not in arns:
                arns[source.secret] = _arn(source.secret)
            arn = arns[source.secret]
            if arn is None:
                problems.append(_missing(job.name, variable, source.secret, region))
            else:
                value_from = arn if source.key is None else f"{arn}:{source.key}::"
                known[variable] = KnownSecret(action="secretsmanager:GetSecretValue", arn=arn, value_from=value_from)
        found[job.name] = known
    raise_any(problems)
    return found


def _arn(name: str) -> str | None:
    try:
        return aws.secretsmanager.get_secret(name=name).arn
    except Exception:  # the SDK raises plain exceptions for a failed invoke
        return None


def _missing(job: str, variable: str, name: str, region: str) -> Problem:
    return Problem(
        place=f"jobs/{job}/job.yaml: secrets.{variable}.secret",
        got=f"{name}, which Secrets Manager doesn't show in {region}",
        allowed="a secret is made and filled outside of Batchyard, before the stage comes up",
        remedy=f"aws secretsmanager create-secret --name {name}, or correct the name",
    )


def _parameter(source: SecretSource, account: Account, region: str) -> KnownSecret:
    assert source.parameter is not None
    name = source.parameter.removeprefix("/")
    arn = f"arn:{account.partition}:ssm:{region}:{account.account_id}:parameter/{name}"
    return KnownSecret(action="ssm:GetParameters", arn=arn, value_from=arn)
