"""The Docker engine: build and push, with errors that show what went wrong."""

from __future__ import annotations

import os
import platform
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from local.providers.docker.registry import Login, is_local
from local.providers.framework import ProviderError

_LAST_LINES: Final = 15
_TIMEOUT_S: Final = 1800
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_REMEDY: Final = "start Docker, or run `make setup`, which starts one"


def host_platform() -> str:
    """Such as `linux/amd64`: containers are Linux also where the laptop isn't."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


def check_reachable() -> None:
    """A quick look whether an engine listens. Errors: ProviderError that names the socket."""
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not address.startswith("unix://"):
        return  # asked when it is needed
    path = address.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(10)
        try:
            probe.connect(path)
        except OSError as error:
            raise ProviderError(f"no Docker engine answers at {address} ({error}); {_REMEDY}") from error


def _client() -> Any:
    import docker
    from docker.errors import DockerException

    try:
        return docker.from_env(timeout=_TIMEOUT_S)
    except DockerException as error:
        raise ProviderError(f"no Docker engine answers ({error}); {_REMEDY}") from error


def build(
    name: str,
    *,
    context: str,
    dockerfile: str,
    arguments: Mapping[str, str],
    wanted_platform: str,
    labels: Mapping[str, str],
    target: str = "",
    network: str = "",
    cache_from: Iterable[str] = (),
    add_hosts: Mapping[str, str] | None = None,
) -> str:
    """Build an image under `name`; its id. Errors: ProviderError with the last lines of the build."""
    from docker.errors import APIError, BuildError

    lines: deque[str] = deque(maxlen=_LAST_LINES)
    client = _client()
    try:
        stream = client.api.build(
            path=context,
            dockerfile=os.path.relpath(dockerfile, context),
            tag=name,
            buildargs=dict(arguments),
            # the engine's own platform unsaid: naming it makes the engine look for the base image in a registry
            platform=None if wanted_platform == host_platform() else wanted_platform,
            labels=dict(labels),
            target=target or None,
            network_mode=network or None,
            cache_from=list(cache_from) or None,
            extra_hosts=dict(add_hosts) if add_hosts else None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for message in stream:
            text = str(message.get("stream") or message.get("status") or "").rstrip()
            lines.extend(line for line in text.splitlines() if line.strip())
            if "error" in message:
                shown = "\n".join(f"  {line}" for line in lines)
                raise ProviderError(f"{message['error']}\nthe build's last lines ({dockerfile}):\n{shown}")
        return str(client.images.get(name).id)
    except (APIError, BuildError, OSError) as error:
        shown = "\n".join(f"  {line}" for line in lines)
        raise ProviderError(f"{error}\nthe build's last lines ({dockerfile}):\n{shown}") from error
    finally:
        client.close()


def push(repository: str, tag: str, server: str, login: Login) -> str:
    """Push `repository:tag`; the digest it has in the registry. Errors: ProviderError with the registry's words."""
    from docker.errors import APIError

    client = _client()
    try:
        auth = None if is_local(server) or not login.username else _auth(login)
        digest = ""
        for message in client.api.push(repository, tag=tag, stream=True, decode=True, auth_config=auth):
            if "error" in message:
                raise ProviderError(f"pushing {repository}:{tag}: {message['error']}")
            digest = str((message.get("aux") or {}).get("Digest") or digest)
        if not digest:
            raise ProviderError(f"pushing {repository}:{tag}: the registry named no digest")
        return digest
    except APIError as error:
        raise ProviderError(f"pushing {repository}:{tag}: {error}") from error
    finally:
        client.close()


def _auth(login: Login) -> dict[str, str]:
    return {"username": login.username, "password": login.password}
