"""`docker.Image`: built from a folder, pushed, known by its digest. Never replaced: every change builds again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from local.providers.docker import engine
from local.providers.docker.context_digest import context_digest
from local.providers.docker.registry import Login, held, is_local
from local.providers.framework import UNKNOWN, Context, Plan, Props, ProviderError, ResourceType

CONTENT_LABEL: Final = "batchyard.content"
"""On each image: a digest of all that went into its build. A tag that already holds it needs no build."""


class Name(NamedTuple):
    """The parts of `registry/repository:tag`; `registry` is "" for names of Docker Hub."""

    registry: str
    repository: str
    tag: str

    @property
    def untagged(self) -> str:
        return f"{self.registry}/{self.repository}" if self.registry else self.repository


def parse_name(text: str) -> Name:
    """The parts of an image's name; the tag is `latest` where none is given, as Docker has it."""
    head, slash, rest = text.partition("/")
    registry = head if slash and ("." in head or ":" in head or head == "localhost") else ""
    repository = rest if registry else text
    repository, _, tag = repository.partition(":")
    return Name(registry, repository, tag or "latest")


def _prepare(inputs: Props, old: Props) -> Props:
    """Defaults of the build, and the digest of its context. Errors: ProviderError for what can't be built."""
    build: Any = inputs.get("build")
    if build is UNKNOWN:
        return inputs
    build = dict(build or {})
    build.setdefault("context", ".")
    if build["context"] is not UNKNOWN:
        build.setdefault("dockerfile", str(Path(build["context"]) / "Dockerfile"))
    build.setdefault("platform", engine.host_platform())
    if build["context"] is not UNKNOWN and build["dockerfile"] is not UNKNOWN:
        build["contextDigest"] = _digest(Path(build["context"]), Path(build["dockerfile"]))
    else:
        build["contextDigest"] = UNKNOWN
    name = inputs["imageName"]
    server = (inputs.get("registry") or {}).get("server") if inputs.get("registry") is not UNKNOWN else UNKNOWN
    if name is not UNKNOWN and not inputs.get("skipPush") and not server and not parse_name(name).registry:
        raise ProviderError(
            f"imageName {name!r} names no registry to push to; allowed: registry/repository:tag, "
            "or set registry.server, or skipPush"
        )
    return {**inputs, "build": build}


def _digest(context: Path, dockerfile: Path) -> str:
    if not context.is_dir():
        raise ProviderError(f"build.context {str(context)!r} is no folder; set it relative to the program's folder")
    if not dockerfile.is_file():
        raise ProviderError(
            f"build.dockerfile {str(dockerfile)!r} doesn't exist; put one there, or name it relative to the program's "
            "folder, not to the context"
        )
    try:
        return context_digest(context, dockerfile)
    except OSError as error:
        raise ProviderError(f"build.context {str(context)!r} can't be read: {error}") from error


def _build_and_push(context: Context, inputs: Props) -> str:
    build: Mapping[str, Any] = inputs.get("build") or {}
    name = parse_name(inputs["imageName"])
    registry = inputs.get("registry") or {}
    server = _server(registry) or name.registry
    login = (
        Login()
        if is_local(server)
        else Login(username=registry.get("username") or "", password=registry.get("password") or "")
    )
    content = _content(build)
    image_name = f"{name.untagged}:{name.tag}"
    pushes = not inputs.get("skipPush")
    there = held(server, name.repository, name.tag, login) if pushes else None
    if there is not None and there.labels.get(CONTENT_LABEL) == content:
        digest = there.digest
    else:
        image_id = engine.build(
            image_name,
            context=build["context"],
            dockerfile=build["dockerfile"],
            arguments={key: str(value) for key, value in (build.get("args") or {}).items()},
            wanted_platform=build["platform"],
            labels={CONTENT_LABEL: content},
            target=build.get("target") or "",
            network=build.get("network") or "",
            cache_from=(build.get("cacheFrom") or {}).get("images") or (),
            add_hosts=dict(entry.split(":", 1) for entry in build.get("addHosts") or ()),
        )
        digest = engine.push(name.untagged, name.tag, server, login) if pushes else image_id
    context.results = {
        "repoDigest": f"{name.untagged}@{digest}" if pushes else digest,
        "registryServer": server,
    }
    return str(inputs["imageName"])


def _content(build: Mapping[str, Any]) -> str:
    """A digest of all that goes into a build."""
    parts = {key: build.get(key) for key in ("contextDigest", "args", "target", "platform")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _server(registry: Mapping[str, Any]) -> str:
    server = str(registry.get("server") or "")
    return server.removeprefix("https://").removeprefix("http://").rstrip("/")


def _read(context: Context, image_id: str, known: Props) -> Props | None:
    """What is known already: neither the engine nor a registry is asked, as the official plugin does."""
    build = known.get("build") or {}
    return {
        "baseImageName": known.get("imageName", image_id),
        "imageName": known.get("imageName", image_id),
        "context": build.get("context", "."),
        "dockerfile": build.get("dockerfile", "Dockerfile"),
        "platform": build.get("platform", ""),
        "registry": None,  # a login has no place in the state
        **context.results,
    }


def _update(context: Context, image_id: str, old: Props, new: Props) -> None:
    if context.changed:
        _build_and_push(context, new)


def _delete(context: Context, image_id: str, state: Props) -> None:
    """Local and pushed image stay: others may run them."""


def _plan(plan: Plan) -> None:
    if plan.creating:
        return
    if plan.changed & {"build", "imageName", "registry", "skipPush"}:
        plan.recompute("repoDigest")
    else:
        plan.drop("buildOnPreview")
    name = plan.new.get("imageName")
    if plan.touches("imageName"):
        plan.recompute(*({"imageName", "baseImageName"} if name is UNKNOWN else ()))


def _same_registry(old: Any, new: Any) -> bool:
    """Only the server counts, and the state doesn't hold it: another server is another image name."""
    return True


RESOURCES: Final = [
    ResourceType(
        token="docker:index/image:Image",
        label="Docker Image",
        inputs=frozenset({"imageName", "build", "buildOnPreview", "registry", "skipPush"}),
        required=frozenset({"imageName"}),
        outputs=frozenset({"baseImageName", "context", "dockerfile", "platform", "registryServer", "repoDigest"}),
        defaults={"buildOnPreview": False, "skipPush": False},
        maps=frozenset({"build.args"}),
        equal={"registry": _same_registry},
        prepare=_prepare,
        plan=_plan,
        regional=False,
        create=_build_and_push,
        read=_read,
        update=_update,
        delete=_delete,
    )
]
