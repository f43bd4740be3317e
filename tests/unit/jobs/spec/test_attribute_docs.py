"""A field's docstring is its description in the schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.spec.attribute_docs import attribute_docs
from jobs.spec.base import Strict


class Machine(Strict):
    """A machine."""

    vcpus: int
    """How many
    it has."""
    memory_mib: Annotated[int, Field(description="said here")] = 1
    """not taken"""
    name: str = ""

    def size(self) -> int:
        """No field's."""
        return self.vcpus


class Rack(Machine):
    """A rack."""

    name: str = "rack"
    """Written on it."""
    machine: Machine | None = None
    """One of them."""


def test_each_fields_docstring_is_told_also_of_the_model_that_is_extended() -> None:
    assert attribute_docs(Rack) == {
        "vcpus": "How many\nit has.",
        "memory_mib": "not taken",
        "name": "Written on it.",
        "machine": "One of them.",
    }


def test_a_docstring_is_the_description_where_there_is_no_other() -> None:
    schema = Rack.model_json_schema()
    assert {key: described.get("description") for key, described in schema["properties"].items()} == {
        "vcpus": "How many\nit has.",
        "memory_mib": "said here",
        "name": "Written on it.",
        "machine": "One of them.",
    }
    assert "description" not in schema["$defs"]["Machine"]["properties"]["name"]
