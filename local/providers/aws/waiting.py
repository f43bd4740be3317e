"""The ways the providers wait: for a status, and for a service that can't do yet what it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from local.providers.framework.context import Context
from local.providers.framework.errors import ProviderError

Answer = TypeVar("Answer")
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


def retry_while(
    context: Context, what: str, call: Callable[[], Answer], words: Collection[str], *, timeout_s: float
) -> Answer:
    """What `call` answers; an error that holds one of `words` is tried again until the timeout, then raised as it is.

    For what AWS needs a while to see: a new role's permissions, a name that was deleted just now.
    """
    last: Exception | None = None

    def attempt() -> tuple[Answer] | None:
        nonlocal last
        try:
            return (call(),)
        except Exception as error:
            if not any(word in str(error) for word in words):
                raise
            last = error
            return None

    try:
        [answer] = context.wait(what, attempt, timeout_s=timeout_s, every_s=1.0)
    except ProviderError:
        if last is None:
            raise
        raise last from None
    return answer
