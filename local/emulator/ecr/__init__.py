"""ECR of the lane: moto's repositories over a real Docker registry.

A repository's URI is `<registry>/<name>`, so an ordinary `docker push` and `docker pull` reach it. The registry knows
nothing of immutable tags: PutImage refuses a tag that exists, and whoever pushes past ECR asks DescribeImages first.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from moto.core.responses import ActionResult
from moto.ecr import models
from moto.ecr.models import ecr_backends
from moto.ecr.responses import ECRResponse

from local.emulator.context import EmulatorContext
from local.emulator.ecr.backend import emulated_backend, emulated_repository
from local.emulator.ecr.registry import Registry
from local.emulator.substitute import Substitutions

_TOKEN_LIFE = timedelta(hours=12)


class EcrService:
    def __init__(self, registry: str) -> None:
        self._substitutions = Substitutions()
        storage = Registry(registry)
        self._substitutions.backend(ecr_backends, emulated_backend(storage))
        self._substitutions.attribute(models, "Repository", emulated_repository(storage, registry))
        self._substitutions.attribute(ECRResponse, "get_authorization_token", _token_for(registry))

    def close(self) -> None:
        self._substitutions.undo()


class NoService:
    def close(self) -> None:
        """There is nothing to end."""


def install(context: EmulatorContext) -> EcrService | NoService:
    """Puts the registry behind moto's ECR; without a registry (context.registry is empty) moto's own memory stays."""
    return EcrService(context.registry) if context.registry else NoService()


def _token_for(registry: str) -> Callable[[ECRResponse], ActionResult]:
    def get_authorization_token(self: ECRResponse) -> ActionResult:
        token = b64encode(f"AWS:{self.current_account}-auth-token".encode()).decode()
        data = {
            "authorizationToken": token,
            "expiresAt": datetime.now(UTC) + _TOKEN_LIFE,
            "proxyEndpoint": f"http://{registry}",
        }
        return ActionResult({"authorizationData": [data]})

    return get_authorization_token
