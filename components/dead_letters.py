"""Dead-letter queues: what couldn't be delivered waits here, and an alarm says so where there is a failure topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.names import Names

RETENTION_S: Final = 14 * 24 * 3600
"""The longest SQS offers: time to notice over a holiday."""
ALARM_PERIOD_S: Final = 300


@dataclass(frozen=True, kw_only=True)
class DeadLettersArgs:
    names: Names
    thing: str
    part: str
    what: str
    """What ends up here, for the alarm's text: `submissions of thumbnails`."""
    alarm_topic_arn: pulumi.Input[str] | None = None


class DeadLetters(pulumi.ComponentResource):
    """Children: the sqs Queue; a MetricAlarm when there is a topic to tell; a QueuePolicy by `accept_from`."""

    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: DeadLettersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:DeadLetters", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._logical = args.names.of("dead-letter queue", args.thing, args.part)
        queue = aws.sqs.Queue(
            self._logical,
            message_retention_seconds=RETENTION_S,
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )
        self.arn = queue.arn
        self.url = queue.url
        if args.alarm_topic_arn is not None:
            aws.cloudwatch.MetricAlarm(
                args.names.of("alarm", args.thing, args.part),
                alarm_description=f"Batchyard {args.names.itself}: {args.what} wait in {self._logical}",
                namespace="AWS/SQS",
                metric_name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": queue.name},
                statistic="Maximum",
                period=ALARM_PERIOD_S,
                evaluation_periods=1,
                comparison_operator="GreaterThanThreshold",
                threshold=0,
                # an empty queue stops reporting after six hours
                treat_missing_data="notBreaching",
                alarm_actions=[args.alarm_topic_arn],
                opts=self._child,
            )
        self.register_outputs({"arn": self.arn, "url": self.url})

    def accept_from(
        self, source_arns: Sequence[pulumi.Input[str]], *, service: str = "events.amazonaws.com"
    ) -> pulumi.Resource:
        """EventBridge and SNS write to a queue as themselves, not as a role: the queue must allow the rules, or the
        topic."""
        return aws.sqs.QueuePolicy(
            self._logical,
            queue_url=self.url,
            policy=policies.service_may_send(
                service=service, action="sqs:SendMessage", resource=self.arn, source_arns=source_arns
            ),
            opts=self._child,
        )
