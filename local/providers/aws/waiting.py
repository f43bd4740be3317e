"""The one way the providers wait for a service to finish what it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection

from local.providers.framework.context import Context
from local.providers.framework.errors import ProviderError

Status = tuple[str, str]
"""A status and the service's reason for it ("" where it gives none)."""


def wait_for_status(
    context: Context,
    what: str,
    look: Callable[[], Status | None],
    *,
    pending: Collection[str],
    target: Collection[str],
    timeout_s: float = 600.0,
) -> None:
    """Wait until `look` sees one of `target`; no targets: until it sees nothing any more.

    `what` is the operation in words (`Batch Job Queue (critical) create`). `customTimeouts` win over `timeout_s`.
    Errors: ProviderError for a status that is neither pending nor a target, for an object that vanished, and after the
    timeout.
    """

    def probe() -> bool | None:
        seen = look()
        if seen is None:
            if target:
                raise ProviderError(f"waiting for {what}: couldn't find resource")
            return True
        status, reason = seen
        if status in target:
            return True
        if status in pending:
            return None
        wanted = ", ".join(target) or "nothing (deleted)"
        because = f". last error: {reason}" if reason else ""
        raise ProviderError(f"waiting for {what}: unexpected state '{status}', wanted target '{wanted}'{because}")

    context.wait(what, probe, timeout_s=timeout_s)
