"""Pipes from a DynamoDB stream: the records of a shard one after another, one a submission.

A record that makes no job is tried again, and those behind it wait; after the pipe's retries its place in the stream
goes to the dead-letter queue. How far a pipe has come is kept with the pipe: another dispatcher goes on from there.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.pipes.models import Pipe, PipeStatus

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock
from local.emulator.events.delivery import as_delivery_error, pause_s
from local.emulator.events.targets import queue_url
from local.emulator.pipes.execution import event_of_record, passes
from local.emulator.pipes.submitter import Submitter, refusal

READING = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
RECORDS_AT_ONCE = 100
_FOREVER = -1
_log = logging.getLogger(__name__)


class NotReadableError(Exception):
    """The pipe can't begin; the text is its StateReason."""


@dataclass
class _Shard:
    iterator: str
    records: deque[dict[str, Any]] = field(default_factory=deque)
    """Read and not done."""
    retries: int = 0
    due_s: float = 0.0
    """Emulated: when the first of them is tried again."""


def checkpoints(pipe: Pipe) -> dict[str, str]:
    """Shard → sequence number of the last record that is done."""
    known: dict[str, str] = vars(pipe).setdefault("checkpoints", {})
    return known


class StreamReader:
    def __init__(self, context: EmulatorContext, clients: Clients, submitter: Submitter) -> None:
        self._context = context
        self._clients = clients
        self._submitter = submitter
        self._clock = EmulatedClock(context.second_scale)
        self._open: dict[Pipe, dict[str, _Shard]] = {}

    def forget_others(self, pipes: list[Pipe]) -> None:
        """Stopped or deleted ones; a stopped one goes on where it was."""
        for pipe in set(self._open) - set(pipes):
            del self._open[pipe]

    def poll(self, pipe: Pipe) -> bool:
        """Takes the next record of each shard; whether one is done. A pipe that can't begin says so in its state."""
        if str(pipe.status).endswith("_FAILED"):
            return False
        if pipe not in self._open:
            try:
                self._open[pipe] = self._shards(pipe)
            except Exception as error:
                if pipe.status in (PipeStatus.CREATING.value, PipeStatus.STARTING.value):
                    began = "CREATE" if pipe.status == PipeStatus.CREATING.value else "START"
                    pipe.status = f"{began}_FAILED"
                    vars(pipe)["state_reason"] = str(error)
                raise
            pipe.status = PipeStatus.RUNNING.value
        done = [self._advance(pipe, shard_id, shard) for shard_id, shard in self._open[pipe].items()]
        return any(done)

    def _shards(self, pipe: Pipe) -> dict[str, _Shard]:
        """Every shard with where to begin: behind what is done, else where the pipe says."""
        for action in READING:
            refused = refusal(pipe, action, pipe.source)
            if refused is not None:
                raise NotReadableError(refused)
        streams = self._clients("dynamodbstreams")
        found: dict[str, _Shard] = {}
        for shard in streams.describe_stream(StreamArn=pipe.source)["StreamDescription"]["Shards"]:
            shard_id = shard["ShardId"]
            done = checkpoints(pipe).get(shard_id)
            where = (
                {"ShardIteratorType": _parameters(pipe)["StartingPosition"]}
                if done is None
                else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": done}
            )
            answer = streams.get_shard_iterator(StreamArn=pipe.source, ShardId=shard_id, **where)
            found[shard_id] = _Shard(iterator=answer["ShardIterator"])
        return found

    def _advance(self, pipe: Pipe, shard_id: str, shard: _Shard) -> bool:
        if self._clock.now_s() < shard.due_s:
            return False
        if not shard.records:
            answer = self._clients("dynamodbstreams").get_records(ShardIterator=shard.iterator, Limit=RECORDS_AT_ONCE)
            shard.iterator = answer["NextShardIterator"]
            shard.records.extend(answer["Records"])
        if not shard.records:
            return False
        record = shard.records[0]
        event = event_of_record(record, stream_arn=pipe.source, region=self._context.region)
        if passes(pipe.source_parameters, event):
            try:
                self._submitter.submit(pipe, event)
            except Exception as error:
                self._submitter.failed(pipe, event, error)
                # a connection that failed isn't the pipe's mistake: AWS doesn't count it
                counted = as_delivery_error(error).code != "CONNECTION_FAILURE"
                condition = self._given_up(pipe, shard, record) if counted else None
                if condition is None:
                    # AWS doesn't say how long it waits: as long as a rule does
                    shard.due_s = self._clock.now_s() + pause_s(shard.retries)
                    shard.retries += counted
                    return False
                self._dead_letter(pipe, shard_id, record, condition)
        shard.records.popleft()
        shard.retries = 0
        checkpoints(pipe)[shard_id] = record["dynamodb"]["SequenceNumber"]
        return True

    def _given_up(self, pipe: Pipe, shard: _Shard, record: dict[str, Any]) -> str | None:
        """The condition that ends the retries, in AWS's words; None while there is one left."""
        wanted = _parameters(pipe)
        most = wanted.get("MaximumRetryAttempts", _FOREVER)
        if most != _FOREVER and shard.retries >= most:
            return "RetryAttemptsExhausted"
        oldest_s = wanted.get("MaximumRecordAgeInSeconds", _FOREVER)
        created: datetime = record["dynamodb"]["ApproximateCreationDateTime"]
        age_s = (time.time() - created.timestamp()) / self._context.second_scale
        return "MaximumRecordAgeExceeded" if oldest_s != _FOREVER and age_s > oldest_s else None

    def _dead_letter(self, pipe: Pipe, shard_id: str, record: dict[str, Any], condition: str) -> None:
        """Where in the stream the record is, as AWS tells it; the record itself isn't in the letter."""
        arn = str((_parameters(pipe).get("DeadLetterConfig") or {}).get("Arn") or "")
        number = record["dynamodb"]["SequenceNumber"]
        what = f"record {number} of {pipe.source} for pipe {pipe.name}"
        refused = refusal(pipe, "sqs:SendMessage", arn) if arn else "the pipe has no dead-letter queue"
        if refused is not None:
            _log.warning("dropped %s: %s", what, refused)
            return
        arrived = _time(record["dynamodb"]["ApproximateCreationDateTime"])
        letter = {
            "context": {"partnerResourceArn": pipe.arn, "condition": condition},
            "version": "1.0",
            "timestamp": _time(datetime.now(UTC)),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": number,
                "endSequenceNumber": number,
                "approximateArrivalOfFirstRecord": arrived,
                "approximateArrivalOfLastRecord": arrived,
                "batchSize": 1,
                "streamArn": pipe.source,
            },
        }
        try:
            self._clients("sqs").send_message(QueueUrl=queue_url(self._clients, arn), MessageBody=json.dumps(letter))
        except Exception:
            _log.exception("dropped %s: the dead-letter queue %s didn't take it", what, arn)


def _parameters(pipe: Pipe) -> dict[str, Any]:
    return (pipe.source_parameters or {}).get("DynamoDBStreamParameters") or {}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
