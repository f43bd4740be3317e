"""The folder an image is built from: the job's own files and the probe, and a hash that names exactly them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

BUILD_FOLDER: Final = Path(".batchyard/build")
"""Relative to the repository, and so in the stack's state: the same on every machine."""
PROBE_FILE: Final = Path("jobs/probe/probe.sh")
PROBE_NAME: Final = "batchyard-probe"
DOCKERFILE: Final = "Dockerfile"
TAG_LENGTH: Final = 16

# job.yaml stays out: a changed timeout is a new definition, not a new image
LEFT_OUT: Final = (
    "job.yaml",
    "README.md",
    "tests",
    "test",
    "test_*.py",
    "*_test.py",
    "conftest.py",
    "__pycache__",
    "*.pyc",
    ".*_cache",
    ".DS_Store",
    ".git*",
)
KEPT: Final = (".dockerignore",)


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """What one image is made of."""

    path: str
    """The prepared folder, relative to the repository."""
    tag: str
    """First 16 hexadecimal digits of a hash over every file's path, mode and content, the base image, the platform."""


def prepare(repository: Path, job: str, *, base_image: str, platform: str) -> BuildContext:
    """Brings `.batchyard/build/<job>/` to what the job's folder holds now, and touches only files that differ.

    The probe must be there and the job's folder must have a Dockerfile: `components/check.py` has seen to both.
    """
    sources = dict(_sources(repository, job))
    target = repository / BUILD_FOLDER / job
    contents = {name: source.read_bytes() for name, source in sources.items()}
    modes = {name: 0o755 if source.stat().st_mode & 0o111 else 0o644 for name, source in sources.items()}
    modes[PROBE_NAME] = 0o755
    _synchronise(target, contents, modes)
    digest = hashlib.sha256()
    for part in (base_image, platform):
        _add(digest, part.encode())
    for name in sorted(contents):
        _add(digest, name.encode())
        _add(digest, f"{modes[name]:o}".encode())
        _add(digest, contents[name])
    return BuildContext(path=str(BUILD_FOLDER / job), tag=digest.hexdigest()[:TAG_LENGTH])


def _add(digest: hashlib._Hash, part: bytes) -> None:
    # with its length before it, so that no two lists of parts read the same
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def _sources(repository: Path, job: str) -> Iterator[tuple[str, Path]]:
    folder = repository / "jobs" / job
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(_left_out(part) for part in relative.parts):
            yield relative.as_posix(), path
    yield PROBE_NAME, repository / PROBE_FILE


def _left_out(part: str) -> bool:
    return part not in KEPT and any(fnmatch(part, pattern) for pattern in LEFT_OUT)


def _synchronise(target: Path, contents: Mapping[str, bytes], modes: Mapping[str, int]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(target.rglob("*"), reverse=True):
        name = path.relative_to(target).as_posix()
        if path.is_dir() and not path.is_symlink():
            if not any(wanted.startswith(f"{name}/") for wanted in contents):
                shutil.rmtree(path)
        elif name not in contents:
            path.unlink()
    for name, content in contents.items():
        path = target / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
        if path.stat().st_mode & 0o777 != modes[name]:
            path.chmod(modes[name])
