"""A registry's HTTP API in memory: manifests and tags, as much of it as ECR's stand-in asks for."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PATH = re.compile(r"/v2/(?P<name>.+)/(?:tags/list|manifests/(?P<reference>.+))")
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def manifest_text(*layers_bytes: int) -> str:
    """A manifest with layers of these sizes and a configuration of 10 bytes."""
    layers = [{"size": size, "digest": f"sha256:{size:064d}", "mediaType": "layer"} for size in layers_bytes]
    return json.dumps({"schemaVersion": 2, "mediaType": DOCKER, "config": {"size": 10}, "layers": layers})


class FakeRegistry:
    """`deletes` False is a registry whose configuration doesn't allow deletions."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.deletes = True
        self.address = ""

    def push(self, name: str, reference: str, body: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.manifests[name, digest] = body
        if not reference.startswith("sha256:"):
            self.tags[name, reference] = digest
        return digest

    def find(self, name: str, reference: str) -> tuple[str, bytes] | None:
        digest = self.tags.get((name, reference), reference)
        body = self.manifests.get((name, digest))
        return None if body is None else (digest, body)

    def delete(self, name: str, digest: str) -> bool:
        self.tags = {key: value for key, value in self.tags.items() if (key[0], value) != (name, digest)}
        return self.manifests.pop((name, digest), None) is not None


@contextmanager
def serving_registry() -> Iterator[FakeRegistry]:
    registry = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _asked(self) -> tuple[str, str | None]:
            match = _PATH.fullmatch(self.path)
            assert match is not None, self.path
            return match["name"], match["reference"]

        def do_GET(self) -> None:
            name, reference = self._asked()
            if reference is None:
                tags = [tag for repository, tag in registry.tags if repository == name]
                status = 200 if any(repository == name for repository, _ in registry.manifests) else 404
                self._answer(status, json.dumps({"name": name, "tags": tags or None}).encode())
                return
            found = registry.find(name, reference)
            if found is None:
                self._answer(404, b"{}")
            else:
                self._answer(200, found[1], Docker_Content_Digest=found[0], Content_Type=DOCKER)

        do_HEAD = do_GET

        def do_PUT(self) -> None:
            name, reference = self._asked()
            assert reference is not None
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(201, Docker_Content_Digest=registry.push(name, reference, body))

        def do_DELETE(self) -> None:
            name, reference = self._asked()
            assert reference is not None
            if not registry.deletes:
                self._answer(405)
            else:
                self._answer(202 if registry.delete(name, reference) else 404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=240)
