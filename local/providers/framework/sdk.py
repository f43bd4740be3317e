"""The engine's protocol without the rest of the Python SDK."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def skip_sdk() -> None:
    """Make `pulumi.runtime.proto` importable without running the SDK's packages, which take most of a second.

    For the plugin's own process only: nothing else of the SDK can be imported afterwards.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or found.origin is None or "pulumi" in sys.modules:
        return
    root = Path(found.origin).parent
    for name, folder in (
        ("pulumi", root),
        ("pulumi.runtime", root / "runtime"),
        ("pulumi.runtime.proto", root / "runtime/proto"),
    ):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def installed_version(distribution: str) -> str:
    """The version of an installed package, "0.0.0" where it isn't installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "0.0.0"
