"""Small things every service needs: absent objects, tags, text that holds JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from local.providers.framework.errors import code_of

Answer = TypeVar("Answer")


def found_or_none(call: Callable[[], Answer], *absent_codes: str) -> Answer | None:
    """What `call` answers, or None when it fails with one of `absent_codes`: the object isn't there (any more)."""
    try:
        return call()
    except Exception as error:
        if code_of(error) in absent_codes:
            return None
        raise


def tag_list(tags: Mapping[str, str] | None, *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as the list of pairs most services take."""
    return [{key: name, value: text} for name, text in (tags or {}).items()]


def tag_map(tags: Iterable[Mapping[str, str]] | None, *, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """The list of pairs most services answer, as a mapping."""
    return {tag[key]: tag.get(value, "") for tag in tags or ()}


def retag(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    add: Callable[[dict[str, str]], object],
    remove: Callable[[list[str]], object],
) -> None:
    """Bring the tags from `old["tagsAll"]` to `new["tagsAll"]` with the service's two calls, where they are needed."""
    before: Mapping[str, str] = old.get("tagsAll") or {}
    after: Mapping[str, str] = new.get("tagsAll") or {}
    gone = sorted(set(before) - set(after))
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    if gone:
        remove(gone)
    if changed:
        add(changed)


def json_text(value: Any) -> str:
    """JSON text of a document given as text or as an object."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def sorted_json(text: str) -> str:
    """The same document with its keys sorted and no spaces; text that isn't JSON stays as it is."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return text


def changed(old: Mapping[str, Any], new: Mapping[str, Any], *keys: str) -> bool:
    """Whether any of these properties differs."""
    return any(old.get(key) != new.get(key) for key in keys)


def as_block(value: Any) -> Mapping[str, Any]:
    """A nested block, {} where it is unset or not yet known."""
    return value if isinstance(value, Mapping) else {}


def rfc3339(moment: Any) -> str:
    """A service's time (datetime, or text already) as `2026-01-31T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(moment, datetime) else str(moment)
