"""`python -m local.providers.docker`: the plugin the engine starts."""

from __future__ import annotations

from local.providers.framework.sdk import skip_sdk

skip_sdk()

from local.providers.docker.provider import PROVIDER  # noqa: E402
from local.providers.framework.server import serve  # noqa: E402

if __name__ == "__main__":
    serve(PROVIDER)
