"""All tables of the `aws` stand-in: those of every module beside this one."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

from local.providers import aws
from local.providers.framework import Provider
from local.providers.framework.sdk import installed_version

_ENTRIES: Final = frozenset({"__main__", "provider"})
_MODULES: Final = tuple(
    importlib.import_module(f"{aws.__name__}.{found.name}")
    for found in pkgutil.iter_modules(aws.__path__)
    if found.name not in _ENTRIES
)

PROVIDER: Final = Provider(
    name="aws",
    version=installed_version("pulumi-aws"),
    resources=tuple(resource for module in _MODULES for resource in getattr(module, "RESOURCES", ())),
    invokes=tuple(invoke for module in _MODULES for invoke in getattr(module, "INVOKES", ())),
    where="local/providers/aws/",
)
