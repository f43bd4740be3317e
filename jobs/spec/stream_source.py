"""`dynamodb:` of a trigger: changes of a table's items, one a job."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from jobs.event_rules.json_path import PathError, parse_path
from jobs.event_rules.pattern import PatternError, parse_pattern
from jobs.spec.base import AsTuple, Hint, Strict, TableName, refuse
from jobs.spec.parameters import parameter_names

TableEvent = Literal["insert", "modify", "remove"]
EVENTS: Final[tuple[TableEvent, ...]] = ("insert", "modify", "remove")
RECORD_PARAMETERS: Final[dict[str, str]] = {"event_id": "$.eventID", "event_name": "$.eventName"}
"""What a change gives to `Ref::` without being asked, and where the pipe has it."""
FILTER_MAX_CHARACTERS: Final = 4096
"""Of one pattern of a pipe's filter criteria."""
_ABSENT_IMAGE: Final[dict[str, TableEvent]] = {"NewImage": "remove", "OldImage": "insert"}
"""Image → the event whose records have none."""
_IMAGES: Final = ("Keys", "NewImage", "OldImage")
_SCALARS: Final = frozenset({"S", "N", "B", "BOOL"})
_SETS: Final = frozenset({"SS", "NS", "BS"})
_OF_RECORDS: Final = frozenset(
    {
        ("eventID",),
        ("eventName",),
        ("eventSourceARN",),
        ("awsRegion",),
        *(("dynamodb", name) for name in ("ApproximateCreationDateTime", "SequenceNumber", "SizeBytes")),
    }
)


