"""From a published event to its targets: a queue, a few workers, retries on the emulated clock, dead-letter queues.

Publishing only puts the event into the queue. Everything else happens on the workers, which hold no lock of anybody's
while they call a target through the emulator's endpoint: a request that publishes can never wait for a request it
causes.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from jobs.event_rules.pattern import PatternError, parse_pattern
from local.emulator.clients import Clients
from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.events.delivery import Delivery, DeliveryError, RetryPolicy, as_delivery_error, pause_s
from local.emulator.events.envelope import event_time
from local.emulator.events.targets import DELIVERERS, queue_url, resource_of, service_of
from local.emulator.events.transformer import InputError, RuleFacts, input_for

WORKERS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RuleView:
    """What the dispatcher needs of a rule, copied out of moto."""

    arn: str
    name: str
    pattern: str | None
    targets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class _Arrival:
    event: Mapping[str, Any]
    bus: str
    ingested_s: float
    ingestion_time: str
    hops: int = 0
    # a schedule's event goes to its rule's targets, whatever any pattern says
    only_rule: str | None = None


class RuleBook(Protocol):
    def enabled_rules(self, bus: str) -> Iterable[RuleView]:
        """The bus's enabled rules; none for a bus that doesn't exist."""


class Refusals(Protocol):
    def __call__(self, delivery: Delivery) -> str | None:
        """Why EventBridge may not deliver to the target; None if it may."""


class Dispatcher:
    """At least once to every target of every matching rule; an event is done when taken, dead-lettered, or dropped
    with a line in the log."""

    def __init__(
        self,
        *,
        rules: RuleBook,
        clients: Clients,
        clock: EmulatedClock,
        refusal: Refusals,
        workers: int = WORKERS,
        deliverers: Mapping[str, Callable[[Clients, Delivery, str], None]] = DELIVERERS,
    ) -> None:
        self._rules = rules
        self._clients = clients
        self._clock = clock
        self._refusal = refusal
        self._deliverers = deliverers
        self._work: queue.SimpleQueue[_Arrival | Delivery | None] = queue.SimpleQueue()
        self._timetable = Timetable(clock, name="events-retries")
        self._closing = False
        self._pending = 0
        self._idle = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, name=f"events-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def publish(
        self, event: Mapping[str, Any], *, bus: str = "default", hops: int = 0, only_rule: str | None = None
    ) -> None:
        """Queues the event; returns at once. `event` is not copied: it must not change any more."""
        arrival = _Arrival(
            event=event,
            bus=bus,
            ingested_s=self._clock.now_s(),
            ingestion_time=event_time(datetime.now(UTC)),
            hops=hops,
            only_rule=only_rule,
        )
        self._put(arrival)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """True once nothing is queued, in delivery or waiting for a retry."""
        deadline = time.monotonic() + timeout_s
        with self._idle:
            while self._pending:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._idle.wait(left_s):
                    return not self._pending
            return True

    def close(self) -> None:
        """Ends after the deliveries under way; what is still queued is dropped with the emulator that holds it all."""
        self._closing = True
        self._timetable.close()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(timeout=10)

    def _put(self, item: _Arrival | Delivery) -> None:
        with self._idle:
            self._pending += 1
        self._work.put(item)

    def _done(self) -> None:
        with self._idle:
            self._pending -= 1
            if not self._pending:
                self._idle.notify_all()

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            try:
                if self._closing:
                    _log.info("the emulator ends: dropped %s", item.event.get("id"))
                elif isinstance(item, _Arrival):
                    self._match(item)
                else:
                    self._deliver(item)
            except Exception:
                _log.exception("an event is lost: %s", item)
            finally:
                self._done()

    def _match(self, arrival: _Arrival) -> None:
        for rule in self._rules.enabled_rules(arrival.bus):
            if not self._applies(rule, arrival):
                continue
            for target in rule.targets:
                self._put(
                    Delivery(
                        rule_arn=rule.arn,
                        rule_name=rule.name,
                        target=target,
                        event=arrival.event,
                        ingested_s=arrival.ingested_s,
                        ingestion_time=arrival.ingestion_time,
                        hops=arrival.hops,
                    )
                )

    @staticmethod
    def _applies(rule: RuleView, arrival: _Arrival) -> bool:
        if arrival.only_rule is not None:
            return rule.name == arrival.only_rule
        if rule.pattern is None:
            return False
        try:
            return parse_pattern(rule.pattern).matches(arrival.event)
        except PatternError:
            _log.exception("the pattern of %s can't be read", rule.arn)
            return False

    def _deliver(self, delivery: Delivery) -> None:
        try:
            refused = self._refusal(delivery)
            if refused is not None:
                raise DeliveryError("NO_PERMISSIONS", refused)
            rule = RuleFacts(arn=delivery.rule_arn, name=delivery.rule_name)
            text = input_for(delivery.target, delivery.event, rule=rule, ingestion_time=delivery.ingestion_time)
            self._hand_over(delivery, text)
        except InputError as error:
            self._fail(delivery, DeliveryError("INVALID_JSON", str(error)))
        except Exception as error:
            self._fail(delivery, as_delivery_error(error))

    def _hand_over(self, delivery: Delivery, text: str) -> None:
        arn = delivery.target["Arn"]
        service = service_of(arn)
        if service == "events" and ":event-bus/" in arn:
            self._forward(delivery, resource_of(arn))
            return
        deliver = self._deliverers.get(service)
        if deliver is None:
            known = ", ".join(sorted({*self._deliverers, "events"}))
            raise DeliveryError("UNSUPPORTED_TARGET", f"{arn}: the emulator delivers to {known}; not to {service}")
        deliver(self._clients, delivery, text)

    def _forward(self, delivery: Delivery, bus: str) -> None:
        # AWS forwards an event from bus to bus once, so that buses can't feed one another for ever.
        if delivery.hops:
            raise DeliveryError("THIRD_ACCOUNT_HOP_DETECTED", f"The event was already forwarded to {bus}'s sender")
        self.publish(delivery.event, bus=bus, hops=delivery.hops + 1)

    def _fail(self, delivery: Delivery, error: DeliveryError) -> None:
        exhausted: str | None = None
        if error.retried:
            age_s = self._clock.now_s() - delivery.ingested_s
            exhausted = RetryPolicy.of(delivery.target).exhausted(retries=delivery.retries, age_s=age_s)
            if exhausted is None:
                self._retry(delivery)
                return
        self._dead_letter(delivery, error, exhausted)

    def _retry(self, delivery: Delivery) -> None:
        with self._idle:
            self._pending += 1
        again = delivery.next_try()
        self._timetable.at(self._clock.now_s() + pause_s(delivery.retries), lambda: self._work.put(again))

    def _dead_letter(self, delivery: Delivery, error: DeliveryError, exhausted: str | None) -> None:
        arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        what = f"event {delivery.event['id']} of {delivery.rule_arn} to {delivery.target['Arn']}: {error.code}: {error}"
        if not arn:
            _log.warning("dropped without a dead-letter queue: %s", what)
            return
        try:
            refused = self._refusal(_to_dead_letters(delivery, arn))
            if refused is not None:
                _log.warning("dropped: %s; and %s", what, refused)
                return
            self._clients("sqs").send_message(
                QueueUrl=queue_url(self._clients, arn),
                MessageBody=json.dumps(delivery.event, ensure_ascii=False),
                MessageAttributes=delivery.dead_letter_attributes(error, exhausted),
            )
            _log.info("dead-lettered: %s", what)
        except Exception:
            _log.exception("dropped, the dead-letter queue %s didn't take it: %s", arn, what)


def _to_dead_letters(delivery: Delivery, arn: str) -> Delivery:
    return Delivery(
        rule_arn=delivery.rule_arn,
        rule_name=delivery.rule_name,
        target={"Id": "dead-letters", "Arn": arn},
        event=delivery.event,
        ingested_s=delivery.ingested_s,
        ingestion_time=delivery.ingestion_time,
    )
