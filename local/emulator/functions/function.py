"""A function as it is when one of its events is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs import conventions


@dataclass(frozen=True, kw_only=True)
class Function:
    name: str
    arn: str
    # of code and configuration: environments of another one take no event any more
    revision: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    memory_mib: int
    timeout_s: int
    role: str
    architecture: str
    log_group: str
    tags: Mapping[str, str]
    dead_letters_arn: str | None = None
    max_retries: int = 2
    max_age_s: int = 21_600
    # ARNs of what is told of ends: `OnSuccess`, `OnFailure`
    destinations: Mapping[str, str] = field(default_factory=dict)

    @property
    def vcpus(self) -> float:
        return self.memory_mib / conventions.LAMBDA_VCPU_MIB
