"""moto's Lambda with what it leaves out of functions made of images, and with AWS's checks of their roles."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from moto.awslambda.models import EventInvokeConfig, ImageConfig, LambdaBackend, LambdaFunction
from moto.core.exceptions import JsonRESTError

from local.emulator.functions.function import Function
from local.emulator.permissions import role_refusal

PRINCIPAL = "lambda.amazonaws.com"
MAX_ASYNC_BYTES = 1024 * 1024
_NO_CODE = ("ImageUri", "Architectures")


class Starts(Protocol):
    def start(self, lookup: Callable[[], Function | None], payload: str) -> str:
        """Takes an event; its request id."""


class EmulatedFunction(LambdaFunction):
    """Keeps the settings that moto forgets, under the names of the API."""

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        _check(spec)
        super().__init__(account_id, spec, region, version)
        self.dead_letter_config = spec.get("DeadLetterConfig") or {}
        self.logging_config = spec.get("LoggingConfig") or {}
        self.revision_id = str(uuid.uuid4())

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        known: dict[str, Any] = super().get_configuration(on_create)
        group = self.logging_config.get("LogGroup") or f"/aws/lambda/{self.function_name}"
        known["LoggingConfig"] = {"LogFormat": "Text", **self.logging_config, "LogGroup": group}
        known["RevisionId"] = self.revision_id
        known["LastUpdateStatus"] = "Successful"
        if self.dead_letter_config.get("TargetArn"):
            known["DeadLetterConfig"] = self.dead_letter_config
        _, _, digest = str(self.code.get("ImageUri", "")).partition("@sha256:")
        if digest:
            known["CodeSha256"] = digest
        return known

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        _check({"Role": self.role, "DeadLetterConfig": self.dead_letter_config, **config_updates})
        super().update_configuration({k: v for k, v in config_updates.items() if k != "Environment"})
        if "Environment" in config_updates:
            self.environment_vars = config_updates["Environment"].get("Variables") or {}
        if "ImageConfig" in config_updates:
            self.image_config = ImageConfig(config_updates["ImageConfig"])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        self.dead_letter_config = config_updates.get("DeadLetterConfig", self.dead_letter_config)
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config)
        self.revision_id = str(uuid.uuid4())
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        super().update_function_code(updated_spec)
        self.architectures = updated_spec.get("Architectures") or self.architectures
        self.revision_id = str(uuid.uuid4())
        return self.get_configuration()

    def as_it_is(self) -> Function:
        """What an event is tried with."""
        told: dict[str, Any] = self.event_invoke_config[0].config if self.event_invoke_config else {}
        configuration = self.get_configuration()
        destinations = {
            end: one["Destination"]
            for end, one in (told.get("DestinationConfig") or {}).items()
            if one.get("Destination")
        }
        return Function(
            name=self.function_name,
            arn=self.function_arn,
            revision=self.revision_id,
            image=str(self.code.get("ImageUri", "")),
            command=tuple(self.image_config.cmd or ()),
            environment=dict(self.environment_vars),
            memory_mib=int(self.memory_size),
            timeout_s=int(self.timeout),
            role=self.role,
            architecture=self.architectures[0],
            log_group=configuration["LoggingConfig"]["LogGroup"],
            tags=dict(self.tags),
            dead_letters_arn=self.dead_letter_config.get("TargetArn"),
            max_retries=int(told.get("MaximumRetryAttempts", 2)),
            max_age_s=int(told.get("MaximumEventAgeInSeconds", 21_600)),
            destinations=destinations,
        )


def emulated_backend(invoker: Starts, discard: Callable[[str], None]) -> type[LambdaBackend]:
    """The class moto builds its Lambda from; `discard` hears of functions whose environments are out of date."""

    class EmulatedLambdaBackend(LambdaBackend):
        def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
            if spec.get("PackageType") != "Image":
                _refuse("the emulator has functions of container images only: PackageType Image")
            # moto's class is as abstract, and is made like this too
            made = EmulatedFunction(self.account_id, spec, self.region_name, "$LATEST")  # type: ignore[abstract]
            self._lambdas.put_function(made)
            return made

        def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
            name = self.get_function(function_name).function_name
            super().delete_function(function_name, qualifier)
            discard(name)

        def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> dict[str, Any]:
            made = self.get_function(function_name, qualifier)
            configuration: dict[str, Any] = made.update_function_code(body)
            discard(made.function_name)
            return configuration

        def update_function_configuration(
            self, function_name: str, qualifier: str, body: dict[str, Any]
        ) -> dict[str, Any]:
            made = self.get_function(function_name, qualifier)
            configuration: dict[str, Any] = made.update_configuration(body)
            discard(made.function_name)
            return configuration

        def put_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
            made = self.get_function(function_name)
            kept = EventInvokeConfig(made.function_arn, made.last_modified, config)
            made.event_invoke_config = [kept]
            return kept.response()

        def invoke(
            self, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
        ) -> str | bytes:
            kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
            if kind != "Event":
                _refuse(f"the emulator invokes asynchronously: InvocationType Event, not {kind}")
            payload = body.decode() if isinstance(body, bytes) else str(body or "")
            if len(payload.encode()) > MAX_ASYNC_BYTES:
                raise JsonRESTError("RequestTooLargeException", f"{len(payload.encode())} byte payload is too large")
            try:
                json.loads(payload or "{}")
            except ValueError as error:
                raise JsonRESTError(
                    "InvalidRequestContentException", f"Could not parse request body into json: {error}"
                ) from None
            name = self.get_function(function_name, qualifier).function_name
            response_headers["x-amzn-RequestId"] = invoker.start(lambda: self.found(name), payload)
            return ""

        def found(self, name: str) -> Function | None:
            """The function as it is now; None once it is gone."""
            known = self._lambdas._functions.get(name)
            made = None if known is None else known["latest"]
            return made.as_it_is() if isinstance(made, EmulatedFunction) else None

    return EmulatedLambdaBackend


def _check(spec: dict[str, Any]) -> None:
    """What CreateFunction and UpdateFunctionConfiguration ask of the role."""
    role = spec["Role"]
    if role_refusal(role, service=PRINCIPAL, action="sts:AssumeRole", resources=[]) is not None:
        _refuse("The role defined for the function cannot be assumed by Lambda.")
    target = (spec.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and role_refusal(role, service=PRINCIPAL, action="sqs:SendMessage", resources=[target]) is not None:
        _refuse("The provided execution role does not have permissions to call SendMessage on SQS")


def _refuse(message: str) -> None:
    raise JsonRESTError("InvalidParameterValueException", message)
