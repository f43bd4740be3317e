"""Lambda as pipes call it, which starts nothing."""

from __future__ import annotations

from typing import Any, Final

from tests.unit.local.emulator.moto_server import ACCOUNT, REGION

FUNCTION: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:load"


class FakeLambda:
    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> None:
        self.started.append(call)
