"""Three sizes of a photograph.

    main.py --key "photos/a day at the sea.jpg"

Reads from the bucket in BATCHYARD_BUCKET_UPLOADS; writes `thumbnails/<key>/<size>.jpg` into the bucket in
BATCHYARD_BUCKET_RESULTS, size being the longer side in pixels (128, 512, 1024). A smaller photograph keeps its size.
All three exist before the first is written, each in one put: a retry overwrites what an earlier attempt left. Its items
are the pictures it wrote.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, ImageOps

SIZES_PX = (1024, 512, 128)  # descending: each is made from the one before
FORMATS = ("JPEG", "PNG")
PIXELS_MAX = 60_000_000  # 180 MB decoded; the container has 512 MiB


def tell_items(count: int) -> None:
    """Tell the probe how many items this run handled, which prices an item; nobody asks outside of Batch."""
    path = os.environ.get("BATCHYARD_ITEMS_FILE")
    if path:
        try:
            Path(path).write_text(f"{count}\n", encoding="ascii")
        except OSError as problem:
            # the pictures are written: a count that can't be is no reason to write them again
            print(f"thumbnails: {path}: the number of items can't be written: {problem.strerror}", file=sys.stderr)


class InputError(Exception):
    """The photograph can't be used; the text says which, why and what would do."""


def s3_client() -> Any:
    """A client that gives up on a dead connection in seconds and tries again three times."""
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    return boto3.client("s3", config=config)


def thumbnails(photograph: bytes, name: str) -> dict[int, bytes]:
    """Size in pixels → JPEG. Raises InputError with one line that begins with `name`."""
    if not photograph:
        raise InputError(f"{name}: is empty; upload the photograph again")
    try:
        with Image.open(io.BytesIO(photograph), formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                got = f"{image.width} × {image.height} pixels"
                raise InputError(
                    f"{name}: is {got}; up to {PIXELS_MAX:,} fit into this job's memory, upload a smaller one"
                )
            # Decodes a JPEG at a fraction of its size where that is still more than enough.
            image.draft("RGB", (2 * SIZES_PX[0], 2 * SIZES_PX[0]))
            image.load()
            # After load: transparent pixels become white, not the black that dropping the channel leaves.
            current = ImageOps.exif_transpose(image)
            if current.mode in ("RGBA", "LA", "PA", "P") or "transparency" in current.info:
                opaque = current.convert("RGBA")
                current = Image.new("RGB", opaque.size, "white")
                current.paste(opaque, mask=opaque.getchannel("A"))
            elif current.mode != "RGB":
                current = current.convert("RGB")
    except Image.DecompressionBombError:
        raise InputError(f"{name}: has too many pixels; up to {PIXELS_MAX:,} fit, upload a smaller one") from None
    except (OSError, SyntaxError, ValueError) as problem:
        said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        said = "no JPEG or PNG can be recognised in it" if "cannot identify" in said else said
        raise InputError(f"{name}: is no whole photograph ({said}); upload a readable .jpg or .png") from None
    made = {}
    for size in SIZES_PX:
        current = current.copy()
        current.thumbnail((size, size), Image.Resampling.LANCZOS)
        encoded = io.BytesIO()
        current.save(encoded, "JPEG", quality=85, optimize=True)
        made[size] = encoded.getvalue()
    return made


def run(s3: Any, *, uploads: str, results: str, key: str) -> list[str]:
    """Writes the three results and returns their keys. Raises InputError."""
    try:
        photograph = s3.get_object(Bucket=uploads, Key=key)["Body"].read()
    except ClientError as problem:
        if problem.response["Error"]["Code"] in ("404", "NoSuchKey"):
            raise InputError(f"s3://{uploads}/{key}: doesn't exist; give the key of an uploaded photograph") from None
        raise
    written = []
    for size, body in thumbnails(photograph, f"s3://{uploads}/{key}").items():
        target = f"thumbnails/{key}/{size}.jpg"
        s3.put_object(Bucket=results, Key=target, Body=body, ContentType="image/jpeg")
        written.append(target)
    tell_items(len(written))
    return written


def main(arguments: list[str] | None = None) -> int:
    """0 when the results are written, 1 with one line on stderr when the photograph or S3 doesn't allow it."""
    parser = argparse.ArgumentParser(description="Three sizes of a photograph.")
    parser.add_argument("--key", required=True, help="key of the photograph, as it is: not URL-encoded")
    options = parser.parse_args(arguments)
    try:
        written = run(
            s3_client(),
            uploads=os.environ["BATCHYARD_BUCKET_UPLOADS"],
            results=os.environ["BATCHYARD_BUCKET_RESULTS"],
            key=options.key,
        )
    except KeyError as problem:
        print(f"thumbnails: {problem.args[0]} isn't set; the job's permissions name its buckets", file=sys.stderr)
        return 1
    except (InputError, ClientError, BotoCoreError) as problem:
        print(f"thumbnails: {problem}", file=sys.stderr)
        return 1
    for key in written:
        print(f"thumbnails: wrote {key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
