"""The stage's topics: those of its settings, and the one for reports."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.monitoring import ReportTopic, ReportTopicArgs
from components.names import Names
from components.settings import Settings


def stage_topics(settings: Settings, names: Names, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Output[str]]:
    """Name → ARN. Those the settings make keep AWS's policy: the account's roles may publish that are allowed to by a
    policy of theirs."""
    topics: dict[str, pulumi.Output[str]] = {}
    for name in settings.monitoring.topics_for_jobs:
        args = ReportTopicArgs(names=names, email=settings.monitoring.email)
        topics[name] = ReportTopic(names.of("topic", name), args, opts).topic_arn
    for name, wanted in settings.topics.items():
        made = wanted.arn is None
        topics[name] = (
            aws.sns.Topic(names.of("topic", name), opts=opts).arn
            if made
            else pulumi.Output.from_input(wanted.arn or "")
        )
    return topics
