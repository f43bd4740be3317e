"""What a stream does to its records before it stores them: decompress, take CloudWatch Logs messages out, add line
ends. Pure."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROCESSING_FAILED = "processing-failed"


class ProcessorError(ValueError):
    """Processors Firehose refuses when the stream is made."""


class RecordError(ValueError):
    """One record a processor can't take; it goes to the error prefix."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    data: bytes
    code: str
    message: str


Step = Callable[[bytes], bytes]


def steps_of(configuration: Mapping[str, Any] | None) -> list[Step]:
    """A stream's ProcessingConfiguration as functions, in order. Raises ProcessorError."""
    if not configuration or not configuration.get("Enabled"):
        return []
    steps: list[Step] = []
    kinds: list[str] = []
    for processor in configuration.get("Processors") or []:
        kind = processor["Type"]
        parameters = {one["ParameterName"]: one["ParameterValue"] for one in processor.get("Parameters") or []}
        if kind not in _MAKERS:
            raise ProcessorError(f"Processor type {kind}: the emulator has {', '.join(sorted(_MAKERS))}")
        if kind == "CloudWatchLogProcessing" and "Decompression" not in kinds:
            raise ProcessorError("CloudWatchLogProcessing can only be used together with a Decompression processor")
        kinds.append(kind)
        steps.append(_MAKERS[kind](parameters))
    return steps


def process(records: Sequence[bytes], steps: Sequence[Step]) -> tuple[list[bytes], list[Failure]]:
    """The records after every step, and those a step couldn't take (with their data as it came)."""
    done: list[bytes] = []
    failed: list[Failure] = []
    for record in records:
        data = record
        try:
            for step in steps:
                data = step(data)
        except RecordError as error:
            failed.append(Failure(data=record, code=type(error).__name__, message=str(error)))
        else:
            done.append(data)
    return done, failed


def _decompression(parameters: Mapping[str, str]) -> Step:
    form = parameters.get("CompressionFormat", "GZIP")
    if form != "GZIP":
        raise ProcessorError(f"Decompression: CompressionFormat is {form}; GZIP is supported")

    def decompress(data: bytes) -> bytes:
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise RecordError(f"the record isn't gzip: {error}") from error

    return decompress


def _log_messages(parameters: Mapping[str, str]) -> Step:
    if parameters.get("DataMessageExtraction", "").lower() != "true":
        raise ProcessorError("CloudWatchLogProcessing: DataMessageExtraction must be true")

    def extract(data: bytes) -> bytes:
        """One message a line; a CONTROL_MESSAGE has none."""
        try:
            payload = json.loads(data)
            if payload["messageType"] != "DATA_MESSAGE":
                return b""
            messages = [event["message"] for event in payload["logEvents"]]
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"the record isn't a CloudWatch Logs message: {error}") from error
        return "".join(f"{message}\n" for message in messages).encode()

    return extract


def _delimiter(parameters: Mapping[str, str]) -> Step:
    delimiter = parameters.get("Delimiter", "\\n").encode().decode("unicode_escape").encode()

    def append(data: bytes) -> bytes:
        # Extracted messages end with one already: an empty line would be no record.
        return data if not data or data.endswith(delimiter) else data + delimiter

    return append


_MAKERS: dict[str, Callable[[Mapping[str, str]], Step]] = {
    "Decompression": _decompression,
    "CloudWatchLogProcessing": _log_messages,
    "AppendDelimiterToRecord": _delimiter,
}
