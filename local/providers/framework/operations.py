"""Create, read, update and delete of one resource: the order of things, merging, retries and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.providers.framework.check import DEFAULTS
from local.providers.framework.compare import Comparison, is_empty, pattern_of
from local.providers.framework.configuration import Clients
from local.providers.framework.context import Context
from local.providers.framework.errors import ProviderError, describe, is_busy, is_gone
from local.providers.framework.plan import Plan
from local.providers.framework.resource_type import Provider, ResourceType
from local.providers.framework.values import Path, Properties


@dataclass(frozen=True, kw_only=True)
class Resource:
    """An object as the engine keeps it: its id, its state, and the inputs that ask for it."""

    id: str
    state: Properties
    inputs: Properties


class PartialFailure(Exception):
    """The object exists, but something after its creation (or within its update) failed: it stays in the state."""

    def __init__(self, resource: Resource, reason: str) -> None:
        super().__init__(reason)
        self.resource = resource
        self.reason = reason


class Operations:
    """The operations of one configured provider; all methods may be called from several threads."""

    def __init__(self, provider: Provider, clients: Clients | None) -> None:
        self.provider = provider
        self.clients = clients
        self.cancelled = threading.Event()

    def context(self, resource: ResourceType | None, name: str, values: Mapping[str, Any], **more: Any) -> Context:
        """A context in the region `values` names, or the provider's."""
        region = values.get("region") if resource is None or resource.regional else None
        region = region if isinstance(region, str) and region else None
        return Context(self.clients, name=name, region=region, cancelled=self.cancelled, **more)

    def create(
        self, resource: ResourceType, name: str, inputs: Properties, *, timeout_s: float | None = None
    ) -> Resource:
        """Errors: ProviderError when nothing was made, PartialFailure when the object exists."""
        Plan(resource, old=None, new=inputs)
        context = self.context(resource, name, inputs, timeout_s=timeout_s)
        doing = f"creating {resource.label} ({_shown(resource, name, inputs)})"
        resource_id: str | None = None
        try:
            resource_id = resource.create(context, dict(inputs))
            return self._settled(resource, context, resource_id, inputs, inputs)
        except Exception as error:
            reason = f"{doing}: {describe(error, service=resource.service)}"
            made = resource_id or context.created_id
            if made is None or not resource.keeps_object_on_failure:
                raise ProviderError(reason) from error
            state = self._as_far_as_known(resource, context, made, inputs)
            raise PartialFailure(Resource(id=made, state=state, inputs=inputs), reason) from error

    def update(
        self,
        resource: ResourceType,
        name: str,
        resource_id: str,
        old: Properties,
        inputs: Properties,
        *,
        old_inputs: Properties | None = None,
        ignore: tuple[str, ...] = (),
        timeout_s: float | None = None,
    ) -> Properties:
        """The new state. Errors: PartialFailure, with what could be read back."""
        plan = Plan(resource, old=old, new=inputs, old_inputs=old_inputs, ignore=ignore)
        context = self.context(resource, name, old, timeout_s=timeout_s, changed=plan.changed, old_inputs=old_inputs)
        own_id = str(old.get("id") or resource_id)
        wanted = plan.kept()
        try:
            if resource.update is None and plan.changed:
                raise ProviderError(f"{', '.join(sorted(plan.changed))} can't change in place; replace the resource")
            if resource.update is not None:
                resource.update(context, own_id, dict(old), dict(inputs))
            own_id = context.created_id or own_id
            return self._settled(resource, context, own_id, wanted, inputs).state
        except Exception as error:
            reason = f"updating {resource.label} ({own_id}): {describe(error, service=resource.service)}"
            state = self._as_far_as_known(resource, context, own_id, old)
            raise PartialFailure(Resource(id=resource_id, state=state, inputs=inputs), reason) from error

    def read(
        self, resource: ResourceType, name: str, resource_id: str, state: Properties, inputs: Properties
    ) -> Resource | None:
        """The object as it is now, None when it is gone. Without a state this is an import by id."""
        importing = not state
        known: Properties = dict(state)
        region: dict[str, str] = {}
        if importing and resource.regional and "@" in resource_id:
            head, _, tail = resource_id.rpartition("@")
            if tail.count("-") >= 2 and head:
                resource_id, region = head, {"region": tail}
        context = self.context(resource, name, region or known)
        if importing:
            known = {**{key: value for key, value in resource.defaults.items() if key in resource.not_read}, **region}
            if resource.import_id is not None:
                resource_id, more = resource.import_id(context, resource_id)
                known |= more
        own_id = str(known.get("id") or resource_id)
        try:
            found = resource.read(context, own_id, dict(known))
        except Exception as error:
            if is_gone(error):
                return None
            raise ProviderError(
                f"reading {resource.label} ({own_id}): {describe(error, service=resource.service)}"
            ) from error
        if found is None:
            return None
        now = self._merged(
            resource, context, own_id, known, found, tags_asked=None if importing else inputs.get("tags")
        )
        new_inputs = imported_inputs(resource, now) if importing else refreshed_inputs(resource, inputs, now)
        return Resource(id=str(now["id"]), state=now, inputs=new_inputs)

    def delete(
        self,
        resource: ResourceType,
        name: str,
        resource_id: str,
        state: Properties,
        *,
        old_inputs: Properties | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Missing is a success; what others still use is tried again until the deadline. Errors: ProviderError."""
        context = self.context(resource, name, state, timeout_s=timeout_s, old_inputs=old_inputs)
        own_id = str(state.get("id") or resource_id)
        deadline = time.monotonic() + (timeout_s or resource.delete_timeout_s)
        pause_s = 0.1
        while True:
            try:
                resource.delete(context, own_id, dict(state))
                return
            except Exception as error:
                if is_gone(error):
                    return
                again = is_busy(error, resource.busy_codes) and time.monotonic() < deadline
                if not again or self.cancelled.wait(pause_s):
                    reason = describe(error, service=resource.service)
                    raise ProviderError(f"deleting {resource.label} ({own_id}): {reason}") from error
            pause_s = min(pause_s * 2, 2.0)

    # --- merging ---

    def _settled(
        self, resource: ResourceType, context: Context, own_id: str, wanted: Properties, inputs: Properties
    ) -> Resource:
        found = resource.read(context, own_id, {**wanted, "id": own_id})
        if found is None:
            raise ProviderError(f"couldn't find {resource.label} ({own_id}) after the change")
        state = self._merged(resource, context, own_id, wanted, found, tags_asked=inputs.get("tags"))
        return Resource(id=str(state["id"]), state=state, inputs=inputs)

    def _merged(
        self,
        resource: ResourceType,
        context: Context,
        own_id: str,
        known: Properties,
        found: Properties,
        *,
        tags_asked: Any,
    ) -> Properties:
        read = dict(found)
        if resource.regional:
            read.setdefault("region", context.region)
        if resource.tags:
            read["tagsAll"] = self._own_tags(read.get("tagsAll") or {})
            asked = tags_asked if isinstance(tags_asked, Mapping) else {}
            defaults = context.default_tags
            read["tags"] = {
                key: value for key, value in read["tagsAll"].items() if key in asked or defaults.get(key) != value
            }
        state = Comparison(resource).settle({key: value for key, value in known.items() if key != DEFAULTS}, read)
        state["id"] = str(found.get("id") or own_id)
        return state

    def _own_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        configuration = self.clients.configuration if self.clients else None
        return {
            key: value
            for key, value in tags.items()
            if not key.startswith("aws:") and (configuration is None or not configuration.ignores_tag(key))
        }

    def _as_far_as_known(self, resource: ResourceType, context: Context, own_id: str, known: Properties) -> Properties:
        try:
            return self._settled(resource, context, own_id, known, known).state
        except Exception:
            return {**{key: value for key, value in known.items() if key != DEFAULTS}, "id": own_id}


def _shown(resource: ResourceType, name: str, inputs: Mapping[str, Any]) -> str:
    """The name an error shows: the object's own where it has one, else the logical one."""
    own = inputs.get(resource.auto_name.property) if resource.auto_name else None
    return str(own or name)


def refreshed_inputs(resource: ResourceType, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> Properties:
    """The inputs that would have asked for this state: each property that was asked for, as it is now.

    What check filled in stays what it was: a default that was changed by hand is a difference, not a new default.
    """
    filled = set(inputs.get(DEFAULTS) or ())
    now: Properties = {}
    for key, asked in inputs.items():
        if key == DEFAULTS or key in filled:
            now[key] = asked
        elif key in state:
            now[key] = _restricted(resource, (key,), asked, state[key])
    return now


def _restricted(resource: ResourceType, path: Path, asked: Any, found: Any) -> Any:
    """What was found, without the keys of blocks nobody asked for."""
    if Comparison(resource).equivalent(path, found, asked):
        return asked
    if isinstance(asked, Mapping) and isinstance(found, Mapping) and pattern_of(path) not in resource.every_map:
        return {key: _restricted(resource, (*path, key), asked[key], found[key]) for key in asked if key in found}
    if isinstance(asked, list) and isinstance(found, list) and pattern_of(path) not in resource.sets:
        return [
            _restricted(resource, (*path, index), asked[index], value) if index < len(asked) else value
            for index, value in enumerate(found)
        ]
    return found


def imported_inputs(resource: ResourceType, state: Mapping[str, Any]) -> Properties:
    """Inputs for an object that was never asked for: what is set and isn't the service's own choice."""
    inputs: Properties = {DEFAULTS: []}
    for key in sorted(resource.every_input - resource.every_computed - {"tagsAll"}):
        value = _without_computed(resource, key, state.get(key))
        if not is_empty(value) or (key in resource.required and value is not None):
            inputs[key] = value
    if resource.tags:
        inputs["tagsAll"] = state.get("tagsAll", {})
    return inputs


def _without_computed(resource: ResourceType, pattern: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_computed(resource, f"{pattern}.{key}", item)
            for key, item in value.items()
            if f"{pattern}.{key}" not in resource.computed and (not is_empty(item) or pattern in resource.every_map)
        }
    if isinstance(value, list):
        return [_without_computed(resource, pattern, item) for item in value]
    return value
