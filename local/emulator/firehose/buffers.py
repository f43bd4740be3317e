"""A stream's records between PutRecord and S3: full or old enough, they become one object."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.firehose.prefix import error_key, object_key
from local.emulator.firehose.processing import PROCESSING_FAILED, Failure, process, steps_of
from local.emulator.permissions import role_refusal

# Real seconds: however fast the lane's clock, a burst still makes few objects.
SHORTEST_BUFFER_S = 0.3
DEFAULT_INTERVAL_S = 300
DEFAULT_SIZE_MIB = 5
_RETRY_S = 1.0  # real
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """What a flush needs of a stream, copied out of moto when the buffer is opened."""

    stream: str
    arn: str
    version: str
    configuration: Mapping[str, Any]

    @property
    def bucket(self) -> str:
        return str(self.configuration["BucketARN"]).rpartition(":")[2]

    def refusal(self) -> str | None:
        """Why the stream's role can't write to the bucket; None if it can."""
        return role_refusal(
            self.configuration["RoleARN"],
            service="firehose.amazonaws.com",
            action="s3:PutObject",
            resources=[f"{self.configuration['BucketARN']}/{self.stream}"],
            source_arn=self.arn,
        )

    @property
    def interval_s(self) -> float:
        return float((self.configuration.get("BufferingHints") or {}).get("IntervalInSeconds", DEFAULT_INTERVAL_S))

    @property
    def size_bytes(self) -> int:
        return int((self.configuration.get("BufferingHints") or {}).get("SizeInMBs", DEFAULT_SIZE_MIB)) * 1024 * 1024

    @property
    def compressed(self) -> bool:
        return self.configuration.get("CompressionFormat") == "GZIP"

    @property
    def extension(self) -> str:
        return str(self.configuration.get("FileExtension") or (".gz" if self.compressed else ""))


@dataclass
class _Buffer:
    destination: Destination
    opened_at: datetime
    records: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    # the same object name at every try: what was stored before its answer was lost is overwritten, not doubled
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    obstacle: str = ""

    def wait_for(self, obstacle: str) -> None:
        """Tells the log why the records aren't stored yet, once for each reason."""
        if obstacle != self.obstacle:
            self.obstacle = obstacle
            _log.warning("%s can't store %d records yet: %s", self.destination.stream, len(self.records), obstacle)


class Buffers:
    """The open buffers of all streams, and the thread that stores what is closed. No record is dropped while the
    process lives."""

    def __init__(self, s3: Callable[[], Any], clock: EmulatedClock) -> None:
        """`s3()` gives the boto3 client objects are stored with."""
        self._s3 = s3
        self._clock = clock
        self._open: dict[str, _Buffer] = {}
        self._full: list[_Buffer] = []
        self._changed = threading.Condition()
        self._closed = False
        self._timetable = Timetable(clock, name="firehose-intervals")
        self._thread = threading.Thread(target=self._run, name="firehose-delivery", daemon=True)
        self._thread.start()

    def add(self, destination: Destination, records: Sequence[bytes]) -> None:
        with self._changed:
            buffer = self._open.get(destination.stream)
            if buffer is None:
                buffer = self._open[destination.stream] = _Buffer(destination, datetime.now(UTC))
                self._flush_later(buffer)
            buffer.records.extend(records)
            buffer.size_bytes += sum(len(record) for record in records)
            if buffer.size_bytes >= destination.size_bytes:
                self._close(buffer)

    def flush(self, stream: str | None = None) -> None:
        """Closes a stream's buffer, or all of them, before their time."""
        with self._changed:
            for buffer in list(self._open.values()):
                if stream in (None, buffer.destination.stream):
                    self._close(buffer)

    def close(self, timeout_s: float = 10.0) -> None:
        """Stores everything, for up to `timeout_s` real seconds: the endpoint must still answer."""
        self._timetable.close()
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=timeout_s)

    def _flush_later(self, buffer: _Buffer) -> None:
        def act() -> None:
            with self._changed:
                self._close(buffer)

        wait_s = max(buffer.destination.interval_s, SHORTEST_BUFFER_S / self._clock.second_scale)
        self._timetable.at(self._clock.now_s() + wait_s, act)

    def _close(self, buffer: _Buffer) -> None:
        if self._open.get(buffer.destination.stream) is buffer:
            del self._open[buffer.destination.stream]
            self._full.append(buffer)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._full and not self._closed:
                    self._changed.wait()
                if not self._full:
                    return
                buffers, self._full = self._full, []
            failed = [buffer for buffer in buffers if not self._store(buffer)]
            if not failed:
                continue
            with self._changed:
                if self._closed:
                    for buffer in failed:
                        _log.error("%d records of %s are lost", len(buffer.records), buffer.destination.stream)
                    return
                self._full = failed + self._full
                self._changed.wait(_RETRY_S)

    def _store(self, buffer: _Buffer) -> bool:
        destination = buffer.destination
        refused = destination.refusal()
        if refused is not None:
            buffer.wait_for(refused)
            return False
        try:
            done, failed = process(buffer.records, steps_of(destination.configuration.get("ProcessingConfiguration")))
            body = b"".join(done)
            if body:
                self._put(destination, self._key(buffer), body, compress=destination.compressed)
            if failed:
                self._put(destination, self._error_key(buffer), _error_lines(failed, buffer.opened_at), compress=False)
        except (ClientError, BotoCoreError, OSError) as error:
            buffer.wait_for(str(error))
            return False
        except Exception:
            _log.exception("%d records of %s are lost", len(buffer.records), destination.stream)
        return True

    def _put(self, destination: Destination, key: str, body: bytes, *, compress: bool) -> None:
        data = gzip.compress(body) if compress else body
        self._s3().put_object(Bucket=destination.bucket, Key=key, Body=data, ContentType="application/octet-stream")

    def _key(self, buffer: _Buffer) -> str:
        destination = buffer.destination
        return object_key(
            prefix=destination.configuration.get("Prefix") or "",
            stream=destination.stream,
            version=destination.version,
            arrived=_in_zone(buffer),
            identifier=buffer.identifier,
            extension=destination.extension,
        )

    def _error_key(self, buffer: _Buffer) -> str:
        destination = buffer.destination
        return error_key(
            prefix=destination.configuration.get("ErrorOutputPrefix") or "",
            kind=PROCESSING_FAILED,
            stream=destination.stream,
            version=destination.version,
            arrived=_in_zone(buffer),
            identifier=buffer.identifier,
        )


def _in_zone(buffer: _Buffer) -> datetime:
    return buffer.opened_at.astimezone(ZoneInfo(buffer.destination.configuration.get("CustomTimeZone") or "UTC"))


def _error_lines(failures: Sequence[Failure], arrived: datetime) -> bytes:
    """Firehose's JSON lines about records it couldn't process."""
    lines = [
        json.dumps(
            {
                "attemptsMade": 1,
                "arrivalTimestamp": int(arrived.timestamp() * 1000),
                "errorCode": failure.code,
                "errorMessage": failure.message,
                "attemptEndingTimestamp": int(time.time() * 1000),
                "rawData": base64.b64encode(failure.data).decode(),
            }
        )
        for failure in failures
    ]
    return "".join(f"{line}\n" for line in lines).encode()
