"""`array`: one submission, many children; how many is fixed, or the number of lines of a manifest."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from jobs.spec.base import BucketName, Hint, Strict, refuse
from jobs.spec.parameters import is_broken_reference, referenced

MAX_CHILDREN: Final = 10_000
DISPATCH: Final = "dispatch"
"""What submits the arrays of the job `x` is the job definition `x-dispatch`."""


class Manifest(Strict):
    """A text file in a bucket of the stage, UTF-8, one line for each child. The job may read it."""

    bucket: BucketName = Field(examples=["uploads"])
    """A bucket of the stage."""
    key: Annotated[
        str,
        Field(examples=["lists/today.txt", "Ref::key"]),
        StringConstraints(strict=True, min_length=1, max_length=1024),
        Hint(allowed="a key is 1 to 1,024 characters", remedy="write the key, or Ref::name for a parameter"),
    ]
    """Its key, or `Ref::name` for a parameter that holds it: `Ref::key` is what an upload trigger brings."""

    @field_validator("key")
    @classmethod
    def _key(cls, key: str) -> str:
        if is_broken_reference(key):
            raise refuse(f"{key[:60]!r}", "Ref::name is the whole key", "write the key out, or one Ref::name")
        if key.startswith("/"):
            raise refuse(f"{key[:60]!r}", "S3 keys don't begin with a slash", f"write {key.lstrip('/')[:60]!r}")
        return key

    @property
    def reference(self) -> str | None:
        """The name in `Ref::name`; None for a key that is written out."""
        return referenced(self.key)


class Array(Strict):
    """An array job: a fixed `size`, or one child for each line of a `manifest`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"size": 10}]})

    size: Annotated[
        int | None,
        Field(ge=2, le=MAX_CHILDREN, examples=[10]),
        Hint(allowed="Batch allows 2–10,000", remedy="write a whole number in that range, or leave array out"),
    ] = None
    """Children, each told apart by AWS_BATCH_JOB_ARRAY_INDEX from 0."""
    manifest: Manifest | None = None
    """A child for each line; it gets BATCHYARD_ARRAY_INDEX and BATCHYARD_ARRAY_LINE."""

    @model_validator(mode="after")
    def _one(self) -> Array:
        if (self.size is None) == (self.manifest is None):
            got = "without size and manifest" if self.size is None else "given both size and manifest"
            raise refuse(
                got,
                "an array has one of size and manifest",
                "write size: 10, or manifest: {bucket: uploads, key: Ref::key}",
                about=("size", "manifest"),
            )
        return self
