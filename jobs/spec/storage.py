"""`storage`: what a container writes to beside its image's own file system."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from jobs.spec.base import AsTuple, Hint, Strict, refuse
from jobs.spec.yaml_file import KeyPath

SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")


def _absolute(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or not text.isprintable() or "," in text or ":" in text:
        raise refuse(
            f"{text[:60]!r}", "a path in the container is absolute, without .. , and :", "write one like /scratch"
        )
    if path == PurePosixPath("/"):
        raise refuse("'/'", "the image's own file system is mounted there", "write a folder like /scratch")
    if any(path.is_relative_to(folder) for folder in SYSTEM_FOLDERS) and text != "/dev/shm":
        raise refuse(f"{text[:60]!r}", f"{', '.join(SYSTEM_FOLDERS)} are the system's", "write a folder like /scratch")
    return path.as_posix()


ContainerPath = Annotated[str, StringConstraints(strict=True, max_length=255), AfterValidator(_absolute)]


class Tmpfs(Strict):
    """A folder in memory. What lies in it counts as memory of the container."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "/scratch", "size_mib": 64}]})

    path: Annotated[ContainerPath, Field(examples=["/scratch"])]
    """Folder in the container."""
    size_mib: Annotated[
        int,
        Field(ge=1, le=33_554_432, examples=[64]),
        Hint(allowed="a size is a whole number of MiB from 1 up", remedy="write MiB, 2 GiB is 2048"),
    ]
    """Most it may hold, in MiB."""


class Efs(Strict):
    """A folder of an EFS file system, encrypted on its way; mounted as the job's role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "fs-0123456789abcdef0", "path": "/models"}]})

    id: Annotated[
        str,
        Field(examples=["fs-0123456789abcdef0"]),
        StringConstraints(strict=True, pattern=r"^fs-[0-9a-f]{8,40}$"),
        Hint(allowed="a file system is an id like fs-0123456789abcdef0", remedy="write the id that EFS shows"),
    ]
    """Of the file system; a mount target lets the stage's security group in on port 2049."""
    path: Annotated[ContainerPath, Field(examples=["/models"])]
    """Folder in the container."""
    root: Annotated[
        str | None,
        Field(examples=["/models"]),
        StringConstraints(strict=True, pattern=r"^(/[A-Za-z0-9_.-]+)+$", max_length=255),
        Hint(allowed="a root is an absolute path of the file system", remedy="leave it out for all of it"),
    ] = None
    """Folder of the file system; all of it when left out."""
    access_point: Annotated[
        str | None,
        Field(examples=["fsap-0123456789abcdef0"]),
        StringConstraints(strict=True, pattern=r"^fsap-[0-9a-f]{8,40}$"),
        Hint(allowed="an access point is an id like fsap-0123456789abcdef0", remedy="write the id that EFS shows"),
    ] = None
    """An access point, which has a root of its own."""
    read_only: bool = False
    """true mounts it so that nothing can be written."""

    @model_validator(mode="after")
    def _one_root(self) -> Efs:
        if self.root is not None and self.access_point is not None:
            raise refuse(
                f"{self.root[:60]!r} beside an access point",
                "an access point has a root of its own",
                "remove one of the two",
                key=("root",),
                about=("root", "access_point"),
            )
        return self


class Storage(Strict):
    """By default a container has its image's file system: of the instance's disk on EC2, of 20 GiB on Fargate."""

    ephemeral_storage_gib: Annotated[
        int | None,
        Field(ge=21, le=200, examples=[60]),
        Hint(allowed="Fargate gives 21–200 GiB", remedy="write a whole number in that range; without the key it is 20"),
    ] = None
    """Disk of one attempt in GiB; fargate only."""
    ephemeral_storage_mib: Annotated[
        int | None,
        Field(ge=512, le=10_240, examples=[2048]),
        Hint(
            allowed="Lambda gives 512–10,240 MiB",
            remedy="write a whole number in that range; without the key it is 512",
        ),
    ] = None
    """Size of /tmp in MiB, the one folder that can be written to; lambda only."""
    shared_memory_mib: Annotated[
        int | None,
        Field(ge=1, le=33_554_432, examples=[256]),
        Hint(allowed="shared memory is a whole number of MiB from 1 up", remedy="leave it out for Docker's 64 MiB"),
    ] = None
    """Size of /dev/shm in MiB; ec2 only."""
    tmpfs: Annotated[tuple[Tmpfs, ...], AsTuple, Field(max_length=10)] = ()
    """Folders in memory; ec2 only."""
    efs: Annotated[tuple[Efs, ...], AsTuple, Field(max_length=10)] = ()
    """Folders of EFS file systems."""

    @model_validator(mode="after")
    def _paths_once(self) -> Storage:
        seen: list[PurePosixPath] = []
        for key, path in self.mounted:
            for other in seen:
                if path.is_relative_to(other) or other.is_relative_to(path):
                    raise refuse(
                        f"{path}, mounted over {other}",
                        "each folder of the container is mounted once, and none inside another",
                        "choose another path",
                        key=key,
                        about=("tmpfs", "efs"),
                    )
            seen.append(path)
        return self

    @property
    def mounted(self) -> list[tuple[KeyPath, PurePosixPath]]:
        """Key and folder of all that is mounted."""
        return [
            *((("tmpfs", at, "path"), PurePosixPath(one.path)) for at, one in enumerate(self.tmpfs)),
            *((("efs", at, "path"), PurePosixPath(one.path)) for at, one in enumerate(self.efs)),
        ]

    @property
    def in_memory_mib(self) -> int:
        """What folders in memory may hold."""
        return sum(one.size_mib for one in self.tmpfs) + (self.shared_memory_mib or 0)
