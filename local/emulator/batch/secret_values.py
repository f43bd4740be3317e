"""Secrets of a job definition, read as the ECS agent reads them before a container starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs import conventions


class SecretUnreadable(Exception):
    """A secret can't be read; on AWS the task doesn't start."""


Refusal = Callable[[str, str], str | None]
"""(action, ARN) → why the execution role may not; None if it may."""


def read_secrets(client_of: Callable[[str], Any], secrets: Mapping[str, str], refusal: Refusal) -> dict[str, str]:
    """Environment variable → value of its `valueFrom`: a parameter's name or ARN, or a secret's ARN.

    A secret's ARN may go on with `:<json key>:<stage>:<version>`. Raises SecretUnreadable naming the variable.
    """
    values: dict[str, str] = {}
    for name, source in secrets.items():
        try:
            values[name] = _read(client_of, source, refusal)
        except (ClientError, BotoCoreError, KeyError, ValueError, PermissionError) as error:
            raise SecretUnreadable(f"{conventions.SECRETS_UNREADABLE}: {name} from {source}: {error}") from error
    return values


def _read(client_of: Callable[[str], Any], source: str, refusal: Refusal) -> str:
    if not source.startswith("arn:") or source.split(":")[2] == "ssm":
        name = source.partition(":parameter")[2] if source.startswith("arn:") else source
        # an ARN of a parameter outside any path has a slash the name hasn't
        name = name if name.count("/") > 1 or not source.startswith("arn:") else name.lstrip("/")
        parameter = client_of("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        _require("ssm:GetParameters", str(parameter["ARN"]), refusal)
        return str(parameter["Value"])
    parts = source.split(":")
    _require("secretsmanager:GetSecretValue", ":".join(parts[:7]), refusal)
    key, stage, version = ([*parts[7:], "", "", ""])[:3]
    arguments = {"SecretId": ":".join(parts[:7]), "VersionStage": stage, "VersionId": version}
    answer = client_of("secretsmanager").get_secret_value(**{k: v for k, v in arguments.items() if v})
    text = str(answer["SecretString"])
    return str(json.loads(text)[key]) if key else text


def _require(action: str, arn: str, refusal: Refusal) -> None:
    said = refusal(action, arn)
    if said is not None:
        raise PermissionError(said)
