"""A stand-in driven as the engine drives it, against moto's server: check, plan, create, read, update, delete."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.providers.framework.check import DEFAULTS, check
from local.providers.framework.configuration import Clients, Configuration
from local.providers.framework.operations import Operations, Resource
from local.providers.framework.plan import Plan, path_text
from local.providers.framework.resource_type import Provider, ResourceType


@dataclass(kw_only=True)
class StandIn:
    """Every step of one provider; `seed` stands for the engine's random one."""

    provider: Provider
    clients: Clients
    seed: bytes = b"seed"
    operations: Operations = field(init=False)

    def __post_init__(self) -> None:
        self.operations = Operations(self.provider, self.clients)

    def type(self, token: str) -> ResourceType:
        return self.provider.types[token]

    def check(self, token: str, new: dict[str, Any], *, old: dict[str, Any] | None = None, name: str = "thing") -> Any:
        return check(
            self.type(token),
            name=name,
            old=old or {},
            new=new,
            seed=self.seed,
            configuration=self.clients.configuration,
        )

    def create(self, token: str, *, called: str = "thing", **inputs: Any) -> Resource:
        """A created resource whose second plan finds nothing to change, and whose read finds it unchanged."""
        checked = self.check(token, inputs, name=called)
        assert checked.failures == []
        made = self.operations.create(self.type(token), called, without_memory(checked.inputs))
        made = Resource(id=made.id, state=made.state, inputs=checked.inputs)
        assert self.differences(token, made, **inputs) == {}
        again = self.operations.read(self.type(token), called, made.id, made.state, made.inputs)
        assert again is not None
        assert again.state == made.state
        assert again.inputs == made.inputs
        return made

    def plan(self, token: str, made: Resource, *, called: str = "thing", **inputs: Any) -> Plan:
        checked = self.check(token, inputs, old=made.inputs, name=called)
        assert checked.failures == []
        old_inputs = without_memory(made.inputs)
        return Plan(self.type(token), old=made.state, new=without_memory(checked.inputs), old_inputs=old_inputs)

    def differences(self, token: str, made: Resource, **inputs: Any) -> dict[str, str]:
        """Path → add, update or delete, with "+replace" where it replaces; without tagsAll, which follows tags."""
        changes = self.plan(token, made, **inputs).changes
        return {
            path_text(change.path): change.kind + ("+replace" if change.replaces else "")
            for change in changes
            if change.path[0] != "tagsAll"
        }

    def update(self, token: str, made: Resource, *, called: str = "thing", **inputs: Any) -> Resource:
        """The resource after an update in place; its next plan finds nothing to change."""
        checked = self.check(token, inputs, old=made.inputs, name=called)
        assert checked.failures == []
        plan = self.plan(token, made, called=called, **inputs)
        assert plan.changes
        assert not plan.replaces
        new = without_memory(checked.inputs)
        old_inputs = without_memory(made.inputs)
        state = self.operations.update(self.type(token), called, made.id, made.state, new, old_inputs=old_inputs)
        changed = Resource(id=made.id, state=state, inputs=checked.inputs)
        assert self.differences(token, changed, **inputs) == {}
        return changed

    def read(self, token: str, made: Resource) -> Resource | None:
        return self.operations.read(self.type(token), "thing", made.id, made.state, made.inputs)

    def import_(self, token: str, resource_id: str) -> Resource | None:
        return self.operations.read(self.type(token), "thing", resource_id, {}, {})

    def delete(self, token: str, made: Resource, *, timeout_s: float | None = None) -> None:
        """Deletes; a second deletion of the same is a success, and a read finds it gone. A refusal is shown after the
        timeout, by default the resource type's own."""
        for _ in range(2):
            self.operations.delete(
                self.type(token), "thing", made.id, made.state, old_inputs=made.inputs, timeout_s=timeout_s
            )
        assert self.read(token, made) is None


def without_memory(inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key != DEFAULTS}


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def moto_clients(moto_endpoint: str) -> Clients:
    return Clients(Configuration(region="us-east-1", endpoint=moto_endpoint))


@pytest.fixture
def stand_in(moto_endpoint: str, moto_clients: Clients) -> StandIn:
    """The aws stand-in on an empty account."""
    from local.providers.aws.provider import PROVIDER

    request = urllib.request.Request(f"{moto_endpoint}/moto-api/reset", method="POST", data=b"")
    urllib.request.urlopen(request, timeout=240).close()
    return StandIn(provider=PROVIDER, clients=moto_clients)
