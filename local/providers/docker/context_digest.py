"""A digest of everything a build reads: this is what makes a change of code a difference."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def context_digest(context: Path, dockerfile: Path) -> str:
    """sha256 over the Dockerfile and the context's files (path, executable bit, content), honouring .dockerignore.

    Errors: OSError when a file can't be read.
    """
    digest = hashlib.sha256()
    _add(digest, "Dockerfile", b"", dockerfile.read_bytes())
    for relative in sorted(_files(context)):
        path = context / relative
        if path.is_symlink():
            _add(digest, relative, b"link", os.fsencode(path.readlink()))
        else:
            _add(digest, relative, b"x" if os.access(path, os.X_OK) else b"-", path.read_bytes())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, kind: bytes, content: bytes) -> None:
    digest.update(b"%s\0%s\0%d\0" % (os.fsencode(name), kind, len(content)))
    digest.update(content)


def _files(context: Path) -> Iterator[str]:
    ignore = context / ".dockerignore"
    if ignore.exists():
        # the Docker SDK's own reading of the patterns; loaded only where there are any
        from docker.utils.build import exclude_paths

        patterns = [line.strip() for line in ignore.read_text().splitlines()]
        wanted = exclude_paths(str(context), [line for line in patterns if line and not line.startswith("#")])
        yield from (name for name in wanted if _is_file(context / name))
        return
    for folder, folders, files in os.walk(context):
        where = Path(folder)
        links = [name for name in folders if (where / name).is_symlink()]
        for name in (*files, *links):
            yield str((where / name).relative_to(context))


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()
