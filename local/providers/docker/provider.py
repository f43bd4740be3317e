"""The table of the `docker` stand-in."""

from __future__ import annotations

from typing import Final

from local.providers.docker import engine, image
from local.providers.framework import Provider
from local.providers.framework.sdk import installed_version

PROVIDER: Final = Provider(
    name="docker",
    version=installed_version("pulumi-docker"),
    resources=tuple(image.RESOURCES),
    invokes=(),
    where="local/providers/docker/",
    needs_aws=False,
    ready=engine.check_reachable,
)
