"""ECS of the lane, as far as Batch uses it: clusters with the instances its environments boot, and ECS's events.

Tasks are told of in events only: ListTasks and DescribeTasks don't know them.
"""

from __future__ import annotations

from moto.ecs.models import ecs_backends

from local.emulator import events
from local.emulator.batch.state_events import Publish
from local.emulator.context import EmulatorContext
from local.emulator.ecs.backend import EmulatedEcsBackend
from local.emulator.ecs.registrar import Registrar
from local.emulator.substitute import Substitutions


class EcsService:
    def __init__(self, context: EmulatorContext, publish: Publish) -> None:
        self._context = context
        self._substitutions = Substitutions()
        self._substitutions.backend(ecs_backends, EmulatedEcsBackend)
        self._registrar = Registrar(publish)
        context.watchers.append(self._registrar)

    def close(self) -> None:
        self._context.watchers.remove(self._registrar)
        self._substitutions.undo()


def install(context: EmulatorContext, *, publish: Publish = events.publish) -> EcsService:
    """Puts our clusters into moto's ECS and watches Batch; `close()` takes them out again. Comes before Batch."""
    return EcsService(context, publish)
