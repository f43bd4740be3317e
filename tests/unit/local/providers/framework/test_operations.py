"""Create, read, update and delete against a service of this test's own, that fails when told to."""

from __future__ import annotations

from typing import Any

import pytest

from local.providers.framework import Context, Props, Provider, ResourceType
from local.providers.framework.errors import ProviderError
from local.providers.framework.operations import Operations, PartialFailure


class ServiceError(Exception):
    """As botocore's ClientError."""

    operation_name = "DoThing"

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {
            "Error": {"Code": code, "Message": "said so"},
            "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "r-1"},
        }


class Service:
    def __init__(self) -> None:
        self.things: dict[str, Props] = {}
        self.failures: list[Exception] = []

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def create(self, context: Context, inputs: Props) -> str:
        if inputs.get("refused"):
            raise ServiceError("Refused")
        self.things["t-1"] = dict(inputs)
        context.created("t-1")
        self._fail()
        return "t-1"

    def read(self, context: Context, thing_id: str, known: Props) -> Props | None:
        if thing_id not in self.things:
            raise ServiceError("ThingNotFoundException")
        return {"arn": f"arn:{thing_id}", "refused": None, **self.things[thing_id]}

    def update(self, context: Context, thing_id: str, old: Props, new: Props) -> None:
        self.things[thing_id]["size"] = new["size"]
        self._fail()

    def delete(self, context: Context, thing_id: str, state: Props) -> None:
        self._fail()
        if self.things.pop(thing_id, None) is None:
            raise ServiceError("ThingNotFoundException")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def kind(service: Service) -> ResourceType:
    return ResourceType(
        token="test:index/thing:Thing",
        label="Test Thing",
        inputs=frozenset({"size", "refused", "force"}),
        outputs=frozenset({"arn"}),
        defaults={"force": True},
        not_read=frozenset({"force"}),
        regional=False,
        create=service.create,
        read=service.read,
        update=service.update,
        delete=service.delete,
    )


@pytest.fixture
def operations(kind: ResourceType) -> Operations:
    provider = Provider(name="test", version="1.0.0", resources=(kind,), invokes=(), where="here", needs_aws=False)
    return Operations(provider, None)


def test_a_refused_creation_leaves_nothing(operations: Operations, kind: ResourceType) -> None:
    with pytest.raises(ProviderError) as caught:
        operations.create(kind, "a", {"size": 1, "refused": True})
    assert str(caught.value) == (
        "creating Test Thing (a): operation error Test: DoThing, https response error StatusCode: 400, "
        "RequestID: r-1, api error Refused: said so"
    )


def test_a_failure_after_creation_keeps_the_object(
    operations: Operations, kind: ResourceType, service: Service
) -> None:
    service.failures = [ServiceError("Late")]
    with pytest.raises(PartialFailure, match="api error Late") as caught:
        operations.create(kind, "a", {"size": 1})
    assert caught.value.resource.id == "t-1"
    assert caught.value.resource.state == {"size": 1, "arn": "arn:t-1", "id": "t-1"}


def test_a_failed_update_stores_what_was_read_back(
    operations: Operations, kind: ResourceType, service: Service
) -> None:
    made = operations.create(kind, "a", {"size": 1})
    service.failures = [ServiceError("Late")]
    with pytest.raises(PartialFailure, match=r"updating Test Thing \(t-1\): .*api error Late") as caught:
        operations.update(kind, "a", made.id, made.state, {"size": 2})
    assert caught.value.resource.state["size"] == 2


def test_what_is_gone_is_noticed_and_deleting_it_is_a_success(
    operations: Operations, kind: ResourceType, service: Service
) -> None:
    made = operations.create(kind, "a", {"size": 1})
    service.things.clear()
    assert operations.read(kind, "a", made.id, made.state, made.inputs) is None
    operations.delete(kind, "a", made.id, made.state)


def test_what_is_in_use_is_tried_again_until_the_deadline(
    operations: Operations, kind: ResourceType, service: Service
) -> None:
    made = operations.create(kind, "a", {"size": 1})
    service.failures = [ServiceError("DependencyViolation")] * 2
    operations.delete(kind, "a", made.id, made.state)
    assert service.things == {}

    made = operations.create(kind, "a", {"size": 1})
    service.failures = [ServiceError("DependencyViolation")] * 9
    with pytest.raises(ProviderError, match=r"deleting Test Thing \(t-1\): .*api error DependencyViolation"):
        operations.delete(kind, "a", made.id, made.state, timeout_s=0.01)


def test_refresh_finds_drift_and_import_finds_inputs(
    operations: Operations, kind: ResourceType, service: Service
) -> None:
    made = operations.create(kind, "a", {"size": 1, "force": True})
    service.things["t-1"]["size"] = 5
    refreshed = operations.read(kind, "a", made.id, made.state, made.inputs)
    assert refreshed is not None
    assert refreshed.inputs == {"size": 5, "force": True}
    imported = operations.read(kind, "a", "t-1", {}, {})
    assert imported is not None
    assert imported.inputs == {"__defaults": [], "size": 5, "force": True}


def test_waiting_ends_with_what_it_waited_for() -> None:
    answers: list[Any] = [None, None, "ready"]
    assert Context(None).wait("it", lambda: answers.pop(0), every_s=0.001) == "ready"
    with pytest.raises(ProviderError, match=r"timeout while waiting for it \(timeout: 0.01s\)"):
        Context(None, timeout_s=0.01).wait("it", lambda: None, every_s=0.001)
    cancelled = Context(None)
    cancelled.cancelled.set()
    with pytest.raises(ProviderError, match="cancelled while waiting for it"):
        cancelled.wait("it", lambda: None)
