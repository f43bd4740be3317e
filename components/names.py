"""Names: every physical name holds the stage, fits AWS's limit, and no two things of two stages ever share one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from jobs import conventions

Value = TypeVar("Value")
Kind = Literal[
    "alarm",
    "bucket",
    "compute environment",
    "dead-letter queue",
    "delivery stream",
    "function",
    "instance profile",
    "job definition",
    "job queue",
    "log group",
    "message queue",
    "network",
    "pipe",
    "repository",
    "role",
    "rule",
    "schedule",
    "schedule group",
    "scheduling policy",
    "topic",
]

AWS_LIMITS: Final[dict[Kind, int]] = {
    "alarm": 255,
    "bucket": 63,
    "compute environment": 128,
    "dead-letter queue": 80,
    "delivery stream": 64,
    "function": 64,
    "instance profile": 128,
    "job definition": 128,
    "job queue": 128,
    "log group": 512,
    "message queue": 80,
    "network": 255,
    "pipe": 64,
    "repository": 256,
    "role": 64,
    "rule": 64,
    "schedule": 64,
    "schedule group": 64,
    "scheduling policy": 128,
    "topic": 80,
}
"""Characters AWS allows (API references of the services, 2026)."""

AUTO_SUFFIX_LENGTH: Final = 8
"""What Pulumi appends to an automatic name: a hyphen and seven hexadecimal digits."""
EXPLICIT: Final[frozenset[Kind]] = frozenset({"function", "job queue", "job definition", "log group", "repository"})
"""Kinds whose name is given outright, because people and other programs type it. The rest are auto-named:
a replacement then exists before the old one goes."""
_HASH_LENGTH: Final = 8


def shorten(name: str, limit: int) -> str:
    """The name itself when it fits, otherwise its beginning and a hash of the whole.

    >>> shorten("batchyard-dev-thumbnails", 20)
    'batchyard-d-8d6f4a45'
    """
    if limit <= _HASH_LENGTH + 1:
        raise ValueError(f"limit is {limit}; a shortened name needs more than {_HASH_LENGTH + 1} characters")
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{name[: limit - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one stage. `thing` is what a person named (a queue, a job, a bucket); `part` is one of our own
    words and has no hyphen, so that the two can always be told apart."""

    stage: str

    @property
    def prefix(self) -> str:
        """`batchyard-dev-`; a stage with a hyphen ends in two, or `c` of stage `a-b` would meet `b-c` of `a`."""
        return f"{conventions.PROJECT}-{self.stage}{'--' if '-' in self.stage else '-'}"

    def of(self, kind: Kind, thing: str, part: str = "") -> str:
        """The logical name, which is the physical one too: whole where it is explicit, else up to Pulumi's suffix."""
        if "-" in part:
            raise ValueError(f"part is {part!r}; a part has no hyphen; write it in one word")
        limit = AWS_LIMITS[kind] - (0 if kind in EXPLICIT else AUTO_SUFFIX_LENGTH)
        return shorten(f"{self.prefix}{thing}{f'-{part}' if part else ''}", limit)

    def numbered(self, kind: Kind, thing: str, part: str, values: Sequence[Value]) -> list[tuple[str, Value]]:
        """Names for several of a kind with their values: `…-part`, `…-part2`, `…-part3`."""
        return [(self.of(kind, thing, f"{part}{n if n > 1 else ''}"), value) for n, value in enumerate(values, start=1)]

    @property
    def itself(self) -> str:
        """The stage's own name, for what exists once in it."""
        return self.prefix.rstrip("-")

    @property
    def database(self) -> str:
        """`batchyard_dev`: of the Glue catalog, whose names have no hyphen; two stages' differ as the stages do."""
        return f"{conventions.PROJECT}_{self.table(self.stage)}"

    @staticmethod
    def table(job: str) -> str:
        """`weekly_report`"""
        return job.replace("-", "_")

    def repository(self, job: str) -> str:
        """`batchyard/dev/thumbnails`"""
        return f"{conventions.PROJECT}/{self.stage}/{job}"

    def log_group(self, job: str) -> str:
        """`/batchyard/dev/thumbnails`"""
        return f"/{conventions.PROJECT}/{self.stage}/{job}"
