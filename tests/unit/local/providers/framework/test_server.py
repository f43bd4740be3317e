"""The protocol over a real channel, and the end of a plugin whose engine has gone."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from local.home import REPOSITORY
from local.processes import wait_until
from local.providers.framework import Context, Invoke, Props, Provider, ProviderError, ResourceType
from local.providers.framework.server import start
from local.providers.framework.values import UNKNOWN, decode, encode

URN = "urn:pulumi:dev::project::test:index/thing:Thing::a"


def create(context: Context, inputs: Props) -> str:
    context.created("t-1")
    if inputs.get("size") == 2:
        raise ProviderError("the thing never became ready")
    return "t-1"


def read(context: Context, thing_id: str, known: Props) -> Props | None:
    return {"size": known.get("size", 0), "secret": "s"}


def delete(context: Context, thing_id: str, state: Props) -> None:
    pass


def twice(context: Context, arguments: Props) -> Props:
    return {"number": 2 * arguments["number"]}


PROVIDER = Provider(
    name="test",
    version="1.2.3",
    resources=(
        ResourceType(
            token="test:index/thing:Thing",
            label="Test Thing",
            inputs=frozenset({"size"}),
            required=frozenset({"size"}),
            outputs=frozenset({"secret"}),
            secret_outputs=frozenset({"secret"}),
            replace=frozenset({"size"}),
            regional=False,
            create=create,
            read=read,
            delete=delete,
        ),
    ),
    invokes=(Invoke(token="test:index/twice:twice", call=twice, required=frozenset({"number"})),),
    where="here",
    needs_aws=False,
)


@pytest.fixture(scope="module")
def stub() -> Iterator[Any]:
    server, port = start(PROVIDER)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(grace=None).wait(240)


def test_the_plugin_tells_what_it_can(stub: Any) -> None:
    handshake = stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="x"))
    assert handshake.accept_secrets
    assert handshake.supports_autonaming_configuration
    assert stub.GetPluginInfo(Empty()).version == "1.2.3"
    assert '"test:index/thing:Thing"' in stub.GetSchema(provider_pb2.GetSchemaRequest()).schema
    assert stub.Configure(provider_pb2.ConfigureRequest()).supportsPreview


def test_an_unknown_type_is_a_failure_with_the_remedy(stub: Any) -> None:
    request = provider_pb2.CheckRequest(urn="urn:pulumi:dev::p::test:index/other:Other::a")
    [failure] = stub.Check(request).failures
    assert failure.reason == (
        "resource type test:index/other:Other isn't one the local stand-in for the test plugin knows; remedy: "
        "use it on a stage with the official plugin (`pulumi plugin install resource test`), or describe it in here"
    )


def test_a_change_is_described_in_detail(stub: Any) -> None:
    request = provider_pb2.DiffRequest(id="t-1", urn=URN, olds=encode({"size": 1}), news=encode({"size": UNKNOWN}))
    diff = stub.Diff(request)
    assert list(diff.replaces) == ["size"]
    assert diff.detailedDiff["size"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME


def test_creation_previewed_and_done(stub: Any) -> None:
    preview = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=encode({"size": 1}), preview=True))
    assert preview.id == ""
    assert decode(preview.properties).values == {"size": 1, "secret": UNKNOWN}
    secret_input = encode({"size": 1, "__defaults": []}, {("size",)})
    made = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=secret_input))
    decoded = decode(made.properties)
    assert decoded.values == {"size": 1, "secret": "s", "id": "t-1"}
    assert decoded.secrets == {("size",), ("secret",)}


def test_a_partial_failure_carries_the_object(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn=URN, properties=encode({"size": 2})))
    error: Any = caught.value
    assert error.details() == "creating Test Thing (a): the thing never became ready"
    [packed] = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    status = status_pb2.Status.FromString(packed)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == "t-1"
    assert list(detail.reasons) == [error.details()]
    assert decode(detail.properties).values["size"] == 2


def test_functions_answer_or_say_what_is_missing(stub: Any) -> None:
    answer = stub.Invoke(provider_pb2.InvokeRequest(tok="test:index/twice:twice", args=encode({"number": 21})))
    assert decode(getattr(answer, "return")).values == {"number": 42}
    missing = stub.Invoke(provider_pb2.InvokeRequest(tok="test:index/twice:twice"))
    assert [failure.property for failure in missing.failures] == ["number"]
    with pytest.raises(grpc.RpcError, match="function test:index/none:none isn't one the local stand-in"):
        stub.Invoke(provider_pb2.InvokeRequest(tok="test:index/none:none"))


def test_a_plugin_ends_when_its_engine_has_gone() -> None:
    engine = """
import subprocess, sys
plugin = subprocess.Popen([sys.executable, "-m", "local.providers.docker"], stdout=subprocess.PIPE, text=True)
print(plugin.stdout.readline(), flush=True)
"""
    started = subprocess.run(
        [sys.executable, "-c", engine], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True
    )
    port = int(started.stdout)
    assert wait_until(lambda: not _answers(port), timeout_s=240), f"the plugin on port {port} goes on without an engine"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
