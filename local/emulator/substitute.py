"""Putting our parts into moto's places, and taking them out again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BackendDict

_MISSING = object()


class Substitutions:
    """What one service replaced; `undo` restores it, last first, so that a test leaves moto as it found it."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def attribute(self, holder: Any, name: str, value: Any) -> None:
        """Sets `holder.name`, whether it was there or not."""
        before = vars(holder).get(name, _MISSING)

        def restore() -> None:
            if before is _MISSING:
                delattr(holder, name)
            else:
                setattr(holder, name, before)

        setattr(holder, name, value)
        self._undo.append(restore)

    def backend(self, registry: BackendDict[Any], backend: type[Any]) -> None:
        """Makes moto build `backend` for every account and region. What the registry held is dropped: an emulator
        starts empty."""
        original = registry.backend
        # moto looks for a service's URLs beside the module of its backend class; ours live elsewhere.
        if original.__module__.startswith("moto."):
            urls = original.__module__.rpartition(".")[0] + ".urls"
            backend._url_module = property(lambda _: importlib.import_module(urls))
        else:
            backend._url_module = original._url_module

        def restore() -> None:
            registry.backend = original
            registry.clear()

        registry.backend = backend
        registry.clear()
        self._undo.append(restore)

    def undo(self) -> None:
        while self._undo:
            self._undo.pop()()
