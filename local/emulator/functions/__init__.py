"""Lambda of the lane: moto's control plane, and functions of container images that really run, asynchronously.

Simulated: who may do what, events and their tries, execution environments. Real: the containers, which take their
events from a runtime API as on AWS. Not here: zip packages, layers, versions, aliases, synchronous invocations.
"""

from __future__ import annotations

from moto.awslambda.models import lambda_backends

from local.emulator.batch.containers import ContainerRunner
from local.emulator.batch.logs import LogShipper
from local.emulator.batch.running import Runner
from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.functions.backend import emulated_backend
from local.emulator.functions.environments import Environments
from local.emulator.functions.invoker import Invoker
from local.emulator.substitute import Substitutions


class FunctionsService:
    """The installed service; `close` ends every environment."""

    def __init__(self, context: EmulatorContext, runner: Runner | None) -> None:
        clients = Clients(endpoint=context.endpoint, region=context.region)
        self._shipper = LogShipper(lambda: clients("logs"))
        self._environments = Environments(context, runner or ContainerRunner(context, self._shipper, clients))
        self.invoker = Invoker(context, clients, self._environments)
        self._substitutions = Substitutions()
        self._substitutions.backend(lambda_backends, emulated_backend(self.invoker, self._environments.discard))

    def close(self) -> None:
        self.invoker.close()
        self._environments.close()
        self._shipper.close()
        self._substitutions.undo()


def install(context: EmulatorContext, *, runner: Runner | None = None) -> FunctionsService:
    """Puts our functions into moto's Lambda. Without a `runner` they are containers of the machine's Docker engine."""
    return FunctionsService(context, runner)
