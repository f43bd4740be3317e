"""Errors of the stand-ins, in the words the official plugins use."""

from __future__ import annotations

from typing import Any, Final

# what the services say of an object that isn't there
_GONE_WORDS: Final = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent", "ResourceNotFoundException")
_BUSY_CODES: Final = frozenset({"DependencyViolation", "InvalidGroup.InUse", "InvalidIPAddress.InUse", "ResourceInUse"})
_UNREACHABLE: Final = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError"})


class ProviderError(Exception):
    """A failure told to the person as it stands: what was asked, what is allowed, what to do."""


def code_of(error: BaseException) -> str:
    """The service's error code (`ResourceNotFoundException`), "" for anything but an answer of a service."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def is_gone(error: BaseException) -> bool:
    """Whether a service says that the object isn't there (any more)."""
    code = code_of(error)
    return any(word in code for word in _GONE_WORDS)


def is_busy(error: BaseException, more: frozenset[str] = frozenset()) -> bool:
    """Whether a service refuses to delete something because others still use it: worth another try."""
    code = code_of(error)
    return code in _BUSY_CODES or code in more


def describe(error: BaseException, *, service: str) -> str:
    """An error's text: `operation error EC2: CreateSubnet, https response error StatusCode: 400, … api error …`."""
    response: Any = getattr(error, "response", None)
    if type(error).__name__ in _UNREACHABLE:
        return f"{error}: nothing answers there; run `make up-local`, which starts the emulator"
    if not isinstance(response, dict) or "Error" not in response:
        return str(error) or type(error).__name__
    details = response["Error"]
    metadata = response.get("ResponseMetadata", {})
    return (
        f"operation error {service}: {getattr(error, 'operation_name', 'unknown')}, https response error "
        f"StatusCode: {metadata.get('HTTPStatusCode', 0)}, RequestID: {metadata.get('RequestId', '')}, "
        f"api error {details.get('Code', 'Unknown')}: {details.get('Message', '')}"
    )
