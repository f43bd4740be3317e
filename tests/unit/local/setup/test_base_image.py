from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from local.home import Home
from local.setup import base_image
from local.setup.base_image import download_wheels, platforms, requirement_files, wheelhouse_hash
from local.setup.steps import SetupError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for job in ("flights", "thumbnails"):
        (tmp_path / "jobs" / job).mkdir(parents=True)
        (tmp_path / "jobs" / job / "requirements.txt").write_text("six==1.17.0\n")
    (tmp_path / "jobs" / "shell").mkdir()
    return Home(root=tmp_path / ".batchyard", repository=tmp_path)


def test_every_jobs_requirements_count(home: Home) -> None:
    files = requirement_files(home.repository)
    assert [file.parent.name for file in files] == ["flights", "thumbnails"]
    before = wheelhouse_hash(files)
    assert before == wheelhouse_hash(reversed(files))
    files[1].write_text("six==1.16.0\n")
    assert wheelhouse_hash(files) != before


def test_wheels_are_for_the_containers_python_on_this_architecture() -> None:
    assert "manylinux_2_28_x86_64" in platforms("x86_64")
    assert "manylinux2014_aarch64" in platforms("arm64")
    assert all(name.endswith("_aarch64") for name in platforms("arm64"))


def test_a_requirement_without_its_hash_is_refused_with_the_file(home: Home, tmp_path: Path) -> None:
    file = requirement_files(home.repository)[0]
    # nothing is downloaded: pip looks at the hashes of a pinned local file first
    file.write_text(f"six @ file://{tmp_path}/six-1.17.0-py2.py3-none-any.whl\n")
    (tmp_path / "six-1.17.0-py2.py3-none-any.whl").write_bytes(b"")
    with pytest.raises(SetupError, match=r"jobs/flights/requirements.txt \(every package pinned with its hash"):
        download_wheels(home, file, tmp_path / "wheels")


def test_the_same_wheels_make_the_same_context(tmp_path: Path) -> None:
    contexts = []
    for moment in (1, 2):
        folder = tmp_path / str(moment)
        folder.mkdir()
        (folder / "b.whl").write_bytes(b"b")
        (folder / "a.whl").write_bytes(b"a")
        contexts.append(base_image._context(folder))
    assert contexts[0].getvalue() == contexts[1].getvalue()
    with tarfile.open(fileobj=contexts[0]) as archive:
        assert archive.getnames() == ["Dockerfile", "wheels", "wheels/a.whl", "wheels/b.whl"]
