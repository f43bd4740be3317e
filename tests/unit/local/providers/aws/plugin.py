"""The aws stand-in's own protocol methods, in process: what the engine calls, without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.proto.provider_pb2 import DiffResponse

from local.providers.aws.provider import PROVIDER
from local.providers.framework.server import Servicer
from local.providers.framework.values import decode, encode

Values = dict[str, Any]


class Refused(Exception):
    """The plugin ended a call with an error."""


class CheckFailed(Exception):
    """Check found mistakes in the inputs."""


class _Call:
    """The part of a gRPC context the plugin uses."""

    def __init__(self) -> None:
        self.trailers: Any = None
        self._code: Any = None

    def abort(self, code: Any, details: str) -> None:
        self._code = code
        raise Refused(details)

    def code(self) -> Any:
        return self._code

    def set_trailing_metadata(self, trailers: Any) -> None:
        self.trailers = trailers


class Plugin:
    """One configured plugin."""

    def __init__(self, *, default_tags: Mapping[str, str] | None = None) -> None:
        """The emulator is the one AWS_ENDPOINT_URL names."""
        self._servicer = Servicer(PROVIDER)
        arguments: Values = {"region": "us-east-1"}
        if default_tags:
            arguments["defaultTags"] = {"tags": dict(default_tags)}
        self._servicer.Configure(provider_pb2.ConfigureRequest(args=encode(arguments)), _Call())

    def check(self, token: str, name: str, inputs: Values, old: Values | None = None) -> Values:
        """The inputs as the plugin keeps them."""
        request = provider_pb2.CheckRequest(
            urn=_urn(token, name), olds=encode(old or {}), news=encode(inputs), randomSeed=b"0123456789abcdef"
        )
        answer = self._servicer.Check(request, _Call())
        if answer.failures:
            raise CheckFailed("\n".join(failure.reason for failure in answer.failures))
        return decode(answer.inputs).values

    def create(
        self, token: str, name: str, inputs: Values, *, preview: bool = False, timeout_s: float = 0
    ) -> tuple[str, Values]:
        """The id and the state."""
        request = provider_pb2.CreateRequest(
            urn=_urn(token, name), properties=encode(inputs), preview=preview, timeout=timeout_s
        )
        answer = self._servicer.Create(request, _Call())
        return answer.id, decode(answer.properties).values

    def diff(
        self, token: str, name: str, resource_id: str, state: Values, inputs: Values, old_inputs: Values
    ) -> DiffResponse:
        request = provider_pb2.DiffRequest(
            id=resource_id,
            urn=_urn(token, name),
            olds=encode(state),
            news=encode(inputs),
            old_inputs=encode(old_inputs),
        )
        answer: DiffResponse = self._servicer.Diff(request, _Call())
        return answer

    def update(
        self,
        token: str,
        name: str,
        resource_id: str,
        state: Values,
        inputs: Values,
        old_inputs: Values,
        *,
        preview: bool = False,
    ) -> Values:
        """The new state."""
        request = provider_pb2.UpdateRequest(
            id=resource_id,
            urn=_urn(token, name),
            olds=encode(state),
            news=encode(inputs),
            old_inputs=encode(old_inputs),
            preview=preview,
        )
        return decode(self._servicer.Update(request, _Call()).properties).values

    def read(
        self, token: str, name: str, resource_id: str, state: Values | None = None, inputs: Values | None = None
    ) -> tuple[str, Values, Values] | None:
        """The id, the state and the inputs as they are now; None when it is gone. Without a state: an import."""
        request = provider_pb2.ReadRequest(
            id=resource_id, urn=_urn(token, name), properties=encode(state or {}), inputs=encode(inputs or {})
        )
        answer = self._servicer.Read(request, _Call())
        if not answer.id:
            return None
        return answer.id, decode(answer.properties).values, decode(answer.inputs).values

    def delete(self, token: str, name: str, resource_id: str, state: Values, *, timeout_s: float = 0) -> None:
        request = provider_pb2.DeleteRequest(
            id=resource_id, urn=_urn(token, name), properties=encode(state), timeout=timeout_s
        )
        self._servicer.Delete(request, _Call())

    def invoke(self, token: str, arguments: Values) -> Values:
        answer = self._servicer.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)), _Call())
        if answer.failures:
            raise CheckFailed("\n".join(f"{failure.property}: {failure.reason}" for failure in answer.failures))
        return decode(getattr(answer, "return")).values


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::batchyard::{token}::{name}"
