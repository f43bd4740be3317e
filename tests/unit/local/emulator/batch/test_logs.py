"""Containers' lines on their way to CloudWatch Logs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.batch.logs import MAX_CALL_BYTES, Lines, LogGroupMissing, LogShipper
from local.processes import wait_until


class ResourceNotFound(Exception):
    pass


class AlreadyExists(Exception):
    pass


class FakeLogs:
    """CloudWatch Logs' client: groups, streams, and every PutLogEvents it took."""

    class exceptions:
        ResourceNotFoundException = ResourceNotFound
        ResourceAlreadyExistsException = AlreadyExists

    def __init__(self, *groups: str) -> None:
        self.groups = set(groups)
        self.calls: list[list[dict[str, Any]]] = []
        self.failures = 0
        self._lock = threading.Lock()

    def create_log_group(self, *, logGroupName: str) -> None:
        self.groups.add(logGroupName)

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:
        if logGroupName not in self.groups:
            raise ResourceNotFound(logGroupName)

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:
        with self._lock:
            if self.failures:
                self.failures -= 1
                raise ClientError({"Error": {"Code": "ServiceUnavailableException"}}, "PutLogEvents")
            self.calls.append(logEvents)

    @property
    def messages(self) -> list[str]:
        with self._lock:
            return [event["message"] for call in self.calls for event in call]


def test_lines_are_cut_across_chunks() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\n\nthr\xc3") == ["two", ""]
    assert lines.feed(b"\xa9e") == []
    assert lines.end() == ["thrée"]
    assert lines.end() == []


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert Lines().feed(b"a\xffb\n") == ["a�b"]


def test_everything_is_there_in_order_once_finished() -> None:
    logs = FakeLogs("group")
    shipper = LogShipper(lambda: logs)
    stream = shipper.open("group", "stream", creates_group=False)
    expected = [f"line {number}" for number in range(5000)]
    for start in range(0, 5000, 100):
        shipper.append(stream, expected[start : start + 100])
    shipper.finish(stream)
    assert logs.messages == expected
    times = [event["timestamp"] for call in logs.calls for event in call]
    assert times == sorted(times)
    shipper.close()


def test_a_running_containers_lines_show_up_before_it_ends() -> None:
    logs = FakeLogs("group")
    shipper = LogShipper(lambda: logs)
    stream = shipper.open("group", "stream", creates_group=False)
    shipper.append(stream, ["hello", ""])
    assert wait_until(lambda: logs.messages == ["hello"], timeout_s=240)
    shipper.close()


def test_a_failing_service_is_asked_again() -> None:
    logs = FakeLogs("group")
    logs.failures = 2
    shipper = LogShipper(lambda: logs)
    stream = shipper.open("group", "stream", creates_group=False)
    shipper.append(stream, ["kept"])
    shipper.finish(stream)
    assert logs.messages == ["kept"]
    shipper.close()


def test_a_long_line_and_a_large_batch_are_split() -> None:
    logs = FakeLogs("group")
    shipper = LogShipper(lambda: logs)
    stream = shipper.open("group", "stream", creates_group=False)
    shipper.append(stream, ["x" * 3_000_000])
    shipper.finish(stream)
    assert "".join(logs.messages) == "x" * 3_000_000
    assert all(sum(len(event["message"]) for event in call) <= MAX_CALL_BYTES for call in logs.calls)
    shipper.close()


def test_only_awss_own_group_is_made() -> None:
    logs = FakeLogs()
    shipper = LogShipper(lambda: logs)
    with pytest.raises(LogGroupMissing):
        shipper.open("/batchyard/local/thumbnails", "stream", creates_group=False)
    shipper.open("/aws/batch/job", "stream", creates_group=True)
    assert logs.groups == {"/aws/batch/job"}
    shipper.close()
