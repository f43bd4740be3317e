"""The gRPC side: a provider plugin the Pulumi engine starts, asks and ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from local.providers.framework.check import DEFAULTS, NamingRequest, check
from local.providers.framework.configuration import Clients, Configuration
from local.providers.framework.errors import ProviderError, describe
from local.providers.framework.operations import Operations, PartialFailure
from local.providers.framework.plan import Plan, path_text
from local.providers.framework.resource_type import Provider, ResourceType
from local.providers.framework.values import Decoded, Path, Properties, decode, encode

_MODES: Final = {0: "propose", 1: "enforce", 2: "disable"}
_KINDS: Final = {"add": "ADD", "update": "UPDATE", "delete": "DELETE"}
_WORKERS: Final = 64
Reply = TypeVar("Reply")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates between the engine's messages and `Operations`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._operations = Operations(provider, None)
        self.ended = threading.Event()

    # the methods' names and parameters are the protocol's
    # ruff: noqa: ARG002

    # --- about the plugin ---

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        schema = {
            "name": self._provider.name,
            "version": self._provider.version,
            "resources": {
                kind.token: {"inputProperties": {}, "properties": {}, "requiredInputs": sorted(kind.required)}
                for kind in self._provider.resources
            },
            "functions": {invoke.token: {} for invoke in self._provider.invokes},
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Attach(self, request: Any, context: Any) -> Any:
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._operations.cancelled.set()
        return Empty()

    # --- configuration ---

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = decode(request.olds).values, decode(request.news).values
        differing = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        replaces = [key for key in differing if key == "region" and self._provider.needs_aws]
        some = provider_pb2.DiffResponse.DIFF_SOME if differing else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=differing, replaces=replaces)

    def Configure(self, request: Any, context: Any) -> Any:
        def configure() -> Any:
            clients = None
            if self._provider.ready is not None:
                self._provider.ready()
            if self._provider.needs_aws:
                given: Properties = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
                given |= decode(request.args).values
                clients = Clients(Configuration.read(given))
                clients.warm_up()
            self._operations = Operations(self._provider, clients)
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

        return self._answer(context, configure)

    # --- resources ---

    def Check(self, request: Any, context: Any) -> Any:
        kind = self._provider.types.get(_type_of(request.urn))
        if kind is None:
            failure = provider_pb2.CheckFailure(property="", reason=self._unknown_type(_type_of(request.urn)))
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        old, new = decode(request.olds), decode(request.news)
        naming = None
        if request.HasField("autonaming"):
            mode = _MODES.get(request.autonaming.mode, "propose")
            naming = NamingRequest(mode=mode, proposed=request.autonaming.proposed_name)  # type: ignore[arg-type]

        def checked() -> Any:
            clients = self._operations.clients
            result = check(
                kind,
                name=_name_of(request.urn),
                old=old.values,
                new=new.values,
                seed=bytes(request.randomSeed),
                naming=naming,
                configuration=clients.configuration if clients else None,
            )
            failures = [provider_pb2.CheckFailure(property="", reason=reason) for reason in result.failures]
            secrets = new.secrets | {path for path in old.secrets if path[0] in result.inputs[DEFAULTS]}
            return provider_pb2.CheckResponse(
                inputs=encode(result.inputs, _all_tags_too(kind, secrets)), failures=failures
            )

        return self._answer(context, checked)

    def Diff(self, request: Any, context: Any) -> Any:
        def diff() -> Any:
            kind = self._type(request.urn)
            new, defaulted = _inputs(decode(request.news).values)
            try:
                plan = Plan(
                    kind,
                    old=decode(request.olds).values,
                    new=new,
                    old_inputs=decode(request.old_inputs).values,
                    ignore=tuple(request.ignoreChanges),
                )
            except ProviderError as error:
                raise ProviderError(f"diffing {request.urn}: {error}") from error
            return _diff_response(kind, plan, defaulted)

        return self._answer(context, diff)

    def Create(self, request: Any, context: Any) -> Any:
        def create() -> Any:
            kind = self._type(request.urn)
            given = decode(request.properties)
            inputs, _ = _inputs(given.values)
            secrets = _secrets(kind, given)
            if request.preview:
                clients = self._operations.clients
                planned = Plan(kind, old=None, new=inputs).planned(clients.configuration.region if clients else None)
                return provider_pb2.CreateResponse(properties=encode(planned, secrets))
            try:
                made = self._operations.create(kind, _name_of(request.urn), inputs, timeout_s=request.timeout or None)
            except PartialFailure as failure:
                _abort_partly(context, failure, given, kind)
            return provider_pb2.CreateResponse(id=made.id, properties=encode(made.state, secrets))

        return self._answer(context, create)

    def Update(self, request: Any, context: Any) -> Any:
        def update() -> Any:
            kind = self._type(request.urn)
            given, old = decode(request.news), decode(request.olds)
            inputs, _ = _inputs(given.values)
            secrets = _secrets(kind, given)
            ignore = tuple(request.ignoreChanges)
            old_inputs = decode(request.old_inputs).values
            if request.preview:
                plan = Plan(kind, old=old.values, new=inputs, old_inputs=old_inputs, ignore=ignore)
                return provider_pb2.UpdateResponse(properties=encode(plan.planned(), secrets))
            try:
                state = self._operations.update(
                    kind,
                    _name_of(request.urn),
                    request.id,
                    old.values,
                    inputs,
                    old_inputs=old_inputs,
                    ignore=ignore,
                    timeout_s=request.timeout or None,
                )
            except PartialFailure as failure:
                _abort_partly(context, failure, given, kind)
            return provider_pb2.UpdateResponse(properties=encode(state, secrets))

        return self._answer(context, update)

    def Read(self, request: Any, context: Any) -> Any:
        def read() -> Any:
            kind = self._type(request.urn)
            state, inputs = decode(request.properties), decode(request.inputs)
            found = self._operations.read(kind, _name_of(request.urn), request.id, state.values, inputs.values)
            if found is None:
                return provider_pb2.ReadResponse()
            secrets = _secrets(kind, inputs) | state.secrets
            return provider_pb2.ReadResponse(
                id=found.id, properties=encode(found.state, secrets), inputs=encode(found.inputs, secrets)
            )

        return self._answer(context, read)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete() -> Any:
            kind = self._type(request.urn)
            state = decode(request.properties).values
            self._operations.delete(
                kind,
                _name_of(request.urn),
                request.id,
                state,
                old_inputs=decode(request.old_inputs).values,
                timeout_s=request.timeout or None,
            )
            return Empty()

        return self._answer(context, delete)

    def Invoke(self, request: Any, context: Any) -> Any:
        def invoke() -> Any:
            function = self._provider.functions.get(request.tok)
            if function is None:
                known = ", ".join(sorted(self._provider.functions))
                raise ProviderError(
                    f"function {request.tok} isn't one the local stand-in for the {self._provider.name} plugin knows; "
                    f"allowed: {known}; remedy: a stage with the official plugin, or add it to {self._provider.where}"
                )
            arguments = {key: value for key, value in decode(request.args).values.items() if value is not None}
            missing = [key for key in sorted(function.required) if key not in arguments]
            if missing:
                failures = [
                    provider_pb2.CheckFailure(property=key, reason=f"Missing required property '{key}'")
                    for key in missing
                ]
                return provider_pb2.InvokeResponse(failures=failures)
            try:
                results = function.call(self._operations.context(None, request.tok, arguments), arguments)
            except Exception as error:
                raise ProviderError(f"invoking {request.tok}: {describe(error, service=function.service)}") from error
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(encode(results, {(key,) for key in function.secret_results}))
            return response

        return self._answer(context, invoke)

    # --- helpers ---

    def _type(self, urn: str) -> ResourceType:
        kind = self._provider.types.get(_type_of(urn))
        if kind is None:
            raise ProviderError(self._unknown_type(_type_of(urn)))
        return kind

    def _unknown_type(self, token: str) -> str:
        return (
            f"resource type {token} isn't one the local stand-in for the {self._provider.name} plugin knows; remedy: "
            f"use it on a stage with the official plugin (`pulumi plugin install resource {self._provider.name}`), "
            f"or describe it in {self._provider.where}"
        )

    def _answer(self, context: Any, work: Callable[[], Reply]) -> Reply:
        try:
            return work()
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise  # abort raises; this tells the type checker
        except Exception as error:
            if context.code() is not None:  # aborted above
                raise
            context.abort(grpc.StatusCode.UNKNOWN, describe(error, service=self._provider.name))
            raise


def _type_of(urn: str) -> str:
    """The type token of a URN: `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def _name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


def _inputs(values: Properties) -> tuple[Properties, list[str]]:
    """Inputs without the framework's memory, and the names in that memory."""
    return {key: value for key, value in values.items() if key != DEFAULTS}, list(values.get(DEFAULTS) or ())


def _all_tags_too(kind: ResourceType, secrets: set[Path]) -> set[Path]:
    return secrets | {("tagsAll", *path[1:]) for path in secrets if path[0] == "tags" and kind.tags}


def _secrets(kind: ResourceType, given: Decoded) -> set[Path]:
    return _all_tags_too(kind, given.secrets) | {(name,) for name in kind.secret_outputs}


def _diff_response(kind: ResourceType, plan: Plan, defaulted: Iterable[str]) -> Any:
    changed = sorted(plan.changed)
    detailed: dict[str, Any] = {}
    replaces: set[str] = set()
    for change in plan.changes:
        name = _KINDS[change.kind] + ("_REPLACE" if change.replaces else "")
        detailed[path_text(change.path)] = provider_pb2.PropertyDiff(kind=getattr(provider_pb2.PropertyDiff, name))
        if change.replaces:
            replaces.add(str(change.path[0]))
    some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some,
        diffs=changed,
        replaces=sorted(replaces),
        stables=sorted({path for path in kind.every_replace if "." not in path} - plan.changed),
        deleteBeforeReplace=plan.deletes_first(defaulted),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _abort_partly(context: Any, failure: PartialFailure, given: Decoded, kind: ResourceType) -> NoReturn:
    """Ends the call with the detail that makes the engine keep the resource."""
    secrets = _secrets(kind, given)
    inputs: Struct = encode(given.values, given.secrets)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failure.resource.id,
        properties=encode(failure.resource.state, secrets),
        reasons=[failure.reason],
        inputs=inputs,
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=failure.reason)
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, failure.reason)
    raise failure  # abort raises; this tells the type checker


def start(provider: Provider) -> tuple[Any, int]:
    """A running server of this provider on a free port of 127.0.0.1, and the port."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="call"),
        options=[("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(provider: Provider) -> None:
    """A plugin's main: prints the port and serves until the engine says so, or is gone.

    The engine starts every plugin in a process group of its own, so Ctrl-C never reaches one: SIGINT is how the engine
    ends it, when all operations are through. A plugin that ignores it costs each command five seconds.
    """
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: ended.set())
    parent = os.getppid()
    server, port = start(provider)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent and not ended.wait(timeout=1.0):
        pass
    server.stop(grace=None)
    # calls still under way would keep the process: nobody is left to take their answers
    os._exit(0)
