"""Asking a registry what it holds under a tag."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    )
)
_TIMEOUT_S: Final = 30


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who asks; nobody for registries on this machine."""

    username: str = ""
    password: str = ""

    @property
    def header(self) -> dict[str, str]:
        if not self.username:
            return {}
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


def is_local(server: str) -> bool:
    """Whether a registry is on this machine: spoken to in plain HTTP and without a login."""
    host = server.rpartition(":")[0] or server
    return host in ("localhost", "[::1]") or host.startswith("127.")


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a registry holds under a tag: the manifest's digest and the image's labels."""

    digest: str
    labels: dict[str, str]


def held(server: str, repository: str, tag: str, login: Login) -> Held | None:
    """The image under `repository:tag`; None where there is none, or the registry can't be asked."""
    base = f"{'http' if is_local(server) else 'https'}://{server}/v2/{repository}"
    try:
        digest, manifest = _get(f"{base}/manifests/{tag}", login, accept=_MANIFESTS)
        _, config = _get(f"{base}/blobs/{manifest['config']['digest']}", login)
    except (OSError, ValueError, KeyError):
        # not there, or not answering: the build and the push find out which
        return None
    return Held(digest=digest, labels=(config.get("config") or {}).get("Labels") or {}) if digest else None


def _get(url: str, login: Login, accept: str = "*/*") -> tuple[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": accept, **login.header})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        return str(answer.headers.get("Docker-Content-Digest") or ""), json.loads(answer.read())
