"""`sqs:` of a trigger: messages, one a job."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, field_validator

from jobs.event_rules.json_path import PathError, parse_path
from jobs.spec.base import Hint, Strict, refuse
from jobs.spec.parameters import parameter_names

MESSAGE_PARAMETERS: Final[dict[str, str]] = {"message_id": "$.messageId"}
"""What a message gives to `Ref::` without being asked, and where the pipe has it."""
PATH_MARK: Final = "$."
"""What a value begins with that a pipe takes for a path."""


Receives = Annotated[
    int,
    Field(ge=1, le=1_000, examples=[5]),
    Hint(allowed="SQS counts 1–1,000 receives", remedy="write a whole number in that range"),
]
"""How often a queue hands a message out."""


class SqsSource(Strict):
    """Messages to the trigger's own queue, whose URL the stage exports; each submits the job once."""

    take: Annotated[dict[str, str], Field(max_length=90, examples=[{"order": "$.body.order"}])] = Field(
        default_factory=dict
    )
    """Parameter: JSON path into the message where its value is; `$.body` is the text, `$.body.key` looks into JSON."""
    receives: Receives = 5
    """How often a message is tried before it goes to the dead-letter queue."""

    @field_validator("take")
    @classmethod
    def _take(cls, take: dict[str, str]) -> dict[str, str]:
        return message_paths(take)

    @property
    def offered(self) -> dict[str, str]:
        """Parameter → path."""
        return {**MESSAGE_PARAMETERS, **self.take}


def message_paths(take: dict[str, str]) -> dict[str, str]:
    """Parameters and where a message has their values, when every path may lead to one."""
    for name, path in parameter_names(take).items():
        try:
            steps = parse_path(path)
        except PathError:
            steps = ()
        if not steps or "*" in steps:
            raise refuse(
                f"{path[:60]!r}, which is no path to one value",
                "a path is names and numbers from $ on",
                "write for example $.body.order",
                key=(name,),
            )
    return take
