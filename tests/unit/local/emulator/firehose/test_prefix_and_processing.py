from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from local.emulator.firehose.prefix import PrefixError, check_prefixes, error_key, object_key
from local.emulator.firehose.processing import ProcessorError, process, steps_of

ARRIVED = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)


def key(prefix: str, extension: str = "") -> str:
    return object_key(
        prefix=prefix, stream="attempts", version="2", arrived=ARRIVED, identifier="uuid", extension=extension
    )


@pytest.mark.parametrize(
    ("prefix", "folder"),
    [
        ("", "2026/02/03/04/"),
        ("plain/", "plain/2026/02/03/04/"),
        ("attempts/day=!{timestamp:yyyy-MM-dd}/", "attempts/day=2026-02-03/"),
        ("a/!{timestamp:yyyy}/!{timestamp:MM/dd/HH}-", "a/2026/02/03/04-"),
        ("!{timestamp:'year='yyyy''''}/", "year=2026''/"),
        ("!{timestamp:D_H_m_s_SSS_yy}/", "34_4_5_6_789_26/"),
    ],
)
def test_folders(prefix: str, folder: str) -> None:
    assert key(prefix) == f"{folder}attempts-2-2026-02-03-04-05-06-uuid"


def test_names() -> None:
    assert key("x!{timestamp:yyyy}", ".gz").endswith("-uuid.gz")
    assert re.fullmatch(r"r/[A-Za-z0-9]{11}/2026/02/03/04/attempts-.*", key("r/!{firehose:random-string}/"))
    failed: dict[str, Any] = {"kind": "processing-failed", "stream": "s", "version": "1", "arrived": ARRIVED}
    assert error_key(prefix="errors/!{firehose:error-output-type}/!{timestamp:yyyy}/", identifier="i", **failed) == (
        "errors/processing-failed/2026/s-1-2026-02-03-04-05-06-i"
    )
    assert error_key(prefix="", identifier="i", **failed).startswith("processing-failed/2026/02/03/04/s-1-")
    assert error_key(prefix="e/", identifier="i", **failed).startswith("e/2026/02/03/04/processing-failed/s-1-")


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "text"),
    [
        ("a/!{timestamp:yyyy}/", "", "ErrorOutputPrefix cannot be null"),
        ("a/!{timestamp:yyyy}/", "errors/", "must contain !{firehose:error-output-type}"),
        ("a/!{timestamp:yyyy/", "", "isn't closed"),
        ("a/!{timestamp:QQ}/", "!{firehose:error-output-type}", "the letter Q"),
        ("a/!{partitionKeyFromQuery:k}/", "!{firehose:error-output-type}", "isn't known"),
        ("a/!{firehose:error-output-type}/", "!{firehose:error-output-type}", "isn't known"),
        ("!{timestamp:yyyy'}", "!{firehose:error-output-type}", "isn't closed"),
    ],
)
def test_refused_prefixes(prefix: str, error_prefix: str, text: str) -> None:
    with pytest.raises(PrefixError, match=re.escape(text)):
        check_prefixes(prefix, error_prefix)


def processors(*kinds: str, **parameters: str) -> dict[str, Any]:
    given = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    chosen = {"CloudWatchLogProcessing": ["DataMessageExtraction"], "AppendDelimiterToRecord": ["Delimiter"]}
    return {
        "Enabled": True,
        "Processors": [
            {"Type": kind, "Parameters": [one for one in given if one["ParameterName"] in chosen.get(kind, [])]}
            for kind in kinds
        ],
    }


def log_message(*messages: str, kind: str = "DATA_MESSAGE") -> bytes:
    events = [{"id": str(number), "timestamp": 1, "message": message} for number, message in enumerate(messages)]
    return gzip.compress(json.dumps({"messageType": kind, "logEvents": events}).encode())


def test_log_messages_become_lines() -> None:
    steps = steps_of(
        processors("Decompression", "CloudWatchLogProcessing", "AppendDelimiterToRecord", DataMessageExtraction="true")
    )
    records = [log_message("a", "b é"), log_message("ignored", kind="CONTROL_MESSAGE"), b"not gzip", log_message("c")]
    done, failed = process(records, steps)
    assert b"".join(done).decode() == "a\nb é\nc\n"
    assert [failure.data for failure in failed] == [b"not gzip"]
    assert "isn't gzip" in failed[0].message


def test_delimiters() -> None:
    assert process([b"{}", b"{}\n"], steps_of(processors("AppendDelimiterToRecord"))) == ([b"{}\n", b"{}\n"], [])
    assert process([b"a"], steps_of(processors("AppendDelimiterToRecord", Delimiter="||"))) == ([b"a||"], [])
    assert process([b"a"], steps_of({"Enabled": False, "Processors": [{"Type": "Lambda"}]})) == ([b"a"], [])


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (processors("CloudWatchLogProcessing", DataMessageExtraction="true"), "together with a Decompression"),
        (processors("Decompression", "CloudWatchLogProcessing"), "DataMessageExtraction must be true"),
        (processors("Lambda"), "the emulator has"),
    ],
)
def test_refused_processors(configuration: dict[str, Any], text: str) -> None:
    with pytest.raises(ProcessorError, match=text):
        steps_of(configuration)
