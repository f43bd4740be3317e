"""`s3:` of a trigger."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from jobs.spec.base import BucketName, Hint, Strict, each_once, refuse

SIZE_MAX_BYTES: Final = 5_000_000_000
"""EventBridge compares numbers up to this; the size of a larger object fulfils no range."""
_PATTERN_CHARACTERS = "*?\\"
_STRAY_ESCAPE = re.compile(r"(?:[^\\]|\\[\\*])*")


def _plain_key_text(text: str) -> str:
    for character in _PATTERN_CHARACTERS:
        if character in text:
            raise refuse(
                f"{text[:60]!r}",
                f"prefix and suffix are plain text, {character} is no pattern",
                f"leave {character} out",
            )
    return text


def _one_or_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _several(texts: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """The texts, when none is empty and none comes twice."""
    for position, text in enumerate(texts):
        if not text:
            raise refuse("empty", f"a {kind} is at least one character", "remove it", key=(position,))
    return each_once(texts, kind, quoted=True)


def _no_slash(text: str, key: tuple[str | int, ...] = ()) -> None:
    if text.startswith("/"):
        raise refuse(f"{text[:60]!r}", "S3 keys don't begin with a slash", f"write {text.lstrip('/')[:60]!r}", key=key)


KeyText = Annotated[str, StringConstraints(strict=True, max_length=512)]


class SizeRange(Strict):
    """Sizes of objects, both ends included."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"min_bytes": 1}]})

    min_bytes: Annotated[
        int | None,
        Field(ge=0, le=SIZE_MAX_BYTES, examples=[1]),
        Hint(allowed="EventBridge compares sizes up to 5,000,000,000 bytes", remedy="write whole bytes in that range"),
    ] = None
    """Smallest size in bytes."""
    max_bytes: Annotated[
        int | None,
        Field(ge=0, le=SIZE_MAX_BYTES, examples=[104857600]),
        Hint(allowed="EventBridge compares sizes up to 5,000,000,000 bytes", remedy="write whole bytes in that range"),
    ] = None
    """Largest size in bytes."""

    @model_validator(mode="after")
    def _a_range(self) -> SizeRange:
        if self.min_bytes is None and self.max_bytes is None:
            raise refuse(
                "without min_bytes and max_bytes",
                "a size has at least one of the two",
                "write for example size: {min_bytes: 1}",
                about=("min_bytes", "max_bytes"),
            )
        if self.min_bytes is not None and self.max_bytes is not None and self.min_bytes > self.max_bytes:
            raise refuse(
                f"{self.min_bytes} with max_bytes {self.max_bytes}, which no object has",
                "min_bytes is at most max_bytes",
                "exchange the two",
                key=("min_bytes",),
                about=("min_bytes", "max_bytes"),
            )
        return self


class S3Source(Strict):
    """Uploads to one bucket whose key begins with `prefix` and ends in one of `suffix`, or is like a `wildcard`."""

    bucket: BucketName = Field(examples=["uploads"])
    """A bucket of the stage."""
    prefix: Annotated[KeyText, Field(examples=["photos/"])] = ""
    """Beginning of the key; plain text."""
    suffix: Annotated[
        tuple[KeyText, ...],
        BeforeValidator(_one_or_list),
        Hint(allowed="a suffix is text or a list of texts", remedy="write suffix: [.jpg, .png]"),
        Field(examples=[[".jpg", ".png"]]),
    ] = ()
    """End of the key, or a list of ends; plain text. None means every key."""
    wildcard: Annotated[
        tuple[KeyText, ...],
        BeforeValidator(_one_or_list),
        Hint(allowed="a wildcard is text or a list of texts", remedy='write wildcard: "in/*/part-*.csv"'),
        Field(examples=["in/*/part-*.csv"]),
    ] = ()
    """The whole key with `*` for any characters, or a list of such; instead of prefix and suffix."""
    size: Annotated[SizeRange | None, Field(examples=[{"min_bytes": 1}])] = None
    """Sizes that submit the job; every size when left out."""

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        _no_slash(prefix)
        return _plain_key_text(prefix)

    @field_validator("suffix")
    @classmethod
    def _suffix(cls, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        for text in _several(suffixes, "suffix"):
            _plain_key_text(text)
        return suffixes

    @field_validator("wildcard")
    @classmethod
    def _wildcard(cls, wildcards: tuple[str, ...]) -> tuple[str, ...]:
        for position, text in enumerate(_several(wildcards, "wildcard")):
            _no_slash(text, (position,))
            if "**" in re.sub(r"\\.", "--", text):
                raise refuse(
                    f"{text[:60]!r}",
                    "EventBridge takes no two * in a row; one stands for any characters, / too",
                    "write one *",
                    key=(position,),
                )
            if _STRAY_ESCAPE.fullmatch(text) is None:
                raise refuse(
                    f"{text[:60]!r}",
                    "\\ stands before * and \\ only, for the characters themselves",
                    "write \\\\ for a backslash",
                    key=(position,),
                )
        return wildcards

    @model_validator(mode="after")
    def _one_way(self) -> S3Source:
        if self.wildcard and (self.prefix or self.suffix):
            whole = f"{self.prefix}*{''.join(self.suffix[:1])}"
            raise refuse(
                "given beside prefix or suffix",
                "a wildcard is the whole key",
                f"write wildcard: {whole[:60]!r}, or leave it out",
                key=("wildcard",),
                about=("wildcard", "prefix", "suffix"),
            )
        return self

    @property
    def all_keys(self) -> bool:
        """Whether every key submits the job."""
        return not self.prefix and not self.suffix and (not self.wildcard or "*" in self.wildcard)
