"""moto's ECR with its images in a real registry: what is pushed there is what ECR lists."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.ecr.exceptions import ImageNotFoundException, RepositoryNotEmptyException
from moto.ecr.models import ECRBackend, Image, Repository

from local.emulator.ecr.registry import Manifest, Registry, RegistryError


class RegistryImage(Image):
    """An image as the registry has it."""

    def __init__(
        self, account_id: str, *, repository: str, manifest: Manifest, tags: list[str], pushed_at_s: int
    ) -> None:
        super().__init__(
            account_id, tags[-1] if tags else "", manifest.text, repository, manifest.media_type, manifest.digest
        )
        self.image_tags = tags
        self.image_pushed_at = pushed_at_s
        self._size_bytes = manifest.size_bytes

    def get_image_size_in_bytes(self) -> int | None:
        return self._size_bytes


def emulated_repository(registry: Registry, address: str) -> type[Repository]:
    """The class moto makes repositories of; their URIs are the registry's."""

    class RegistryRepository(Repository):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            # digest → when this emulator first saw it: the registry doesn't tell when an image was pushed
            self._seen_s: dict[str, int] = {}
            super().__init__(*arguments, **options)
            self.uri = f"{address}/{self.name}"

        @property
        def images(self) -> list[Image]:
            with _registry_errors():
                tags_of: dict[str, list[str]] = {}
                manifests: dict[str, Manifest] = {}
                for tag in registry.tags(self.name):
                    manifest = registry.manifest(self.name, tag)
                    if manifest is not None:
                        manifests[manifest.digest] = manifest
                        tags_of.setdefault(manifest.digest, []).append(tag)
                return [self._image(manifest, tags_of[digest]) for digest, manifest in manifests.items()]

        @images.setter
        def images(self, images: list[Image]) -> None:
            """moto's own list isn't used."""

        def _get_image(self, image_tag: str | None, image_digest: str | None) -> Image:
            # By digest an image without tags is found too, which the registry can't list.
            with _registry_errors():
                manifest = registry.manifest(self.name, image_digest) if image_digest and not image_tag else None
                if manifest is not None:
                    tagged = [tag for tag in registry.tags(self.name) if self._digest_of(tag) == manifest.digest]
                    return self._image(manifest, tagged)
            return super()._get_image(image_tag, image_digest)

        def _digest_of(self, tag: str) -> str | None:
            manifest = registry.manifest(self.name, tag)
            return manifest.digest if manifest else None

        def _image(self, manifest: Manifest, tags: list[str]) -> RegistryImage:
            return RegistryImage(
                self.account_id,
                repository=self.name,
                manifest=manifest,
                tags=tags,
                pushed_at_s=self._seen_s.setdefault(manifest.digest, int(time.time())),
            )

    return RegistryRepository


def emulated_backend(registry: Registry) -> type[ECRBackend]:
    class EmulatedECRBackend(ECRBackend):
        def delete_repository(
            self, repository_name: str, registry_id: str | None = None, force: bool = False
        ) -> Repository:
            repository = self._get_repository(repository_name, registry_id)
            images = repository.images
            if images and not force:
                raise RepositoryNotEmptyException(repository_name, registry_id or self.account_id)
            with _registry_errors():
                for image in images:
                    registry.delete(repository_name, image.image_digest)
            return super().delete_repository(repository_name, registry_id, force=True)

        def put_image(
            self,
            repository_name: str,
            image_manifest: str,
            image_tag: str,
            image_manifest_mediatype: str | None = None,
            digest: str | None = None,
        ) -> Image:
            repository = self._get_repository(repository_name)
            if image_tag:
                self._resolve_image_tag_mutability(repository, image_tag)
            with _registry_errors():
                media_type = image_manifest_mediatype or _media_type(image_manifest)
                stored = registry.put(repository_name, image_tag or digest or "", image_manifest, media_type)
            return repository._get_image(None, stored)

        def batch_get_image(
            self,
            repository_name: str,
            registry_id: str | None = None,
            image_ids: list[dict[str, Any]] | None = None,
        ) -> dict[str, Any]:
            repository = self._get_repository(repository_name, registry_id)
            found: list[Image] = []
            failures: list[dict[str, Any]] = []
            for image_id in image_ids or []:
                image = _find(repository, image_id)
                if image is None:
                    failures.append(_failure(image_id))
                    continue
                # The answer names the tag that was asked for.
                image.image_tag = image_id.get("imageTag") or image.image_tag
                found.append(image)
            return {"images": found, "failures": failures}

        def batch_delete_image(
            self,
            repository_name: str,
            registry_id: str | None = None,
            image_ids: list[dict[str, str]] | None = None,
        ) -> dict[str, Any]:
            repository = self._get_repository(repository_name, registry_id)
            deleted: list[dict[str, str]] = []
            failures: list[dict[str, Any]] = []
            for image_id in image_ids or []:
                image = _find(repository, image_id)
                if image is None:
                    failures.append(_failure(image_id))
                else:
                    deleted += self._delete(repository, image, image_id.get("imageTag"))
            return {"imageIds": deleted, "failures": failures}

        def _delete(self, repository: Repository, image: Image, tag: str | None) -> list[dict[str, str]]:
            """Deletes an image, or one tag of it: the registry deletes whole images, so other tags are put back."""
            kept = [one for one in image.image_tags if tag and one != tag]
            with _registry_errors():
                registry.delete(repository.name, image.image_digest)
                for one in kept:
                    media_type = image.image_manifest_media_type or _media_type(image.image_manifest)
                    registry.put(repository.name, one, image.image_manifest, media_type)
            gone = [one for one in image.image_tags if one not in kept]
            if not gone:
                return [{"imageDigest": image.image_digest}]
            return [{"imageDigest": image.image_digest, "imageTag": one} for one in gone]

    return EmulatedECRBackend


def _find(repository: Repository, image_id: dict[str, Any]) -> Image | None:
    try:
        return repository._get_image(image_id.get("imageTag"), image_id.get("imageDigest"))
    except ImageNotFoundException:
        return None


def _failure(image_id: dict[str, Any]) -> dict[str, Any]:
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}


def _media_type(manifest: str) -> str:
    media_type = json.loads(manifest).get("mediaType")
    if not media_type:
        raise JsonRESTError(
            "InvalidParameterException", "image manifest mediatype not provided in manifest or parameter"
        )
    return str(media_type)


@contextmanager
def _registry_errors() -> Iterator[None]:
    try:
        yield
    except RegistryError as error:
        raise JsonRESTError("ServerException", str(error), code=500) from error
