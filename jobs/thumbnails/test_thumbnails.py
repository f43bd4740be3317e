"""The thumbnails job on made-up photographs against moto's S3, in process."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from moto import mock_aws
from PIL import Image

UPLOADS, RESULTS = "uploads-1", "results-1"


def load_main() -> ModuleType:
    spec = importlib.util.spec_from_file_location("thumbnails_main", Path(__file__).with_name("main.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


main = load_main()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The job's own client against moto, made once: making one takes longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            yield main.s3_client()


@pytest.fixture
def s3(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client with two empty buckets, which the job finds in its environment."""
    monkeypatch.setenv("BATCHYARD_BUCKET_UPLOADS", UPLOADS)
    monkeypatch.setenv("BATCHYARD_BUCKET_RESULTS", RESULTS)
    monkeypatch.setattr(main, "s3_client", lambda: client)
    for bucket in (UPLOADS, RESULTS):
        client.create_bucket(Bucket=bucket)
    yield client
    for bucket in (UPLOADS, RESULTS):
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
        client.delete_bucket(Bucket=bucket)


def photograph(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    encoded = io.BytesIO()
    Image.effect_noise((width, height), 60).convert(mode).save(encoded, kind, **options)
    return encoded.getvalue()


def made(s3: Any, key: str, size: int) -> Image.Image:
    image = Image.open(io.BytesIO(s3.get_object(Bucket=RESULTS, Key=f"thumbnails/{key}/{size}.jpg")["Body"].read()))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def result_keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])]


@pytest.mark.parametrize(("name", "kind"), [("photos/sea.jpg", "JPEG"), ("photos/sea.png", "PNG")])
def test_three_sizes_with_the_sides_ratio(s3: Any, capsys: pytest.CaptureFixture[str], name: str, kind: str) -> None:
    s3.put_object(Bucket=UPLOADS, Key=name, Body=photograph(1600, 800, kind))
    assert main.main(["--key", name]) == 0
    assert f"wrote thumbnails/{name}/128.jpg" in capsys.readouterr().out
    assert [made(s3, name, size).size for size in (128, 512, 1024)] == [(128, 64), (512, 256), (1024, 512)]
    assert len(result_keys(s3)) == 3


def test_the_items_are_the_pictures_written(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "items"
    monkeypatch.setenv("BATCHYARD_ITEMS_FILE", str(told))
    s3.put_object(Bucket=UPLOADS, Key="photos/s.jpg", Body=photograph(100, 50))
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="photos/s.jpg")
    assert told.read_text() == "3\n"


def test_items_that_can_not_be_told_fail_nothing(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATCHYARD_ITEMS_FILE", str(tmp_path / "none" / "items"))
    s3.put_object(Bucket=UPLOADS, Key="photos/s.jpg", Body=photograph(100, 50))
    assert main.main(["--key", "photos/s.jpg"]) == 0
    assert "none/items: the number of items can't be written: No such file" in capsys.readouterr().err
    assert len(result_keys(s3)) == 3


def test_a_small_photograph_keeps_its_size(s3: Any) -> None:
    s3.put_object(Bucket=UPLOADS, Key="photos/s.jpg", Body=photograph(200, 100))
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="photos/s.jpg")
    assert [made(s3, "photos/s.jpg", size).size for size in (128, 512, 1024)] == [(128, 64), (200, 100), (200, 100)]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_every_mode_of_a_png(s3: Any, mode: str) -> None:
    s3.put_object(Bucket=UPLOADS, Key="photos/m.png", Body=photograph(300, 300, "PNG", mode))
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="photos/m.png")
    assert made(s3, "photos/m.png", 128).size == (128, 128)


def test_transparent_becomes_white() -> None:
    encoded = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(encoded, "PNG")
    image = Image.open(io.BytesIO(main.thumbnails(encoded.getvalue(), "x")[128]))
    assert image.getpixel((25, 25)) == (255, 255, 255)


def test_a_camera_held_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn a quarter clockwise
    image = Image.open(io.BytesIO(main.thumbnails(photograph(400, 200, exif=exif), "x")[128]))
    assert image.size == (64, 128)


@pytest.mark.parametrize(
    "key", ["photos/a day at the sea.jpg", "photos/Grüße aus Żyrardów 🏖.jpg", "photos/a+b%20c&d.jpg"]
)
def test_keys_with_spaces_and_letters_from_everywhere(s3: Any, key: str) -> None:
    s3.put_object(Bucket=UPLOADS, Key=key, Body=photograph(140, 140))
    assert main.main(["--key", key]) == 0
    assert made(s3, key, 128).size == (128, 128)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty; upload the photograph again"),
        (b"not a photograph", "is no whole photograph (no JPEG or PNG can be recognised in it)"),
        (photograph(800, 600)[:5000], "is no whole photograph (image file is truncated"),
        (photograph(800, 600, "PNG")[:5000], "is no whole photograph ("),
        (photograph(80, 60, "GIF", "L"), "is no whole photograph (no JPEG or PNG can be recognised in it)"),
        (photograph(800, 600)[:2] + b"\x00" * 4000, "is no whole photograph ("),
    ],
    ids=["empty", "text", "half a jpg", "half a png", "gif", "zeros"],
)
def test_what_is_no_photograph_fails_with_one_line(
    s3: Any, capsys: pytest.CaptureFixture[str], body: bytes, said: str
) -> None:
    s3.put_object(Bucket=UPLOADS, Key="photos/bad.jpg", Body=body)
    assert main.main(["--key", "photos/bad.jpg"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("thumbnails: s3://uploads-1/photos/bad.jpg: ")
    assert said in error
    assert error.count("\n") == 1
    assert result_keys(s3) == []


def test_more_pixels_than_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "PIXELS_MAX", 1000)
    with pytest.raises(main.InputError, match="is 100 × 100 pixels; up to 1,000 fit"):
        main.thumbnails(photograph(100, 100), "x")


@pytest.mark.usefixtures("s3")
def test_a_missing_object_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--key", "photos/none.jpg"]) == 1
    assert "s3://uploads-1/photos/none.jpg: doesn't exist" in capsys.readouterr().err


def test_a_second_attempt_leaves_the_same_bytes(s3: Any) -> None:
    s3.put_object(Bucket=UPLOADS, Key="photos/s.jpg", Body=photograph(600, 600))
    seen = []
    for _ in range(2):
        main.run(s3, uploads=UPLOADS, results=RESULTS, key="photos/s.jpg")
        seen.append([s3.get_object(Bucket=RESULTS, Key=key)["ETag"] for key in result_keys(s3)])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 3
