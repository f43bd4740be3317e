"""SNS's deliveries to queues, as AWS makes them: the queue's policy must let the topic send, and what can't be
delivered goes to the subscription's dead-letter queue. moto delivers to every queue, and drops what it can't."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from moto.sns.models import Subscription
from moto.sqs.models import sqs_backends

from local.emulator.context import EmulatorContext
from local.emulator.permissions import queue_refusal
from local.emulator.substitute import Substitutions

PRINCIPAL = "sns.amazonaws.com"
RAW_ATTRIBUTES_MAX: Final = 10
"""SQS takes so many; SNS drops a raw message with more (developer guide, raw message delivery)."""
_log = logging.getLogger(__name__)
Publish = Callable[..., None]


class SnsDeliveries:
    def __init__(self) -> None:
        self._substitutions = Substitutions()
        self._substitutions.attribute(Subscription, "publish", _delivering(Subscription.publish))

    def close(self) -> None:
        self._substitutions.undo()


def install(context: EmulatorContext) -> SnsDeliveries:
    """Puts it into moto; `close()` takes it out again."""
    del context
    return SnsDeliveries()


def _delivering(moto: Publish) -> Publish:
    def publish(self: Subscription, message: str, message_id: str, **more: Any) -> None:
        if self.protocol != "sqs":
            moto(self, message, message_id, **more)
            return
        attributes = more.get("message_attributes") or {}
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        raw = str(self.attributes.get("RawMessageDelivery", "false")).lower() == "true"
        refused = _refusal(self, self.endpoint, count=len(attributes) if raw else 0)
        endpoint = self.endpoint
        if refused is not None:
            redrive = json.loads(self.attributes.get("RedrivePolicy") or "{}")
            endpoint = redrive.get("deadLetterTargetArn", "")
            why = _refusal(self, endpoint) if endpoint else "the subscription has no dead-letter queue"
            if why is not None:
                _log.warning("dropped message %s of %s: %s; and %s", message_id, self.topic_arn, refused, why)
                return
            _log.info("dead-lettered message %s of %s: %s", message_id, self.topic_arn, refused)
        delivery = copy.copy(self)
        delivery.endpoint = endpoint
        delivery._filter_policy_matcher = None
        # moto takes any text for yes
        delivery.attributes = {**self.attributes, "RawMessageDelivery": "true" if raw else ""}
        moto(delivery, message, message_id, **more)

    return publish


def _refusal(subscription: Subscription, queue_arn: str, *, count: int = 0) -> str | None:
    """Why a queue doesn't get a raw message with `count` attributes; None if it does."""
    region, account, name = queue_arn.split(":")[3:6]
    if name not in sqs_backends[account][region].queues:
        return f"there is no queue {queue_arn}"
    if count > RAW_ATTRIBUTES_MAX:
        return f"it has {count} attributes, and {queue_arn} takes {RAW_ATTRIBUTES_MAX} of a raw message"
    return queue_refusal(queue_arn, service=PRINCIPAL, source_arn=subscription.topic_arn)
