"""Topics and tables whose messages and changes submit jobs: `batchyard:topics`, `batchyard:tables`."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from jobs.spec.base import Hint, Strict


class TopicSettings(Strict):
    """An SNS topic that triggers name: one the stage makes, or one that exists."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    arn: Annotated[
        str | None,
        StringConstraints(
            strict=True, pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$"
        ),
        Hint(
            allowed="a topic's ARN is arn:aws:sns:<region>:<account>:<name>",
            remedy="copy it from aws sns list-topics, or leave it out and the stage makes a topic",
        ),
        Field(examples=["arn:aws:sns:us-east-1:123456789012:shop-orders"]),
    ] = None
    """Of a topic that exists, in the stage's region. Left out: the stage makes one."""


class TableSettings(Strict):
    """A DynamoDB table whose changes submit jobs. It isn't the stage's: it exists, and has a stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop-orders"}]})

    name: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{3,255}$"),
        Hint(allowed="a table's name is letters, digits and _.-, 3–255 of them", remedy="write the table's own name"),
        Field(examples=["shop-orders"]),
    ]
    """The table's own name, in the stage's account and region."""
