"""`iam.getPolicyDocument`: a policy's JSON from typed statements, as the official plugin writes it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from local.providers.framework import Context, Props, ProviderError

_VERSION: Final = "2012-10-17"


def policy_document(context: Context, arguments: Props) -> Props:
    """`json` (2 spaces), `minifiedJson`, and `id`, which is a hash of `json`."""
    merged: dict[str, Any] = {"Version": arguments.get("version") or _VERSION}
    if arguments.get("policyId"):
        merged["Id"] = arguments["policyId"]
    sources = [json.loads(text) for text in arguments.get("sourcePolicyDocuments") or () if text]
    overrides = [json.loads(text) for text in arguments.get("overridePolicyDocuments") or () if text]
    own = [_statement(statement) for statement in arguments.get("statements") or ()]
    statements: list[dict[str, Any]] = []
    for document in sources:
        _join(statements, _listed(document.get("Statement")), replace=False)
    _join(statements, own, replace=True)
    for document in overrides:
        _join(statements, _listed(document.get("Statement")), replace=True)
    merged["Statement"] = statements
    text = json.dumps(merged, indent=2)
    return {
        **arguments,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(merged, separators=(",", ":")),
        "statements": arguments.get("statements") or [],
        "version": merged["Version"],
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _join(statements: list[dict[str, Any]], more: list[dict[str, Any]], *, replace: bool) -> None:
    """Add statements; one whose Sid is there already takes its place, or is a mistake among sources."""
    for statement in more:
        sid = statement.get("Sid")
        place = next((index for index, other in enumerate(statements) if sid and other.get("Sid") == sid), None)
        if place is None:
            statements.append(statement)
        elif replace:
            statements[place] = statement
        else:
            raise ProviderError(f"duplicate Sid ({sid}) in source policy documents; allowed: each Sid once")


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    for key, name in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if given.get(key):
            statement[name] = _short(given[key])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(key):
            statement[name] = _principals(given[key])
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"])
    return statement


def _short(values: list[str]) -> str | list[str]:
    """One value as itself, several in descending order."""
    return values[0] if len(values) == 1 else sorted(set(values), reverse=True)


def _principals(given: list[Mapping[str, Any]]) -> Any:
    gathered: dict[str, list[str]] = {}
    for principal in given:
        gathered.setdefault(principal["type"], []).extend(principal["identifiers"])
    if gathered == {"*": ["*"]}:
        return "*"
    return {kind: _short(identifiers) for kind, identifiers in gathered.items()}


def _conditions(given: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    gathered: dict[str, dict[str, Any]] = {}
    for condition in given:
        values = list(condition["values"])
        known = gathered.setdefault(condition["test"], {}).get(condition["variable"])
        values = _listed(known) + values
        gathered[condition["test"]][condition["variable"]] = values[0] if len(values) == 1 else values
    return {test: dict(sorted(variables.items())) for test, variables in sorted(gathered.items())}
