"""Who hears of failures: one topic a stage, fed by failed jobs and by alarms on dead-letter queues. And who hears of
reports: another, which jobs publish to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.names import Names
from components.state_patterns import Watched, finished_patterns
from jobs import conventions

FAILED = ("FAILED",)
FAILURE_PATHS = {
    "id": "$.detail.jobId",
    "name": "$.detail.jobName",
    "queue": "$.detail.jobQueue",
    "reason": "$.detail.statusReason",
    "exit": "$.detail.container.exitCode",
    "why": "$.detail.container.reason",
}


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    names: Names
    account: pulumi.Input[str]
    queues: Sequence[Watched]
    email: str | None = None
    """Subscribed; AWS asks the address for consent first."""


class Monitoring(pulumi.ComponentResource):
    """Children: the sns Topic and its TopicPolicy, a TopicSubscription when there is an address, an EventRule on
    failed jobs with its EventTarget (several, where one pattern can't name all queues). Alarms are children of what
    they watch."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(args.names.of("topic", "failures"), opts=child)
        self.topic_arn = topic.arn
        rules = {
            logical: aws.cloudwatch.EventRule(
                logical,
                description="Failed jobs, for the failure topic",
                event_pattern=pulumi.Output.json_dumps(pattern, sort_keys=True),
                opts=child,
            )
            for logical, pattern in args.names.numbered("rule", "failures", "", finished_patterns(args.queues, FAILED))
        }
        sources = policies.one_or_all([rule.arn for rule in rules.values()])
        policy = aws.sns.TopicPolicy(
            args.names.of("topic", "failures"),
            arn=topic.arn,
            policy=policies.document(
                _may_publish("events.amazonaws.com", topic.arn, {"ArnEquals": {"aws:SourceArn": sources}}),
                _may_publish(
                    "cloudwatch.amazonaws.com", topic.arn, {"StringEquals": {"aws:SourceAccount": args.account}}
                ),
            ),
            opts=child,
        )
        for logical, rule in rules.items():
            aws.cloudwatch.EventTarget(
                logical,
                rule=rule.name,
                target_id="failures",
                arn=topic.arn,
                input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                    input_paths=FAILURE_PATHS, input_template=failure_template(args.names.stage)
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
        if args.email is not None:
            _subscribe(args.names, "failures", topic, args.email, child)
        self.register_outputs({"topic_arn": self.topic_arn})


@dataclass(frozen=True, kw_only=True)
class ReportTopicArgs:
    names: Names
    email: str | None = None
    """Subscribed; AWS asks the address for consent first."""


class ReportTopic(pulumi.ComponentResource):
    """Children: the sns Topic, and a TopicSubscription when there is an address. Its own policy stays AWS's: the
    account's roles may publish that are allowed to by a policy of theirs."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: ReportTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:ReportTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(args.names.of("topic", conventions.REPORTS_TOPIC), opts=child)
        self.topic_arn = topic.arn
        if args.email is not None:
            _subscribe(args.names, conventions.REPORTS_TOPIC, topic, args.email, child)
        self.register_outputs({"topic_arn": self.topic_arn})


def _subscribe(names: Names, thing: str, topic: aws.sns.Topic, email: str, opts: pulumi.ResourceOptions) -> None:
    aws.sns.TopicSubscription(
        names.of("topic", thing, "email"), topic=topic.arn, protocol="email", endpoint=email, opts=opts
    )


def failure_template(stage: str) -> str:
    """One line of text; EventBridge wants a text in quotes, and drops quotes inside."""
    return f'"Batchyard {stage}: <name> failed: <reason>, exit code <exit>, <why>. Job <id> of <queue>"'


def _may_publish(service: str, topic_arn: pulumi.Input[str], condition: policies.Condition) -> policies.Statement:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": condition,
    }
