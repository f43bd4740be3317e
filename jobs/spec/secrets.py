"""`secrets`: variables of the container whose values are kept elsewhere: a specification only names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from jobs.spec.base import Hint, Strict, refuse

SECRET_PATTERN = r"^[A-Za-z0-9/_+=.@-]+$"
PARAMETER_PATTERN = r"^[A-Za-z0-9/_.-]+$"


class SecretSource(Strict):
    """Where one value is kept, by name: Secrets Manager (`secret`) or SSM's parameter store (`parameter`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"secret": "crawler/api-key"}]})

    secret: Annotated[
        str | None,
        Field(examples=["crawler/api-key"]),
        StringConstraints(strict=True, pattern=SECRET_PATTERN, max_length=512),
        Hint(
            allowed="a secret is named by letters, digits and /_+=.@-, at most 512 characters, not by its ARN",
            remedy="write the name that Secrets Manager shows",
        ),
    ] = None
    """Name of a secret of Secrets Manager, in the stage's account and region."""
    parameter: Annotated[
        str | None,
        Field(examples=["/crawler/api-key"]),
        StringConstraints(strict=True, pattern=PARAMETER_PATTERN, max_length=1011),
        Hint(
            allowed="a parameter is named by letters, digits and /_.-, at most 1,011 characters, not by its ARN",
            remedy="write the name that the parameter store shows",
        ),
    ] = None
    """Name of an SSM parameter, in the stage's account and region."""
    key: Annotated[
        str | None,
        Field(examples=["password"]),
        StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]+$", max_length=256),
        Hint(
            allowed="a key is letters, digits and _.-, at most 256 characters",
            remedy="name a key of the secret's JSON object",
        ),
    ] = None
    """Of a secret that is a JSON object: the key whose value is meant. Left out: the whole text."""

    @model_validator(mode="after")
    def _one(self) -> SecretSource:
        if (self.secret is None) == (self.parameter is None):
            got = "without secret and parameter" if self.secret is None else "given both secret and parameter"
            raise refuse(
                got,
                "a value is kept in one of secret and parameter",
                "name the secret or the parameter",
                about=("secret", "parameter"),
            )
        if self.key is not None and self.secret is None:
            raise refuse(
                f"{self.key[:60]!r}",
                "only a secret is a JSON object with keys",
                "remove it, or keep the value in a secret",
                key=("key",),
                about=("secret", "parameter"),
            )
        return self
