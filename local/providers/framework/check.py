"""Check: defaults, automatic names, tags of the provider, and every mistake at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from local.providers.framework.configuration import Configuration
from local.providers.framework.errors import ProviderError
from local.providers.framework.resource_type import AutoName, ResourceType
from local.providers.framework.values import UNKNOWN, Properties, holds_unknown

DEFAULTS = "__defaults"
_SUFFIX_LENGTH = 7


@dataclass(frozen=True, kw_only=True)
class NamingRequest:
    """The project's `pulumi:autonaming`, as the engine worked it out for this resource."""

    mode: Literal["propose", "enforce", "disable"]
    proposed: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The inputs to keep, and what is wrong with them (one sentence each)."""

    inputs: Properties
    failures: list[str]


def check(
    resource: ResourceType,
    *,
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    seed: bytes,
    naming: NamingRequest | None = None,
    configuration: Configuration | None = None,
) -> Checked:
    """Inputs with defaults and names filled in. What was filled in is remembered in `__defaults` and stays the same."""
    problems: list[str] = []
    inputs: Properties = {}
    for key, value in new.items():
        if key == DEFAULTS or value is None:
            continue
        if key == "tagsAll" and resource.tags:
            problems.append(
                f"'tagsAll' is computed from tags and the provider's defaultTags: set tags. {_place(name, key)}"
            )
        elif key not in resource.every_input:
            problems.append(_unknown_property(resource, name, key))
        else:
            inputs[key] = _document(value) if key in resource.json or key in resource.policies else value

    remembered = set(old.get(DEFAULTS) or ())
    filled: set[str] = set()
    for key, default in resource.defaults.items():
        if key in inputs or _conflicts(resource, inputs, key):
            continue
        inputs[key] = old[key] if key in remembered and key in old else default
        filled.add(key)
    auto = resource.auto_name
    if auto is not None and auto.property not in inputs and not any(key in inputs for key in auto.unless):
        if auto.property in remembered and old.get(auto.property):
            inputs[auto.property] = old[auto.property]
            filled.add(auto.property)
        else:
            made = _automatic_name(auto, name, inputs, seed, naming)
            if isinstance(made, _Refused):
                problems.append(f"{made.reason}. {_place(name, auto.property)}")
            else:
                inputs[auto.property] = made
                filled.add(auto.property)
    if resource.tags:
        inputs["tagsAll"] = _all_tags(inputs.get("tags"), configuration)

    problems += _failures(resource, name, inputs)
    if resource.prepare is not None and not problems:
        try:
            inputs = resource.prepare(inputs, dict(old))
        except ProviderError as error:
            problems.append(f"{error}. Examine values at '{name}'.")
    inputs[DEFAULTS] = sorted(filled)
    return Checked(inputs=inputs, failures=problems)


def _place(name: str, path: str) -> str:
    return f"Examine values at '{name}.{path}'."


def _unknown_property(resource: ResourceType, name: str, key: str) -> str:
    allowed = ", ".join(sorted(resource.every_input - {"tagsAll"}))
    return (
        f"'{key}' isn't a property the local stand-in knows of {resource.token}; allowed: {allowed}; "
        f"remedy: leave it out, or use a stage with the official plugin. {_place(name, key)}"
    )


def _document(value: Any) -> Any:
    if isinstance(value, dict | list):
        return UNKNOWN if holds_unknown(value) else json.dumps(value, separators=(",", ":"))
    return value


def _conflicts(resource: ResourceType, inputs: Mapping[str, Any], key: str) -> bool:
    groups = (*resource.one_of, *resource.at_most_one_of)
    return any(key in group and any(other in inputs for other in group if other != key) for group in groups)


@dataclass(frozen=True)
class _Refused:
    reason: str


def _automatic_name(
    auto: AutoName, name: str, inputs: Mapping[str, Any], seed: bytes, naming: NamingRequest | None
) -> str | _Refused:
    if naming is not None and naming.mode == "disable":
        return _Refused(f"Missing required property '{auto.property}': automatic naming is disabled, set it explicitly")
    if naming is not None and naming.mode == "enforce":
        return naming.proposed
    suffix = auto.suffix(dict(inputs)) if auto.suffix else ""
    if naming is not None and naming.proposed:
        made = naming.proposed
    elif auto.random:
        made = f"{auto.prefix}{name}-{hashlib.sha256(seed + name.encode()).hexdigest()[:_SUFFIX_LENGTH]}"
    else:
        made = auto.prefix + name
    made = (made.lower() if auto.lower else made) + suffix
    if len(made) > auto.max_length:
        return _Refused(
            f"the automatic {auto.property} {made!r} has {len(made)} characters, allowed: at most {auto.max_length}; "
            "shorten the logical name or set it explicitly"
        )
    return made


def _all_tags(tags: Any, configuration: Configuration | None) -> Any:
    defaults = dict(configuration.default_tags) if configuration else {}
    if tags is UNKNOWN or holds_unknown(defaults) or holds_unknown(tags):
        return UNKNOWN
    merged = defaults | dict(tags or {})
    return {key: value for key, value in merged.items() if configuration is None or not configuration.ignores_tag(key)}


def _failures(resource: ResourceType, name: str, inputs: Mapping[str, Any]) -> list[str]:
    problems = [
        f"Missing required property '{key}'. {_place(name, key)}"
        for key in sorted(resource.required)
        if key not in inputs
    ]
    for group in resource.one_of:
        given = [key for key in group if key in inputs]
        if len(given) != 1:
            got = ", ".join(given) or "none"
            place = _place(name, given[-1] if given else group[0])
            problems.append(f"exactly one of {', '.join(group)} must be set, got {got}. {place}")
    for group in resource.at_most_one_of:
        given = [key for key in group if key in inputs]
        if len(given) > 1:
            problems.append(f"{', '.join(given)} conflict: set one of them. {_place(name, given[-1])}")
    for key, rule in resource.checks.items():
        value = inputs.get(key)
        if value is None or holds_unknown(value):
            continue
        reason = rule(value)
        if reason is not None:
            problems.append(f"{reason}. {_place(name, key)}")
    complete = all(key in inputs for key in resource.required)
    known = complete and not holds_unknown({key: inputs[key] for key in inputs if key != "tagsAll"})
    if resource.problems is not None and known:
        problems += [f"{reason}. Examine values at '{name}'." for reason in resource.problems(dict(inputs))]
    return problems
