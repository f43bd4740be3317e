"""Checks of triggers against the topics and tables of a stage's settings."""

from __future__ import annotations

from components.settings_load import settings_places
from components.settings_model import Settings
from jobs import conventions
from jobs.problems import Problem, listing, suggestion
from jobs.spec import LoadedSpec


def topic_problems(settings: Settings) -> list[Problem]:
    """Topics that a subscription of the stage can't be made for."""
    place_of = settings_places(settings)
    return [
        Problem(
            place=place_of("topics", name, "arn"),
            got=f"{topic.arn}, which is in {topic.arn.split(':')[3]}",
            allowed=f"a topic is in the stage's region, {settings.region}",
            remedy="name one of that region, or subscribe a topic of the stage to it by hand",
        )
        for name, topic in settings.topics.items()
        if topic.arn is not None and topic.arn.split(":")[3] != settings.region
    ]


def source_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """Of one job: topics and tables its triggers name, and a topic it publishes to itself."""
    problems: list[Problem] = []
    for position, trigger in enumerate(loaded.spec.triggers):
        if trigger.sns is not None:
            topic, where = trigger.sns.topic, loaded.place("triggers", position, "sns", "topic")
            if topic not in settings.topics:
                problems.append(_unknown(where, "topic", topic, list(settings.topics)))
            elif topic in loaded.spec.permissions.notify and not trigger.sns.filter:
                problems.append(
                    Problem(
                        place=where,
                        got=f"{topic}, which the job publishes to",
                        allowed="what a job publishes may not submit it again",
                        remedy="give a filter that its messages don't pass",
                    )
                )
        if trigger.dynamodb is not None and trigger.dynamodb.table not in settings.tables:
            where = loaded.place("triggers", position, "dynamodb", "table")
            problems.append(_unknown(where, "table", trigger.dynamodb.table, list(settings.tables)))
    return problems


def _unknown(where: str, kind: str, name: str, known: list[str]) -> Problem:
    if kind == "topic" and name in (conventions.FAILURES_TOPIC, conventions.REPORTS_TOPIC):
        allowed = f"the platform's own topics submit no jobs; known are {listing(known)}"
    else:
        allowed = f"known are {listing(known)}"
    return Problem(
        place=where,
        got=f"the unknown {kind} {name}",
        allowed=allowed,
        remedy=suggestion(name, known, otherwise=f"add {name} to batchyard:{kind}s"),
    )
