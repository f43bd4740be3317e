"""What the models of specs and settings have in common: strict types, and hints that become the text of a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError

from jobs import conventions
from jobs.spec.attribute_docs import attribute_docs
from jobs.spec.yaml_file import KeyPath


class Strict(BaseModel):
    """Frozen, no unknown keys, no coercion: "3" is not 3."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A field's docstring is its description in the schema, where it has no other."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for field, text in attribute_docs(cls).items():
            properties[field].setdefault("description", text)
        return schema


@dataclass(frozen=True, kw_only=True)
class Hint:
    """Rides in a field's annotation: what a problem says is allowed, and how to put it right."""

    allowed: str
    remedy: str


def refuse(
    got: str, allowed: str, remedy: str, *, key: KeyPath = (), about: tuple[str, ...] = ()
) -> PydanticCustomError:
    """A validator's error that carries the three texts of a problem; `key` goes on from the field's place.

    `about` names the fields a check between fields looked at: it isn't reported where one of them is wrong by itself.
    """
    context = {"got": got, "allowed": allowed, "remedy": remedy, "key": key, "about": about}
    return PydanticCustomError("batchyard", "{got}; {allowed}; {remedy}", context)


def each_once(values: tuple[str, ...], kind: str, *, quoted: bool = False) -> tuple[str, ...]:
    """The values, when none comes twice. `quoted` shows them in quotes and cut: texts that may hold anything."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise refuse(
                f"{repr(value[:60]) if quoted else value} for the second time",
                f"each {kind} is named once",
                "remove one of the two",
                key=(position,),
            )
    return values


def list_to_tuple(value: Any) -> Any:
    """YAML and JSON have lists; the models are frozen."""
    return tuple(value) if isinstance(value, list) else value


def _name(limit: int, kind: str) -> tuple[StringConstraints, Hint]:
    return (
        StringConstraints(strict=True, pattern=conventions.NAME_PATTERN, max_length=limit),
        Hint(
            allowed=f"a {kind}'s name is lower-case letters, digits and single hyphens, beginning with a letter, "
            f"at most {limit} characters",
            remedy=f"rename the {kind}",
        ),
    )


AsTuple = BeforeValidator(list_to_tuple)
QueueName = Annotated[str, *_name(conventions.QUEUE_NAME_MAX, "queue")]
BucketName = Annotated[str, *_name(conventions.BUCKET_NAME_MAX, "bucket")]
TopicName = Annotated[str, *_name(conventions.TOPIC_NAME_MAX, "topic")]
TableName = Annotated[str, *_name(conventions.TABLE_NAME_MAX, "table")]
JobName = Annotated[str, *_name(conventions.JOB_NAME_MAX, "job")]
ComputeEnvironmentName = Annotated[str, *_name(conventions.COMPUTE_ENVIRONMENT_NAME_MAX, "compute environment")]
ShareName = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[A-Za-z0-9]+$", max_length=64),
    Hint(allowed="a share is letters and digits, at most 64", remedy="rename the share"),
]
Owner = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.@/+=-]*$", max_length=conventions.OWNER_MAX),
    Hint(
        allowed="an owner becomes a cost tag: letters, digits, spaces and _.@/+=-, "
        f"at most {conventions.OWNER_MAX} characters",
        remedy="write the team's short name",
    ),
]
