"""Names of parameters: what `Ref::name` may be called."""

from __future__ import annotations

import re

from jobs.spec.base import refuse

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


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
