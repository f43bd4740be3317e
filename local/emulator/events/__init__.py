"""EventBridge: rules with the whole pattern language, input transformers, targets, retries and dead-letter queues."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.emulator.context import EmulatorContext
    from local.emulator.events.service import EventsService

_log = logging.getLogger(__name__)
_installed: EventsService | None = None


def install(context: EmulatorContext) -> EventsService:
    """Puts our EventBridge into moto and starts its workers; `close()` on what it returns takes it out again."""
    global _installed
    from local.emulator.events.service import EventsService

    service = EventsService(context, closed=_forget)
    _installed = service
    return service


def _forget(service: EventsService) -> None:
    global _installed
    if _installed is service:
        _installed = None


def publish(event: Mapping[str, object]) -> None:
    """Puts a whole EventBridge event (the envelope of envelope.make_event) on the default bus.

    From any thread; queued, so it neither blocks nor raises. Without an installed EventBridge the event is dropped and
    logged. The event must not be changed afterwards.
    """
    if _installed is None:
        _log.warning("no EventBridge is installed; dropped: %s", event.get("detail-type"))
        return
    try:
        _installed.publish(event)
    except Exception:
        _log.exception("an event is lost: %s", event)
