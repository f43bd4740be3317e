"""One event on its way to one target: what is retried, for how long, and what a dead-letter queue is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

DEFAULT_ATTEMPTS = 185
DEFAULT_AGE_S = 86_400
_LONGEST_PAUSE_S = 60.0
_RETRIED_CODES = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ServiceUnavailableException",
    }
)
_CODES = {
    "AccessDenied": "NO_PERMISSIONS",
    "AccessDeniedException": "NO_PERMISSIONS",
    "AWS.SimpleQueueService.NonExistentQueue": "NO_RESOURCE",
    "QueueDoesNotExist": "NO_RESOURCE",
    "ResourceNotFoundException": "NO_RESOURCE",
    "NotFound": "NO_RESOURCE",
}


class DeliveryError(Exception):
    """A target didn't take an event. `code` is EventBridge's (NO_PERMISSIONS, INVALID_JSON, …); `retried` errors are
    tried again."""

    def __init__(self, code: str, message: str, *, retried: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retried = retried


def as_delivery_error(error: Exception) -> DeliveryError:
    """EventBridge's view of what a call raised: a client's error is final, a throttled or broken service is tried
    again."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, ParamValidationError):
        return DeliveryError("INVALID_PARAMETER", " ".join(str(error).split()))
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        retried = status >= 500 or status == 429 or code in _RETRIED_CODES
        return DeliveryError(
            "THROTTLING" if retried else _CODES.get(code, "SDK_CLIENT_ERROR"), str(error), retried=retried
        )
    if isinstance(error, (BotoCoreError, OSError)):
        return DeliveryError("CONNECTION_FAILURE", str(error), retried=True)
    return DeliveryError("INTERNAL_ERROR", f"{type(error).__name__}: {error}")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    max_attempts: int = DEFAULT_ATTEMPTS
    max_age_s: float = DEFAULT_AGE_S

    @classmethod
    def of(cls, target: Mapping[str, Any]) -> RetryPolicy:
        """A target's RetryPolicy, with AWS's defaults for what it leaves out."""
        policy = target.get("RetryPolicy") or {}
        return cls(
            max_attempts=policy.get("MaximumRetryAttempts", DEFAULT_ATTEMPTS),
            max_age_s=policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_S),
        )

    def exhausted(self, *, retries: int, age_s: float) -> str | None:
        """The condition that ends the retries, in the words of the dead-letter queue's attribute; None while there is
        one left."""
        if retries >= self.max_attempts:
            return "MaximumRetryAttempts"
        if age_s >= self.max_age_s:
            return "MaximumEventAgeInSeconds"
        return None


def pause_s(retries: int) -> float:
    """Emulated seconds to wait before retry number `retries` + 1: 1, 2, 4 … 60."""
    return min(2.0 ** min(retries, 10), _LONGEST_PAUSE_S)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    rule_arn: str
    rule_name: str
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    ingested_s: float  # emulated, since 1970
    ingestion_time: str
    hops: int = 0  # buses the event was forwarded from
    retries: int = 0

    def next_try(self) -> Delivery:
        return replace(self, retries=self.retries + 1)

    def dead_letter_attributes(self, error: DeliveryError, exhausted: str | None) -> dict[str, dict[str, str]]:
        """The message attributes AWS puts on an event in a target's dead-letter queue."""
        texts = {
            "RULE_ARN": self.rule_arn,
            "TARGET_ARN": self.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message[:2048] or error.code,
        }
        if exhausted is not None:
            texts["EXHAUSTED_RETRY_CONDITION"] = exhausted
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
        return attributes | {"RETRY_ATTEMPTS": {"DataType": "Number", "StringValue": str(self.retries)}}
