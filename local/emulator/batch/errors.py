"""The errors AWS Batch answers with."""

from __future__ import annotations

from typing import Any

from moto.batch.exceptions import ClientException


def client_error(message: str) -> Exception:
    """ClientException (400): the caller's fault; `message` says what was got and what is allowed."""
    error: Exception = ClientException(message)
    return error


def require(body: dict[str, Any], *names: str) -> None:
    """Raises ClientException for the first of `names` that is missing or empty."""
    for name in names:
        if body.get(name) in (None, ""):
            raise client_error(f"Error executing request, Exception : {name} is required.")
