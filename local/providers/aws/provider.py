"""All tables of the `aws` stand-in."""

from __future__ import annotations

from typing import Final

from local.providers.aws import ec2
from local.providers.framework import Provider
from local.providers.framework.sdk import installed_version

_MODULES: Final = (
    ec2,
)

PROVIDER: Final = Provider(
    name="aws",
    version=installed_version("pulumi-aws"),
    resources=tuple(resource for module in _MODULES for resource in getattr(module, "RESOURCES", ())),
    invokes=tuple(invoke for module in _MODULES for invoke in getattr(module, "INVOKES", ())),
    where="local/providers/aws/",
)
