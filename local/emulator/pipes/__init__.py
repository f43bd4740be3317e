"""EventBridge Pipes: pipes that poll an SQS queue and submit a job for each message."""

from __future__ import annotations

from local.emulator.context import EmulatorContext
from local.emulator.pipes.service import PipesService


def install(context: EmulatorContext) -> PipesService:
    """Puts our Pipes into moto and starts polling; `close()` takes it out again."""
    return PipesService(context)
