"""Data Firehose of the lane: moto's streams with buffers, processors and prefixes in front of S3."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

from moto.firehose.exceptions import InvalidArgumentException, ResourceNotFoundException
from moto.firehose.models import DeliveryStream, FirehoseBackend, firehose_backends

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock
from local.emulator.firehose.buffers import Buffers, Destination
from local.emulator.firehose.prefix import PrefixError, check_prefixes
from local.emulator.firehose.processing import ProcessorError, steps_of
from local.emulator.substitute import Substitutions

_S3_KINDS = ("ExtendedS3", "S3")
_COMPRESSIONS = (None, "UNCOMPRESSED", "GZIP")


class FirehoseService:
    def __init__(self, context: EmulatorContext) -> None:
        clients = Clients(endpoint=context.endpoint, region=context.region)
        self.buffers = Buffers(lambda: clients("s3"), EmulatedClock(context.second_scale))
        self._substitutions = Substitutions()
        self._substitutions.backend(firehose_backends, emulated_backend(self.buffers))

    def close(self) -> None:
        """Flushes every buffer; the endpoint must still answer."""
        self.buffers.close()
        self._substitutions.undo()


def install(context: EmulatorContext) -> FirehoseService:
    """Puts our delivery into moto's Firehose; `close()` stores what is buffered and takes it out again."""
    return FirehoseService(context)


def emulated_backend(buffers: Buffers) -> type[FirehoseBackend]:
    class EmulatedFirehoseBackend(FirehoseBackend):
        def create_delivery_stream(self, *arguments: Any, **options: Any) -> str:
            for value in (*arguments, *options.values()):
                if isinstance(value, dict) and "BucketARN" in value:
                    _check(value)
            return super().create_delivery_stream(*arguments, **options)

        def update_destination(self, *arguments: Any, **options: Any) -> None:
            stream = self.delivery_streams.get(arguments[0] if arguments else options["delivery_stream_name"])
            for value in (*arguments, *options.values()):
                if isinstance(value, dict) and stream is not None:
                    known = destination_of(stream)
                    _check({**(known.configuration if known else {}), **value})
            super().update_destination(*arguments, **options)

        def delete_delivery_stream(self, delivery_stream_name: str) -> None:
            super().delete_delivery_stream(delivery_stream_name)
            buffers.flush(delivery_stream_name)

        def put_record(self, delivery_stream_name: str, record: dict[str, Any]) -> dict[str, Any]:
            answer = self.put_record_batch(delivery_stream_name, [record])
            return {"RecordId": answer["RequestResponses"][0]["RecordId"], "Encrypted": False}

        def put_record_batch(self, delivery_stream_name: str, records: list[dict[str, Any]]) -> dict[str, Any]:
            stream = self.delivery_streams.get(delivery_stream_name)
            if stream is None:
                raise ResourceNotFoundException(
                    f"Firehose {delivery_stream_name} under account {self.account_id} not found."
                )
            destination = destination_of(stream)
            if destination is None:
                return super().put_record_batch(delivery_stream_name, records)
            buffers.add(destination, [_data(record) for record in records])
            answers = [{"RecordId": str(uuid.uuid4())} for _ in records]
            return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": answers}

    return EmulatedFirehoseBackend


def destination_of(stream: DeliveryStream) -> Destination | None:
    """The stream's S3 destination as it is now; None for streams that go elsewhere."""
    for destination in stream.destinations:
        for kind in _S3_KINDS:
            if kind in destination:
                return Destination(
                    stream=stream.delivery_stream_name,
                    arn=stream.delivery_stream_arn,
                    version=stream.version_id,
                    configuration=dict(destination[kind]),
                )
    return None


def _data(record: Mapping[str, Any]) -> bytes:
    data = record["Data"]
    return bytes(data) if isinstance(data, (bytes, bytearray)) else base64.b64decode(data)


def _check(configuration: Mapping[str, Any]) -> None:
    try:
        check_prefixes(configuration.get("Prefix") or "", configuration.get("ErrorOutputPrefix") or "")
        steps_of(configuration.get("ProcessingConfiguration"))
    except (PrefixError, ProcessorError) as error:
        raise InvalidArgumentException(str(error)) from error
    compression = configuration.get("CompressionFormat")
    if compression not in _COMPRESSIONS:
        raise InvalidArgumentException(f"CompressionFormat is {compression}; the emulator has GZIP and UNCOMPRESSED")