class DynamodbSource(Strict):
    """Changes of a table's items, from its stream; each submits the job once, those of one item in their order."""

    table: TableName = Field(examples=["orders"])
    """A table of the stage's settings (`batchyard:tables`); it has a stream."""
    events: Annotated[
        tuple[TableEvent, ...],
        AsTuple,
        Hint(allowed="events are a list of insert, modify and remove", remedy="write for example [insert, modify]"),
        Field(examples=[["insert", "modify"]]),
    ] = EVENTS
    """Which changes count: insert, modify, remove."""
    filter: Annotated[
        dict[str, Any], Field(examples=[{"NewImage": {"status": {"S": ["paid"]}}}, {"Keys": {"id": {"S": ["a-1"]}}}])
    ] = Field(default_factory=dict)
    """An event pattern for Keys, NewImage or OldImage: attribute → type → list of values or operators."""
    take: Annotated[dict[str, str], Field(max_length=90, examples=[{"order": "$.dynamodb.NewImage.id.S"}])] = Field(
        default_factory=dict
    )
    """Parameter: JSON path into the stream's record where its value is, below its type: `$.dynamodb.Keys.id.S`."""
    starting_position: Literal["LATEST", "TRIM_HORIZON"] = "LATEST"
    """Where a new trigger begins to read: at what comes from then on, or a day back."""
    retries: Annotated[
        int,
        Field(ge=0, le=10_000, examples=[10]),
        Hint(allowed="a pipe tries 0–10,000 times more", remedy="write a whole number in that range"),
    ] = 10
    """How often a change is tried again before it goes to the dead-letter queue; those behind it wait."""

    @field_validator("events")
    @classmethod
    def _events(cls, events: tuple[TableEvent, ...]) -> tuple[TableEvent, ...]:
        if not events:
            raise refuse("empty", "a trigger waits for one event at least", "leave it out for all three")
        for position, event in enumerate(events):
            if event in events[:position]:
                raise refuse(
                    f"{event} for the second time", "each event is named once", "remove one of the two", key=(position,)
                )
        return events

    @field_validator("take")
    @classmethod
    def _take(cls, take: dict[str, str]) -> dict[str, str]:
        for name, path in parameter_names(take).items():
            try:
                steps = parse_path(path)
            except PathError:
                steps = ()
            if not _is_value(steps):
                raise refuse(
                    f"{path[:60]!r}, where no record has a value",
                    "a value stands below its attribute and type in Keys, NewImage or OldImage",
                    "write for example $.dynamodb.NewImage.id.S",
                    key=(name,),
                )
        return take

    @field_validator("filter")
    @classmethod
    def _filter(cls, pattern: dict[str, Any]) -> dict[str, Any]:
        remedy = "write for example {NewImage: {status: {S: [paid]}}}"
        for image, attributes in pattern.items():
            if image not in _IMAGES:
                raise refuse(f"{image[:60]!r}", f"a filter is on {', '.join(_IMAGES)}", remedy, key=(image,))
            if not isinstance(attributes, dict) or not attributes:
                raise refuse("without attributes", "an image has attributes", remedy, key=(image,))
            for attribute, types in attributes.items():
                if not isinstance(types, dict) or not types:
                    raise refuse(
                        "without a type", "an attribute's values stand below its type", remedy, key=(image, attribute)
                    )
                _check_texts(types, (image, attribute))
        try:
            if pattern:
                parse_pattern(json.dumps(pattern))
        except (PatternError, RecursionError) as error:
            shown = str(error) if str(error).isprintable() else repr(str(error))
            raise refuse(f"no event pattern ({shown[:160]})", "EventBridge must take it", remedy) from None
        return pattern

    @model_validator(mode="after")
    def _what_passes_has_what_is_taken(self) -> DynamodbSource:
        length = len(json.dumps(self.pattern, ensure_ascii=False))
        if length > FILTER_MAX_CHARACTERS:
            raise refuse(
                f"{length:,} characters long",
                f"a pipe's filter has {FILTER_MAX_CHARACTERS:,} at most",
                "name fewer or shorter values, or make several triggers",
                key=("filter",),
                about=("filter", "events"),
            )
        passing = self.passing
        if not passing:
            raise refuse(
                f"on an image that no {' or '.join(self.events)} has",
                "an insert has no OldImage, a remove has no NewImage",
                "filter by the other image, or by Keys",
                key=("filter",),
                about=("filter", "events"),
            )
        for name, path in self.take.items():
            absent = _ABSENT_IMAGE.get(str([*parse_path(path), "", ""][1]))
            if absent in passing:
                raise refuse(
                    f"{path[:60]!r}, and {absent} has no such image",
                    "every event that counts has what is taken",
                    f"leave {absent} out of events, or take it from Keys",
                    key=("take", name),
                    about=("take", "events", "filter"),
                )
        return self

    @property
    def passing(self) -> tuple[TableEvent, ...]:
        """The events that the filter can let pass."""
        without = {
            event
            for image, event in _ABSENT_IMAGE.items()
            if image in self.filter and not parse_pattern(json.dumps({image: self.filter[image]})).matches({})
        }
        return tuple(event for event in self.events if event not in without)

    @property
    def pattern(self) -> dict[str, Any]:
        """Of the pipe's filter criteria; empty when every change counts."""
        pattern: dict[str, Any] = {}
        if set(self.events) != set(EVENTS):
            pattern["eventName"] = [event.upper() for event in self.events]
        if self.filter:
            pattern["dynamodb"] = self.filter
        return pattern

    @property
    def images(self) -> frozenset[str]:
        """The images it filters by or takes values from: the table's stream must have them."""
        taken = {str(step) for path in self.take.values() for step in parse_path(path)[1:2]}
        return (frozenset(self.filter) | taken) & frozenset(_ABSENT_IMAGE)

    @property
    def offered(self) -> dict[str, str]:
        """Parameter → path."""
        return {**RECORD_PARAMETERS, **self.take}


def _is_value(steps: tuple[str | int, ...]) -> bool:
    if "*" in steps:
        return False
    if steps[:1] == ("dynamodb",) and len(steps) > 3 and steps[1] in _IMAGES:
        return steps[-1] in _SCALARS or (isinstance(steps[-1], int) and len(steps) > 4 and steps[-2] in _SETS)
    return steps in _OF_RECORDS


def _check_texts(value: Any, path: tuple[str | int, ...], *, in_list: bool = False) -> None:
    """A stream has numbers as text, so that a number or `numeric` equals none; pipes have no `wildcard`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            # outside of a list it is an attribute's name
            if in_list and name in ("wildcard", "numeric"):
                raise refuse(
                    name,
                    "pipes have no wildcard, and numeric compares no text, which a stream's numbers are",
                    "write values as text, prefix or suffix",
                    key=path,
                )
            _check_texts(inner, (*path, name), in_list=in_list)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _check_texts(inner, (*path, position), in_list=True)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        raise refuse(f"{value}"[:60], "a stream has numbers as text", "write it in quotes", key=path)
