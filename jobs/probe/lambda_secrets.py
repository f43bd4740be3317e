"""A job's secrets on Lambda, where no agent reads them: the runtime does, as the job's role, before each run.

Values go into the job's environment and nowhere else. Python 3.9 and nothing else.
"""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Mapping
from typing import Any

from jobs import conventions
from jobs.probe.array_line import UNAVAILABLE, Refused, ask

_JSON = "application/x-amz-json-1.1"


def values(environ: Mapping[str, str]) -> dict[str, str]:
    """Variable → value, for each that `BATCHYARD_SECRETS` names: JSON, variable → ARN of a parameter, or of a secret
    and behind it `:<key>::` of its JSON object. Raises Refused naming the variable, with Batch's words."""
    found = {}
    for variable, source in sorted(json.loads(environ.get(conventions.ENV_SECRETS) or "{}").items()):
        try:
            found[variable] = _value(source, environ)
        except urllib.error.HTTPError as error:
            raise _unreadable(variable, source, f"{error.code} {_said(error)}") from None
        except (Refused, LookupError, TypeError, ValueError) as error:
            raise _unreadable(variable, source, str(error) or type(error).__name__) from None
    return found


def _value(source: str, environ: Mapping[str, str]) -> str:
    parts = source.split(":")
    if parts[2] == "ssm":
        path = source.partition(":parameter/")[2]
        # the ARN of a parameter outside of any path has a slash that its name hasn't
        name = f"/{path}" if "/" in path else path
        found = _ask("ssm", "AmazonSSM.GetParameters", {"Names": [name], "WithDecryption": True}, environ)["Parameters"]
        if not found:
            raise LookupError("the parameter store has no such parameter")
        return str(found[0]["Value"])
    text = _ask("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": ":".join(parts[:7])}, environ).get(
        "SecretString"
    )
    if not isinstance(text, str):
        raise ValueError("the secret is bytes; a variable holds text")
    if len(parts) == 7:
        return text
    try:
        held = json.loads(text)
    except ValueError:
        # its own words would quote the secret
        raise ValueError(f"the secret is no JSON object, so it has no key {parts[7]}") from None
    if not isinstance(held, dict) or parts[7] not in held:
        raise LookupError(f"the secret has no key {parts[7]}")
    value = held[parts[7]]
    return value if isinstance(value, str) else json.dumps(value)


def _ask(service: str, target: str, request: object, environ: Mapping[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": _JSON, "X-Amz-Target": target}
    answer, _ = ask("POST", service, "/", body=json.dumps(request).encode(), headers=headers, environ=environ)
    told = json.loads(answer)
    if not isinstance(told, dict):
        raise ValueError(f"{service} answered no object")
    return told


def _said(error: urllib.error.HTTPError) -> str:
    try:
        told = json.loads(error.read())
        return f"{str(told.get('__type', '')).rpartition('#')[2]}: {told.get('message', told.get('Message', ''))}"
    except (ValueError, AttributeError):
        return str(error.reason)


def _unreadable(variable: str, source: str, why: str) -> Refused:
    return Refused(f"{conventions.SECRETS_UNREADABLE}: {variable} from {source}: {why}", UNAVAILABLE)
