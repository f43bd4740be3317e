"""Containers' output to CloudWatch Logs: line by line, in order, all of it before the job is reported as ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

MAX_MESSAGE_BYTES = 256 * 1024 - 26
MAX_CALL_BYTES = 1024 * 1024
MAX_CALL_EVENTS = 10_000
BYTES_PER_EVENT = 26
# what a running container printed shows up after this long at the latest
SHIP_EVERY_S = 0.25
TRIES = 5

logger = logging.getLogger(__name__)


class LogGroupMissing(Exception):
    """The log group of a job definition doesn't exist; on AWS its container doesn't start."""


class Lines:
    """Cuts one output stream into lines; bytes that aren't UTF-8 are shown as �."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that are complete with this chunk."""
        *complete, self._rest = (self._rest + chunk).split(b"\n")
        return [_text(line) for line in complete]

    def end(self) -> list[str]:
        """What came after the last newline."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", errors="replace")


@dataclass(kw_only=True)
class LogStream:
    """One attempt's stream: lines wait here until they are shipped."""

    group: str
    name: str
    # held while shipping, so that two threads can't change the order
    lock: threading.Lock = field(default_factory=threading.Lock)
    pending: list[dict[str, Any]] = field(default_factory=list)
    last_ms: int = 0


class LogShipper:
    """Delivers what containers print. `client` gives a boto3 client of CloudWatch Logs, safe for threads."""

    def __init__(self, client: Callable[[], Any], *, clock_s: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock_s = clock_s
        self._streams: dict[int, LogStream] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def open(self, group: str, name: str, *, creates_group: bool) -> LogStream:
        """Makes the stream. Raises LogGroupMissing if the group isn't there and isn't AWS's own to make."""
        client = self._client()
        try:
            self._create_stream(client, group, name)
        except client.exceptions.ResourceNotFoundException:
            if not creates_group:
                raise LogGroupMissing(group) from None
            try:
                client.create_log_group(logGroupName=group)
            except client.exceptions.ResourceAlreadyExistsException:
                logger.debug("%s was just made", group)
            self._create_stream(client, group, name)
        stream = LogStream(group=group, name=name)
        with self._wake:
            self._streams[id(stream)] = stream
            if self._thread is None:
                self._thread = threading.Thread(target=self._ship_now_and_then, name="batch-logs", daemon=True)
                self._thread.start()
        return stream

    @staticmethod
    def _create_stream(client: Any, group: str, name: str) -> None:
        try:
            client.create_log_stream(logGroupName=group, logStreamName=name)
        except client.exceptions.ResourceAlreadyExistsException:
            logger.debug("%s exists", name)

    def append(self, stream: LogStream, lines: list[str]) -> None:
        """Takes lines; ships them soon. Empty lines are left out: CloudWatch Logs refuses them."""
        # CloudWatch Logs wants ascending times
        now_ms = max(int(self._clock_s() * 1000), stream.last_ms)
        stream.last_ms = now_ms
        events = [{"timestamp": now_ms, "message": part} for line in lines for part in _parts(line)]
        if not events:
            return
        with self._wake:
            idle = not stream.pending
            stream.pending.extend(events)
            if idle:
                self._wake.notify_all()

    def finish(self, stream: LogStream) -> None:
        """Ships the rest and forgets the stream; when it returns, all is in CloudWatch Logs."""
        self._ship(stream)
        with self._wake:
            self._streams.pop(id(stream), None)

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _ship_now_and_then(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or any(one.pending for one in self._streams.values()))
                if self._closed:
                    return
                # gather what comes at once into one call
                self._wake.wait_for(lambda: self._closed, timeout=SHIP_EVERY_S)
                waiting = [stream for stream in self._streams.values() if stream.pending]
            for stream in waiting:
                self._ship(stream)

    def _ship(self, stream: LogStream) -> None:
        with stream.lock:
            while True:
                with self._wake:
                    batch = _first_call(stream.pending)
                    del stream.pending[: len(batch)]
                if not batch:
                    return
                self._put(stream, batch)

    def _put(self, stream: LogStream, batch: list[dict[str, Any]]) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._client().put_log_events(logGroupName=stream.group, logStreamName=stream.name, logEvents=batch)
                return
            except (ClientError, BotoCoreError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
                # the group was deleted under a running job: its lines have nowhere to go
                gone = code == "ResourceNotFoundException"
                if gone or self._closed or attempt == TRIES:
                    logger.warning("%d lines of %s %s are lost: %s", len(batch), stream.group, stream.name, error)
                    return
                with self._wake:
                    self._wake.wait_for(lambda: self._closed, timeout=0.1 * 2**attempt)


def _parts(line: str) -> list[str]:
    """A line in pieces CloudWatch Logs takes."""
    if not line:
        return []
    encoded = line.encode("utf-8")
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return [line]
    return [
        encoded[start : start + MAX_MESSAGE_BYTES].decode("utf-8", errors="ignore")
        for start in range(0, len(encoded), MAX_MESSAGE_BYTES)
    ]


def _first_call(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the first events as one PutLogEvents takes."""
    size = 0
    for count, event in enumerate(events):
        size += len(event["message"].encode("utf-8")) + BYTES_PER_EVENT
        if count and (size > MAX_CALL_BYTES or count == MAX_CALL_EVENTS):
            return events[:count]
    return events[:]
