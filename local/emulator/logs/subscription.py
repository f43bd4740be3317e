"""Carries log events to the streams that subscribed to them: in the background, several lines a record, in the order
they came."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator.permissions import role_refusal

MAX_TRIES = 20
# A record holds what one stream of one group brought while the one before was on its way; Firehose takes 1,000 KiB.
_MAX_RECORD_CHARACTERS = 500_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One subscription filter's lines of one log stream."""

    destination_arn: str
    role_arn: str
    owner: str
    group: str
    stream: str
    filter_name: str

    @property
    def group_arn(self) -> str:
        region = self.destination_arn.split(":")[3]
        return f"arn:aws:logs:{region}:{self.owner}:log-group:{self.group}"


@dataclass(frozen=True, kw_only=True)
class Lines:
    route: Route
    events: Sequence[dict[str, Any]]


def data_message(route: Route, events: Sequence[dict[str, Any]]) -> bytes:
    """The gzip payload CloudWatch Logs sends: a DATA_MESSAGE with the lines."""
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": route.owner,
        "logGroup": route.group,
        "logStream": route.stream,
        "subscriptionFilters": [route.filter_name],
        "logEvents": list(events),
    }
    return gzip.compress(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)


class SubscriptionSender:
    def __init__(self, firehose: Callable[[], Any], stopping: threading.Event, *, pause_s: float = 0.5) -> None:
        """`firehose()` gives the boto3 client; `pause_s` is the real time between tries of what can't be delivered
        now."""
        self._firehose = firehose
        self._stopping = stopping
        self._pause_s = pause_s
        self._queue: deque[Lines] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="logs-subscriptions", daemon=True)
        self._thread.start()

    def send(self, lines: Lines) -> None:
        with self._changed:
            self._queue.append(lines)
            self._changed.notify_all()

    def close(self, timeout_s: float = 10.0) -> None:
        """Delivers what is queued, for up to `timeout_s` real seconds."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while (self._queue or self._busy) and time.monotonic() < deadline:
                self._changed.wait(min(0.5, timeout_s))
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                self._busy = True
                taken = list(self._queue)
                self._queue.clear()
            for route, events in _batches(taken):
                try:
                    self._deliver(route, events)
                except Exception:
                    _log.exception("%d lines of %s are lost", len(events), route.group)

    def _deliver(self, route: Route, events: Sequence[dict[str, Any]]) -> None:
        refused = role_refusal(
            route.role_arn,
            service="logs.amazonaws.com",
            action="firehose:PutRecord",
            resources=[route.destination_arn],
            source_arn=route.group_arn,
            regional_service=True,
        )
        if refused is not None:
            _log.warning("%d lines of %s are dropped: %s", len(events), route.group, refused)
            return
        record = {"Data": data_message(route, events)}
        name = route.destination_arn.rpartition("/")[2]
        for _ in range(MAX_TRIES):
            try:
                self._firehose().put_record(DeliveryStreamName=name, Record=record)
            except ClientError as error:
                if error.response["ResponseMetadata"].get("HTTPStatusCode", 0) < 500:
                    _log.warning("%d lines of %s are dropped: %s", len(events), route.group, error)
                    return
            except (BotoCoreError, OSError) as error:
                _log.info("%s doesn't answer, trying again: %s", route.destination_arn, error)
            else:
                return
            if self._stopping.wait(self._pause_s):
                return
        _log.warning("%d lines of %s are dropped after %d tries", len(events), route.group, MAX_TRIES)


def _batches(taken: Sequence[Lines]) -> list[tuple[Route, list[dict[str, Any]]]]:
    """Lines of one route together, in their order, in records of bounded size."""
    batches: list[tuple[Route, list[dict[str, Any]]]] = []
    sizes: list[int] = []
    open_batch: dict[Route, int] = {}
    for lines in taken:
        for event in lines.events:
            size = len(event["message"]) + 100
            at = open_batch.get(lines.route)
            if at is None or sizes[at] + size > _MAX_RECORD_CHARACTERS:
                at = len(batches)
                open_batch[lines.route] = at
                batches.append((lines.route, []))
                sizes.append(0)
            batches[at][1].append(event)
            sizes[at] += size
    return batches
