"""Compacted Parquet and its manifest: which files count, and which raw objects they hold.

    compacted/manifest.json                     what counts, replaced as a whole
    compacted/attempts/day=2026-11-21/part-….parquet
    compacted/instances/part-….parquet          each instance's life
    compacted/waiting/part-….parquet            the probe's lines whose attempt hasn't come, and the tasks
    compacted/held/part-….json                  the raw objects of one partition

Every file but the manifest is written once under a name of its own, so whoever reads a manifest finds what it names.
A file no manifest names is left over from something killed, or was replaced; `Store.sweep` removes it when nobody
reads (`Store.reading`).
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from reports.collect.rows import SetAside

VERSION: Final = 2
_MANIFEST: Final = "manifest.json"
_LOCK: Final = "lock"
_READERS: Final = "readers"
_SET_ASIDE_KEPT: Final = 10_000
_REMEDY: Final = "remove the folder, it is made anew from the ledger"
FOLDERS: Final = ("attempts", "instances", "waiting", "held")


class StoreError(Exception):
    """The compacted ledger is of another version or isn't readable; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What counts. Names are relative to the store's folder."""

    days: Mapping[str, str] = field(default_factory=dict)
    """Day of the attempts' end → its file."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Day → attempts in its file."""
    instances: str | None = None
    waiting: str | None = None
    waiting_tasks: str | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    """Partition (`attempts/day=2026-11-21`) → the file that lists its objects."""
    set_aside: tuple[SetAside, ...] = ()
    set_aside_lines: int = 0
    """More than are kept, where there are very many."""
    duplicates: int = 0

    @property
    def files(self) -> set[str]:
        named = [self.instances, self.waiting, self.waiting_tasks, *self.days.values(), *self.held.values()]
        return {name for name in named if name is not None}

    def between(self, since: date | None, until: date | None) -> dict[str, str]:
        """The days in `[since, until)`."""
        return {
            day: name
            for day, name in sorted(self.days.items())
            if (since is None or day >= since.isoformat()) and (until is None or day < until.isoformat())
        }


@dataclass(frozen=True, kw_only=True)
class Store:
    """A folder of compacted files."""

    folder: Path

    def manifest(self) -> Manifest:
        """What counts now; nothing where nothing was compacted. Raises StoreError."""
        file = self.folder / _MANIFEST
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Manifest()
        except ValueError as problem:
            raise StoreError(
                f"{file}: is no JSON ({problem}); remove the folder, it is made anew from the ledger"
            ) from None
        version = told.get("version") if isinstance(told, dict) else None
        if version != VERSION:
            raise StoreError(f"{file}: version is {version}; this Batchyard reads {VERSION}; {_REMEDY}")
        told.pop("version")
        try:
            aside = tuple(SetAside(**one) for one in told.pop("set_aside"))
            manifest = Manifest(**told, set_aside=aside)
            if not all(isinstance(one, dict) for one in (manifest.days, manifest.rows, manifest.held)):
                raise TypeError("days, rows and held are no objects")
        except (KeyError, TypeError) as problem:
            raise StoreError(f"{file}: isn't what this Batchyard writes ({problem}); {_REMEDY}") from None
        return manifest

    def commit(self, manifest: Manifest) -> None:
        """Make `manifest` what counts, in one step. Its files are there already."""
        kept = replace(manifest, set_aside=manifest.set_aside[:_SET_ASIDE_KEPT])
        text = json.dumps({"version": VERSION, **asdict(kept)}, indent=1, sort_keys=True)
        write_whole(self.folder / _MANIFEST, text)

    def new(self, folder: str, suffix: str) -> tuple[str, Path]:
        """Name and path of a file to be written in `folder`."""
        name = f"{folder}/part-{uuid.uuid4().hex}.{suffix}"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return name, path

    def held(self, manifest: Manifest, partition: str) -> frozenset[str]:
        """Keys of the raw objects of `partition` that compacted files hold. Raises StoreError, and OSError."""
        name = manifest.held.get(partition)
        if name is None:
            return frozenset()
        file = self.folder / name
        try:
            found: Any = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as problem:
            raise StoreError(f"{file}: is no JSON ({problem}); {_REMEDY}") from None
        if not isinstance(found, list) or not all(isinstance(key, str) for key in found):
            raise StoreError(f"{file}: is no list of objects; {_REMEDY}")
        return frozenset(found)

    def hold(self, keys: Sequence[str]) -> str:
        """Write a list of raw objects; gives its name."""
        name, path = self.new("held", "json")
        write_whole(path, json.dumps(sorted(keys)))
        return name

    def sweep(self, manifest: Manifest) -> None:
        """Remove what `manifest`, just committed, doesn't name, unless somebody reads. Only under the lock."""
        with (self.folder / _READERS).open("a") as readers:
            try:
                fcntl.flock(readers, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            named = manifest.files
            for folder in FOLDERS:
                for path in sorted((self.folder / folder).rglob("*")):
                    if path.is_file() and path.relative_to(self.folder).as_posix() not in named:
                        path.unlink(missing_ok=True)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Meanwhile what a manifest read from now on names stays. Many may read; a killed one's hold is gone."""
        with ExitStack() as hold:
            # where nothing can be written, nobody compacts
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                fcntl.flock(hold.enter_context((self.folder / _READERS).open("a")), fcntl.LOCK_SH)
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One compaction at a time; a killed one's lock is gone with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, also after a power cut."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
