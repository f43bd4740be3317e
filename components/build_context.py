"""The folder an image is built from: the job's own files, what it includes of the repository and the probe, and a hash
that names exactly them."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

BUILD_FOLDER: Final = Path(".batchyard/build")
"""Relative to the repository, and so in the stack's state: the same on every machine."""
PROBE_FILE: Final = Path("jobs/probe/probe.sh")
PROBE_NAME: Final = "batchyard-probe"
ARRAY_FILE: Final = Path("jobs/probe/array_line.py")
ARRAY_NAME: Final = "batchyard-array"
"""In the build context of jobs with a manifest."""
LAMBDA_FILES: Final = (
    Path("jobs/__init__.py"),
    Path("jobs/conventions.py"),
    ARRAY_FILE,
    Path("jobs/probe/lambda_secrets.py"),
    Path("jobs/probe/on_lambda.py"),
)
"""Modules of the runtime that follows the probe in its file, as Lambda runs the same image; the last one is run."""
RESULTS_FILES: Final = (
    Path("jobs/__init__.py"),
    Path("jobs/conventions.py"),
    ARRAY_FILE,
    Path("jobs/probe/results.py"),
)
"""Modules of `batchyard-results`, the last of them the one that is run."""
RESULTS_NAME: Final = "batchyard-results"
"""In the build context of jobs with results: one file, which Python runs."""
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


def prepare(
    repository: Path,
    job: str,
    *,
    base_image: str,
    platform: str,
    include: Sequence[str] = (),
    has_manifest: bool = False,
    has_results: bool = False,
) -> BuildContext:
    """Brings `.batchyard/build/<job>/` to what the job's folder and `include` hold now, and touches only files that
    differ. `include` names folders and files relative to the repository.

    The probe must be there, the job's folder must have a Dockerfile and no two files may have one path:
    `components/check.py` has seen to it.
    """
    sources = dict((*own_files(repository, job), *included_files(repository, include)))
    if has_manifest:
        sources[ARRAY_NAME] = repository / ARRAY_FILE
    target = repository / BUILD_FOLDER / job
    contents = {name: source.read_bytes() for name, source in sources.items()}
    contents[PROBE_NAME] = probe_of(repository)
    modes = {name: 0o755 if source.stat().st_mode & 0o111 else 0o644 for name, source in sources.items()}
    modes |= dict.fromkeys((PROBE_NAME, *([ARRAY_NAME] if has_manifest else [])), 0o755)
    if has_results:
        contents[RESULTS_NAME], modes[RESULTS_NAME] = results_program(repository), 0o755
    _synchronise(target, contents, modes)
    digest = hashlib.sha256()
    for part in (base_image, platform):
        _add(digest, part.encode())
    for name in sorted(contents):
        _add(digest, name.encode())
        _add(digest, f"{modes[name]:o}".encode())
        _add(digest, contents[name])
    return BuildContext(path=str(BUILD_FOLDER / job), tag=digest.hexdigest()[:TAG_LENGTH])


def probe_of(repository: Path) -> bytes:
    """The probe as images have it: the shell's half, and behind its end the half for Lambda, which Python runs."""
    return _program((repository / PROBE_FILE).read_bytes(), repository, LAMBDA_FILES)


def results_program(repository: Path) -> bytes:
    """`batchyard-results` as one file."""
    return _program(b"#!/usr/bin/env python3\n", repository, RESULTS_FILES)


def _program(begin: bytes, repository: Path, files: Sequence[Path]) -> bytes:
    """A file that Python runs whatever it begins with: behind that an archive of modules, of which the last has the
    `main`. Equal modules give equal bytes."""
    (*_, main) = files
    texts = {file.as_posix(): (repository / file).read_text(encoding="utf-8") for file in files}
    texts[f"{main.parent.as_posix()}/__init__.py"] = ""
    module = main.with_suffix("").as_posix().replace("/", ".")
    texts["__main__.py"] = f"import sys\n\nfrom {module} import main\n\nsys.exit(main())\n"
    archive = io.BytesIO(begin)
    archive.seek(0, io.SEEK_END)
    with zipfile.ZipFile(archive, "a") as file:
        for name in sorted(texts):
            file.writestr(zipfile.ZipInfo(name), texts[name])
    return archive.getvalue()


def _add(digest: hashlib._Hash, part: bytes) -> None:
    # with its length before it, so that no two lists of parts read the same
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def own_files(repository: Path, job: str) -> Iterator[tuple[str, Path]]:
    """Path in the build context → file, of the job's folder and the probe."""
    folder = repository / "jobs" / job
    for relative in _files_of(folder):
        yield relative, folder / relative
    yield PROBE_NAME, repository / PROBE_FILE


def included_files(repository: Path, include: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The same of `include`: a folder without what is left out everywhere, a file as it is named."""
    for named in include:
        path = repository / named
        if path.is_file():
            yield named, path
            continue
        for relative in _files_of(path):
            yield f"{named}/{relative}", path / relative


def _files_of(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(_left_out(part) for part in relative.parts):
            yield relative.as_posix()


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
