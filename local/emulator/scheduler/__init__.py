"""EventBridge Scheduler: schedules that fire on the emulated clock, in their time zones, and submit jobs."""

from __future__ import annotations

from local.emulator.context import EmulatorContext
from local.emulator.scheduler.service import SchedulerService


def install(context: EmulatorContext) -> SchedulerService:
    """Puts our Scheduler into moto and starts its clock; `close()` takes it out again."""
    return SchedulerService(context)
