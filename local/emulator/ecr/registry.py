"""The Docker registry that stores the images behind the lane's ECR, over its HTTP API (version 2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests

_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_TIMEOUT_S = 30


class RegistryError(Exception):
    """The registry didn't answer, or not as a registry does; the text says where and what to do."""


@dataclass(frozen=True)
class Manifest:
    digest: str
    media_type: str
    text: str

    @cached_property
    def size_bytes(self) -> int | None:
        """What ECR calls the image's size: its compressed layers and configuration; None for a list of images."""
        content: dict[str, Any] = json.loads(self.text)
        if "layers" not in content:
            return None
        return int(content.get("config", {}).get("size", 0)) + sum(int(layer["size"]) for layer in content["layers"])


class Registry:
    def __init__(self, address: str) -> None:
        """`address` is host:port."""
        self._address = address
        self._session = requests.Session()
        # A manifest never changes under its digest.
        self._known: dict[tuple[str, str], Manifest] = {}

    def tags(self, repository: str) -> list[str]:
        """All tags, sorted; none for a repository nothing was pushed to."""
        answer = self._call("GET", repository, "tags/list", allowed=(200, 404))
        return sorted(answer.json().get("tags") or []) if answer.status_code == 200 else []

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest of a tag or a digest; None if there is none."""
        digest = self._digest(repository, reference)
        if digest is None:
            return None
        known = self._known.get((repository, digest))
        if known is None:
            answer = self._call("GET", repository, f"manifests/{digest}", allowed=(200, 404))
            if answer.status_code == 404:
                return None
            known = Manifest(digest, answer.headers.get("Content-Type", _MANIFESTS[0]), answer.content.decode())
            self._known[repository, digest] = known
        return known

    def put(self, repository: str, reference: str, manifest: str, media_type: str) -> str:
        """Stores a manifest under a tag or a digest; its digest. Its layers must be there."""
        answer = self._call(
            "PUT",
            repository,
            f"manifests/{reference}",
            allowed=(201,),
            data=manifest.encode(),
            headers={"Content-Type": media_type},
        )
        return str(answer.headers["Docker-Content-Digest"])

    def delete(self, repository: str, digest: str) -> None:
        """Deletes an image with all its tags; nothing happens if it isn't there."""
        answer = self._call("DELETE", repository, f"manifests/{digest}", allowed=(202, 404, 405))
        self._known.pop((repository, digest), None)
        if answer.status_code == 405:
            raise RegistryError(
                f"the registry {self._address} doesn't delete images; set storage.delete.enabled in its configuration"
            )

    def _digest(self, repository: str, reference: str) -> str | None:
        answer = self._call("HEAD", repository, f"manifests/{reference}", allowed=(200, 404))
        return answer.headers.get("Docker-Content-Digest") if answer.status_code == 200 else None

    def _call(
        self, method: str, repository: str, rest: str, *, allowed: tuple[int, ...], **options: Any
    ) -> requests.Response:
        url = f"http://{self._address}/v2/{quote(repository)}/{rest}"
        headers = {"Accept": ", ".join(_MANIFESTS), **options.pop("headers", {})}
        try:
            answer = self._session.request(method, url, headers=headers, timeout=_TIMEOUT_S, **options)
        except requests.RequestException as error:
            raise RegistryError(
                f"the registry {self._address} doesn't answer; start the lane again ({error})"
            ) from error
        if answer.status_code not in allowed:
            raise RegistryError(f"the registry answered {method} {url} with {answer.status_code}: {answer.text[:300]}")
        return answer
