"""The base image of local builds: Python with pip and the wheels of every job, so that a build needs no package index.

The Python part is pulled (the official slim image) or made from Debian packages; the wheels are downloaded by this
machine's own pip, with the hashes of the jobs' `requirements.txt`. A change in one of those makes the image anew.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from local.home import Home
from local.setup.debian import apt_install, apt_unpack, on_debian, on_debian_as_root
from local.setup.steps import Progress, SetupError, fingerprint, reachable, run_logged, scratch_folder

if TYPE_CHECKING:
    import docker

BASE_IMAGE = "batchyard/base:python3.11"
OFFICIAL_IMAGE = "public.ecr.aws/docker/library/python:3.11-slim-bookworm"
# what the wheels are put on; kept between builds, so that a changed requirement costs seconds
PYTHON_IMAGE = "batchyard/python:3.11"
LABEL = "batchyard.wheelhouse"
HOME_LABEL = "batchyard.home"
DEBIAN_SUITE = "bookworm"
_MANYLINUX = ("manylinux_2_36", "manylinux_2_35", "manylinux_2_34", "manylinux_2_28", "manylinux_2_27")
_MANYLINUX_OLD = ("manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux2010", "manylinux1")

_DOCKERFILE = f"""\
FROM {PYTHON_IMAGE}
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \\
    PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1
COPY wheels /wheels
"""


def provide_base_image(home: Home, progress: Progress) -> None:
    """Makes sure that the Docker engine has the base image with the wheels of today's requirements."""
    import docker
    from docker.errors import DockerException

    with progress.step("base image"):
        requirements = requirement_files(home.repository)
        wanted = wheelhouse_hash(requirements)
        try:
            client = docker.from_env(timeout=600)
        except DockerException as problem:
            raise SetupError(f"no Docker engine answers ({problem}); start it and run `make setup` again") from problem
        try:
            if _label(client, BASE_IMAGE) == wanted:
                progress.outcome(f"found {BASE_IMAGE}")
                return
            how = _provide_python_image(home, client, progress)
            progress.doing(f"putting in the wheels of {len(requirements)} jobs")
            _build(home, client, requirements, wanted)
            progress.outcome(f"{BASE_IMAGE} made: {how}, wheels of {len(requirements)} jobs")
        finally:
            client.close()


def requirement_files(repository: Path) -> list[Path]:
    """`jobs/*/requirements.txt`, in order."""
    return sorted((repository / "jobs").glob("*/requirements.txt"))


def wheelhouse_hash(requirements: Iterable[Path]) -> str:
    """What the image is made from: its recipe, the machine's architecture and every requirement."""
    return fingerprint(_DOCKERFILE, platform.machine(), OFFICIAL_IMAGE, *sorted(requirements))


def _label(client: docker.DockerClient, image: str) -> str | None:
    from docker.errors import ImageNotFound

    try:
        labels: dict[str, str] = client.images.get(image).labels
    except ImageNotFound:
        return None
    return labels.get(LABEL)


def _provide_python_image(home: Home, client: docker.DockerClient, progress: Progress) -> str:
    """Makes sure of PYTHON_IMAGE; says where it is from."""
    from docker.errors import ImageNotFound

    try:
        client.images.get(PYTHON_IMAGE)
    except ImageNotFound:
        pass
    else:
        return "Python found"
    if _pull(client, progress):
        return "Python pulled"
    _import_debian(home, client, progress)
    return "Python from Debian packages"


def _pull(client: docker.DockerClient, progress: Progress) -> bool:
    """Pulls the official image; False where it can't be had."""
    from docker.errors import DockerException

    if not reachable(OFFICIAL_IMAGE.partition("/")[0]):
        return False
    progress.doing(f"pulling {OFFICIAL_IMAGE}")
    try:
        client.images.pull(OFFICIAL_IMAGE).tag(PYTHON_IMAGE)
    except DockerException:
        return False
    return True


