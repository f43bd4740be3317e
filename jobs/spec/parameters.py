"""Names of parameters, and `Ref::name` where their values go."""

from __future__ import annotations

import re

from jobs.conventions import REFERENCE
from jobs.spec.base import refuse

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


def referenced(text: str) -> str | None:
    """The name in `Ref::name`; None for a text that is not one reference and nothing else."""
    mark, _, name = text.partition(REFERENCE)
    return name if not mark and is_parameter_name(name) else None


def is_broken_reference(text: str) -> bool:
    """Whether a reference is only part of it, or has no parameter's name: Batch would pass it on as it is."""
    return REFERENCE in text and referenced(text) is None


def is_parameter_name(name: str) -> bool:
    """Whether a parameter may be called so."""
    return _PARAMETER.fullmatch(name) is not None


def parameter_names(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters, when every name is allowed."""
    for name in parameters:
        if not is_parameter_name(name):
            raise refuse(
                "no parameter's name",
                "a name is letters, digits, _ and -, beginning with a letter, at most 128 characters",
                "rename it",
                key=(name,),
            )
    return parameters
