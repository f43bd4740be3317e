"""Pipes from an SQS queue: one message a submission.

A message that makes no job stays in its queue: it is received again after the queue's visibility timeout, and after the
redrive policy's count moves to the dead-letter queue, which is SQS's doing. So does one whose dispatcher died before it
deleted it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from moto.pipes.models import Pipe, PipeStatus
from moto.sqs.models import sqs_backends

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.events.targets import queue_url
from local.emulator.pipes.execution import event_of, passes
from local.emulator.pipes.submitter import Submitter, refusal

READING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
IN_FLIGHT_LEAST_S = 300
"""Real seconds ten messages have to be submitted, however short the queue's timeout is on the emulated clock, and
however slow the machine: a message that is visible again meanwhile would be submitted twice."""
_log = logging.getLogger(__name__)


class QueueReader:
    def __init__(self, context: EmulatorContext, clients: Clients, submitter: Submitter) -> None:
        self._context = context
        self._clients = clients
        self._submitter = submitter

    def poll(self, pipe: Pipe) -> bool:
        """Takes a few messages; whether there were any."""
        for action in READING:
            refused = refusal(pipe, action, pipe.source)
            if refused is not None:
                _log.warning("pipe %s reads nothing: %s", pipe.name, refused)
                return False
        sqs = self._clients("sqs")
        url = queue_url(self._clients, pipe.source)
        timeout_s = self._visibility_timeout_s(pipe.source)
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=max(IN_FLIGHT_LEAST_S, timeout_s),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Mapping[str, Any]] = received.get("Messages", [])
        for message in messages:
            if pipe.desired_state != PipeStatus.RUNNING.value:
                # stopped or deleted while it asked
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
                continue
            event = event_of(message, queue_arn=pipe.source, region=self._context.region)
            try:
                if passes(pipe.source_parameters, event):
                    self._submitter.submit(pipe, event)
            except Exception as error:
                self._submitter.failed(pipe, event, error)
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=timeout_s
                )
            else:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    def _visibility_timeout_s(self, queue_arn: str) -> int:
        """Real seconds; SQS itself knows no emulated clock."""
        region, account, name = queue_arn.split(":")[3:6]
        emulated_s = int(sqs_backends[account][region].queues[name].attributes["VisibilityTimeout"])
        return max(1, round(self._context.real_seconds(emulated_s)))