def _import_debian(home: Home, client: docker.DockerClient, progress: Progress) -> None:
    progress.doing("making it from Debian packages, about 30 s")
    with scratch_folder(home, "base") as folder:
        mmdebstrap = _mmdebstrap(home, folder)
        archive = folder / "base.tar"
        include = "python3,python3-pip,ca-certificates"
        run_logged(
            [*mmdebstrap, "--variant=minbase", f"--include={include}", DEBIAN_SUITE, archive],
            log=home.logs / "mmdebstrap.log",
            remedy="check this machine's Debian mirror, or tag an image with Python 3.11 and pip as " + PYTHON_IMAGE,
            environ={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        )
        repository, _, tag = PYTHON_IMAGE.rpartition(":")
        # the low-level call streams the file; the engine commits the image only once it has all of it
        client.api.import_image_from_file(
            str(archive), repository=repository, tag=tag, changes=[f"LABEL {HOME_LABEL}={json.dumps(str(home.root))}"]
        )


def _mmdebstrap(home: Home, folder: Path) -> list[str]:
    found = shutil.which("mmdebstrap")
    if found is not None:
        return [found]
    if not on_debian():
        raise SetupError(
            f"the base image can neither be pulled ({OFFICIAL_IMAGE}) nor made without Debian's mmdebstrap; "
            f"tag an image with Python 3.11 and pip as {PYTHON_IMAGE}"
        )
    if on_debian_as_root():
        apt_install("mmdebstrap", log=home.logs / "apt-mmdebstrap.log")
        return ["mmdebstrap"]
    apt_unpack("mmdebstrap", folder / "mmdebstrap", log=home.logs / "apt-mmdebstrap.log")
    return ["perl", str(folder / "mmdebstrap" / "usr" / "bin" / "mmdebstrap")]


def _build(home: Home, client: docker.DockerClient, requirements: list[Path], wanted: str) -> None:
    from docker.errors import BuildError, DockerException

    with scratch_folder(home, "wheels") as folder:
        for file in requirements:
            download_wheels(home, file, folder)
        context = _context(folder)
        try:
            client.images.build(
                fileobj=context,
                custom_context=True,
                tag=BASE_IMAGE,
                rm=True,
                forcerm=True,
                labels={LABEL: wanted, HOME_LABEL: str(home.root)},
            )
        except BuildError as problem:
            lines = "".join(str(entry.get("stream", "")) for entry in problem.build_log if isinstance(entry, dict))
            raise SetupError(f"{BASE_IMAGE} can't be built: {problem.msg}; the build said:\n{lines}") from problem
        except DockerException as problem:
            raise SetupError(f"{BASE_IMAGE} can't be built ({problem}); check the Docker engine") from problem


def download_wheels(home: Home, requirements: Path, folder: Path) -> None:
    """Downloads the wheels of one `requirements.txt` for the containers' Python, whatever this machine's is."""
    place = home.relative(requirements)
    run_logged(
        [
            *(home.python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary=:all:", "--dest", folder, "--cache-dir", home.cache / "pip"),
            *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none"),
            *(argument for name in platforms(platform.machine()) for argument in ("--platform", name)),
            *("--requirement", requirements),
        ],
        log=home.logs / f"wheels-{requirements.parent.name}.log",
        remedy=f"check {place} (every package pinned with its hash, its dependencies too) and this machine's pip",
    )


def platforms(machine: str) -> tuple[str, ...]:
    """Wheel platforms that run on Debian 12 (glibc 2.36) of this architecture."""
    architecture = {"arm64": "aarch64", "amd64": "x86_64"}.get(machine, machine)
    return tuple(f"{name}_{architecture}" for name in (*_MANYLINUX, *_MANYLINUX_OLD))


def _context(wheels: Path) -> io.BytesIO:
    """A build context with the Dockerfile and the wheels, without their dates: the same wheels make the same layer."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        recipe = _DOCKERFILE.encode()
        archive.addfile(_entry("Dockerfile", len(recipe)), io.BytesIO(recipe))
        folder = _entry("wheels", 0)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        for wheel in sorted(wheels.iterdir()):
            with wheel.open("rb") as content:
                archive.addfile(_entry(f"wheels/{wheel.name}", wheel.stat().st_size), content)
    context.seek(0)
    return context


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry


def remove_images(home: Home) -> int:
    """Removes the images of this home: what its lanes named, the base, and what was built from it. Returns how many.

    A build from the base inherits its label.
    """
    import docker
    from docker.errors import DockerException

    from local.lane import lanes_of
    from local.registry import untag_images

    addresses = [address for lane in lanes_of(home) if (address := lane.registry.last_address()) is not None]
    try:
        client = docker.from_env(timeout=60)
    except DockerException:
        return 0
    removed = sum(untag_images(address) for address in addresses)
    try:
        images = client.images.list(filters={"label": f"{HOME_LABEL}={home.root}"})
        names = [name for image in images for name in (*image.tags, *image.attrs.get("RepoDigests", ()))]
        for name in [*names, *(image.id for image in images)]:
            try:
                client.images.remove(str(name))
            except DockerException:
                continue  # gone with its last name, or a container of somebody's still uses it
            removed += 1
    except DockerException:
        return removed
    finally:
        client.close()
    return removed
