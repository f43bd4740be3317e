"""What is published to a topic submits a job: the topic's subscription fills a queue that a pipe reads."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components import policies
from components.pipe_parts import queue_source
from components.pipe_trigger import PipeArgs, QueuePipeTrigger
from components.trigger import TriggerArgs
from jobs.spec.topic_source import SnsSource

SERVICE = "sns.amazonaws.com"


class TopicTrigger(QueuePipeTrigger):
    """Children beside a QueuePipeTrigger's: the QueuePolicies, which admit this topic alone, and the TopicSubscription.

    Delivery is raw: the queue gets what was published, not SNS's envelope around it, whose message is a text that a
    pipe can't look into. What SNS can't deliver goes to the dead letters too."""

    def __init__(
        self,
        name: str,
        args: TriggerArgs,
        source: SnsSource,
        topic_arn: pulumi.Input[str],
        pipe: PipeArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("TopicTrigger", name, args, opts)
        part = args.part.replace("topic", "notifications")
        queue = self._queue(pipe, part, source.receives)
        allowed = aws.sqs.QueuePolicy(
            args.names.of("message queue", args.start.job, part),
            queue_url=queue.url,
            policy=policies.service_may_send(
                service=SERVICE, action="sqs:SendMessage", resource=queue.arn, source_arns=[topic_arn]
            ),
            opts=self._child,
        )
        redriven = self._dead_letters.accept_from([topic_arn], service=SERVICE)
        made = self._pipe(pipe, queue_source(queue))
        aws.sns.TopicSubscription(
            self._named("topic"),
            topic=topic_arn,
            protocol="sqs",
            endpoint=queue.arn,
            raw_message_delivery=True,
            filter_policy=policies.to_json(source.filter) if source.filter else None,
            filter_policy_scope="MessageAttributes" if source.filter else None,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": self._dead_letters.arn}),
            # a message that comes before these would be refused
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed, redriven]),
        )
        self.register_outputs({"pipe_arn": made.arn, "dead_letters_url": self.dead_letters_url})
