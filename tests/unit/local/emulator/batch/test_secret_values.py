"""Secrets of a job definition."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulator.batch.secret_values import SecretUnreadable, read_secrets

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-AbCdEf"


def allowed(action: str, arn: str) -> None:
    return None


class FakeStores:
    def __init__(self) -> None:
        self.parameters = {"plain": "p", "/batchyard/token": "q"}
        self.secrets = {SECRET: '{"user": "u"}'}

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        arn = f"arn:aws:ssm:us-east-1:123456789012:parameter/{Name.lstrip('/')}"
        return {"Parameter": {"Value": self.parameters[Name], "ARN": arn}}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": self.secrets[SecretId]}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain", "p"),
        ("/batchyard/token", "q"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/plain", "p"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/batchyard/token", "q"),
        (SECRET, '{"user": "u"}'),
        (f"{SECRET}:user::", "u"),
    ],
)
def test_values_come_from_where_the_definition_says(source: str, value: str) -> None:
    stores = FakeStores()
    assert read_secrets(lambda service: stores, {"TOKEN": source}, allowed) == {"TOKEN": value}


@pytest.mark.parametrize("source", ["gone", f"{SECRET}:none::"])
def test_an_unreadable_secret_names_the_variable(source: str) -> None:
    stores = FakeStores()
    with pytest.raises(SecretUnreadable, match=r"^ResourceInitializationError: .*TOKEN from"):
        read_secrets(lambda service: stores, {"TOKEN": source}, allowed)


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("plain", ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/plain")),
        (f"{SECRET}:user::", ("secretsmanager:GetSecretValue", SECRET)),
    ],
)
def test_a_role_that_may_not_read_it_gets_nothing(source: str, asked: tuple[str, str]) -> None:
    stores = FakeStores()
    seen: list[tuple[str, str]] = []

    def refusal(action: str, arn: str) -> str:
        seen.append((action, arn))
        return "the role may not"

    with pytest.raises(SecretUnreadable, match=r"TOKEN from .*: the role may not$"):
        read_secrets(lambda service: stores, {"TOKEN": source}, refusal)
    assert seen == [asked]
