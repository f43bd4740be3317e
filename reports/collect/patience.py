"""Trying again where AWS asks for patience; anything else is raised at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from tenacity.wait import wait_base

WAIT: Final = wait_exponential_jitter(initial=1, max=30)
"""Pauses between tries of a throttled request, seconds."""


def patiently(codes: Collection[str], *, attempts: int, wait: wait_base) -> Retrying:
    """Calls up to `attempts` times while AWS answers one of `codes`; the last answer is raised as it came."""

    def throttled(error: BaseException) -> bool:
        return isinstance(error, ClientError) and error.response["Error"]["Code"] in codes

    return Retrying(retry=retry_if_exception(throttled), stop=stop_after_attempt(attempts), wait=wait, reraise=True)
