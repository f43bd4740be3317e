"""Objects come once; what S3 doesn't give is said and the rest is there."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody

from reports.collect.fetch import fetch


class Bucket:
    """Stands in for boto3's client over a dictionary."""

    def __init__(self, objects: dict[str, bytes]):
        self.objects = objects
        self.asked: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.short: set[str] = set()
        self.listing_ends_after: int | None = None

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **request: str) -> Iterator[Mapping[str, Any]]:
        keys = [
            k for k in sorted(self.objects) if k.startswith(request["Prefix"]) and k > request.get("StartAfter", "")
        ]
        for number, key in enumerate(keys):
            if self.listing_ends_after is not None and number >= self.listing_ends_after:
                raise EndpointConnectionError(endpoint_url="https://bucket.example")
            yield {"Contents": [{"Key": key, "Size": len(self.objects[key]), "ETag": etag(self.objects[key])}]}

    def get_object(self, **request: str) -> Mapping[str, Any]:
        key = request["Key"]
        self.asked.append(key)
        if key in self.faults:
            raise self.faults[key]
        body = self.objects[key]
        assert request["IfMatch"] == etag(body)
        kept = body[:-1] if key in self.short else body
        return {"Body": StreamingBody(io.BytesIO(kept), len(kept))}


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def objects() -> dict[str, bytes]:
    return {
        "attempts/day=2026-11-01/a": b"one",
        "attempts/day=2026-11-02/b": b"two",
        "usage/day=2026-11-02/u": b"three",
        "ecs/day=2026-10-01/i": b"four",
        "errors/attempts/day=2026-11-02/e": b"no",
        "attempts/../../escape": b"no",
    }


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "please slow down"}}, "GetObject")


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_each_object_comes_once(tmp_path: Path) -> None:
    bucket = Bucket(objects())
    first = fetch(bucket, "ledger", tmp_path, since=None)
    again = fetch(bucket, "ledger", tmp_path, since=None)
    assert (first.objects, first.known, first.missing) == (4, 0, ())
    assert (again.objects, again.known) == (0, 4)
    assert there(tmp_path) == {key: body for key, body in objects().items() if body != b"no"}


def test_only_wanted_days(tmp_path: Path) -> None:
    bucket = Bucket(objects())
    fetch(bucket, "ledger", tmp_path, since=date(2026, 11, 2), skip=lambda key: key.startswith("usage/"))
    assert sorted(bucket.asked) == ["attempts/day=2026-11-02/b"]


def test_an_object_that_changed_under_its_name_comes_again(tmp_path: Path) -> None:
    bucket = Bucket(objects())
    fetch(bucket, "ledger", tmp_path, since=None)
    bucket.objects["usage/day=2026-11-02/u"] = b"tree!"
    assert fetch(bucket, "ledger", tmp_path, since=None).objects == 1
    assert there(tmp_path)["usage/day=2026-11-02/u"] == b"tree!"


def test_s3_failing_halfway_leaves_the_rest_and_is_said(tmp_path: Path) -> None:
    bucket = Bucket(objects())
    bucket.faults["attempts/day=2026-11-02/b"] = refused("SlowDown")
    bucket.short.add("usage/day=2026-11-02/u")
    got = fetch(bucket, "ledger", tmp_path, since=None)
    assert got.objects == 2
    assert got.missing == (
        "1 object of the ledger's attempts/day=2026-11-02 couldn't be fetched: SlowDown (please slow down)",
        "1 object of the ledger's usage/day=2026-11-02 couldn't be fetched: "
        "usage/day=2026-11-02/u ended after 4 of 5 bytes",
    )
    assert sorted(there(tmp_path)) == ["attempts/day=2026-11-01/a", "ecs/day=2026-10-01/i"]
    bucket.faults.clear()
    bucket.short.clear()
    assert fetch(bucket, "ledger", tmp_path, since=None).objects == 2


def test_a_listing_that_breaks_off_is_said(tmp_path: Path) -> None:
    bucket = Bucket(objects())
    bucket.listing_ends_after = 2
    got = fetch(bucket, "ledger", tmp_path, since=None)
    assert got.objects == 3
    assert len(got.missing) == 1
    assert got.missing[0].startswith("the ledger's attempts couldn't be listed to the end: Could not connect")


def test_a_bucket_that_stopped_answering_is_not_asked_for_every_object(tmp_path: Path) -> None:
    bucket = Bucket({f"attempts/day=2026-11-01/{n:03}": b"x" for n in range(100)})
    bucket.faults = dict.fromkeys(bucket.objects, refused("InternalError"))
    got = fetch(bucket, "ledger", tmp_path, since=None)
    assert len(bucket.asked) == 16
    assert got.missing == (
        "100 objects of the ledger's attempts/day=2026-11-01 couldn't be fetched: InternalError (please slow down)",
    )
