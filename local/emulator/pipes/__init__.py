"""EventBridge Pipes: pipes that poll an SQS queue or a DynamoDB stream and submit a job for each message or record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.emulator.context import EmulatorContext
    from local.emulator.pipes.service import PipesService


def install(context: EmulatorContext) -> PipesService:
    """Puts our Pipes into moto and starts polling; `close()` takes it out again."""
    from local.emulator.pipes.service import PipesService

    return PipesService(context)
