#!/usr/bin/env python3
"""batchyard-results COMMAND [ARGUMENT…]

Stands between the probe and the command of a job with `results`. It tells the command by `BATCHYARD_RESULTS` where in
S3 its results belong, and when the command has ended with 0 it writes the manifest of what is there: last, so that who
sees the manifest sees all of it. What a failed attempt wrote goes, then or when the next attempt begins.

It needs Python 3.9 and nothing else: no SDK, so that it runs in the image of any job that has Python. Outside of Batch
it becomes the command and does nothing more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from jobs import conventions
from jobs.probe.array_line import UNAVAILABLE, Refused, ask, say

BAD_RESULTS = 65
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class StoredObject:
    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class Bucket:
    """The results' bucket, with the calls that are needed of it. They raise Refused."""

    name: str
    environ: Mapping[str, str]

    def put(self, key: str, content: bytes = b"", kind: str = "application/json") -> None:
        self._ask("PUT", self._path(key), content, {"Content-Type": kind})

    def delete(self, key: str) -> None:
        self._ask("DELETE", self._path(key))

    def objects(self, prefix: str) -> list[StoredObject]:
        """All that lie under a prefix, by key."""
        found: list[StoredObject] = []
        more: dict[str, str] = {}
        while True:
            query = urllib.parse.urlencode(
                {**more, "list-type": "2", "prefix": prefix}, quote_via=urllib.parse.quote, safe="-_.~"
            )
            page = ElementTree.fromstring(self._ask("GET", f"/{self.name}?{query}"))
            for entry in page.iter(f"{_S3}Contents"):
                key, size, etag = (entry.findtext(f"{_S3}{name}") or "" for name in ("Key", "Size", "ETag"))
                found.append(StoredObject(key, int(size), etag.strip('"')))
            token = page.findtext(f"{_S3}NextContinuationToken")
            if not token:
                return sorted(found, key=lambda one: one.key)
            more = {"continuation-token": token}

    def _path(self, key: str) -> str:
        return f"/{self.name}/{urllib.parse.quote(key, safe='/-_.~')}"

    def _ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        try:
            return ask(method, "s3", path, body=body, headers=headers or {}, environ=self.environ)[0]
        except urllib.error.HTTPError as error:
            where = urllib.parse.unquote(path.partition("?")[0].lstrip("/"))
            raise Refused(
                f"{method} s3://{where}: {error.code} {error.reason}; the job's role may write below its own prefix",
                UNAVAILABLE,
            ) from None


@dataclass(frozen=True)
class Run:
    """One run's places in the bucket; those of an array's child are its own."""

    bucket: Bucket
    job_folder: str
    """`thumbnails/`"""
    run_id: str
    """The job's id at Batch; of a child its array's."""
    index: int | None
    attempt: int
    day: str
    """Of the run's first attempt, UTC."""

    @property
    def manifests(self) -> str:
        return manifests_folder(self.job_folder, self.run_id, self.index)

    @property
    def data(self) -> str:
        child = "" if self.index is None else f"{conventions.RESULTS_CHILD}{self.index}/"
        folder = f"{self.job_folder}{conventions.RESULTS_DATA}"
        return f"{folder}{conventions.RESULTS_DAY}{self.day}/{conventions.RESULTS_RUN}{self.run_id}/{child}"

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket.name}/{self.data}"


def manifests_folder(job_folder: str, run_id: str, index: int | None) -> str:
    child = "" if index is None else f"{index}/"
    return f"{job_folder}{conventions.RESULTS_MANIFESTS}{run_id}/{child}"


def begin(environ: Mapping[str, str], now_s: float) -> Run:
    """The run's places, empty of what an earlier attempt left. Raises Refused."""
    name, _, job_folder = environ[conventions.ENV_RESULTS_PLACE].removeprefix("s3://").partition("/")
    run_id, _, child = environ[conventions.ENV_BATCH_JOB_ID].partition(":")
    index = int(child) if child else None
    bucket = Bucket(name, environ)
    begun = f"{manifests_folder(job_folder, run_id, index)}{conventions.RESULTS_BEGUN}"
    # another attempt may come on another day, and belongs where the first one was
    days = [one.key.rpartition("/")[2] for one in bucket.objects(begun)]
    day = days[0] if days else time.strftime("%Y-%m-%d", time.gmtime(now_s))
    attempt = int(environ.get(conventions.ENV_BATCH_JOB_ATTEMPT) or 1)
    run = Run(bucket, job_folder, run_id, index, attempt, day)
    if days:
        remove(run)
    else:
        bucket.put(f"{begun}{day}", kind="text/plain")
    return run


def remove(run: Run) -> None:
    """Takes away what the run has written: the manifests first, for they name the rest."""
    begun = f"{run.manifests}{conventions.RESULTS_BEGUN}"
    written = [one.key for one in run.bucket.objects(run.manifests) if not one.key.startswith(begun)]
    for key in (*written, *(one.key for one in run.bucket.objects(run.data))):
        run.bucket.delete(key)


def give_up(run: Run) -> None:
    """As `remove`, of a run whose own failure is what counts: what can't be removed is said, and goes later."""
    try:
        remove(run)
    except Refused as refused:
        say(f"batchyard-results: {refused}")


def publish(run: Run, environ: Mapping[str, str], now_s: float) -> str:
    """Writes the manifest of what the run has left; returns a sentence. Raises Refused."""
    objects = run.bucket.objects(run.data)
    wanted = environ.get(conventions.ENV_RESULTS_FORMAT, "")
    if wanted:
        suffixes = conventions.RESULT_SUFFIXES[wanted]
        for one in objects:
            if not one.key.endswith(suffixes):
                remove(run)
                raise Refused(
                    f"{run.uri}{one.key[len(run.data) :]} is no {wanted} by its name; with results.format: {wanted} "
                    f"every object ends in {' or '.join(suffixes)}",
                    BAD_RESULTS,
                )
    manifest: dict[str, Any] = {
        "version": conventions.RESULTS_VERSION,
        "stage": environ.get(conventions.ENV_STAGE, ""),
        "job": environ.get(conventions.ENV_JOB, ""),
        "owner": environ.get(conventions.ENV_OWNER, ""),
        "run": run.run_id,
        "index": run.index,
        "attempt": run.attempt,
        "written_by": "batchyard-results",
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)),
        "format": wanted or None,
        "bucket": run.bucket.name,
        "prefix": run.data,
        "objects": [{"key": one.key, "size_bytes": one.size_bytes, "etag": one.etag} for one in objects],
    }
    if environ.get(conventions.ENV_RESULTS_COPY):
        run.bucket.put(f"{run.manifests}{conventions.RESULTS_COPY_MANIFEST}", copy_manifest(run, objects))
    key = f"{run.manifests}{conventions.RESULTS_MANIFEST}"
    run.bucket.put(key, json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
    return f"{len(objects):,} objects, s3://{run.bucket.name}/{key}"


def copy_manifest(run: Run, objects: Sequence[StoredObject]) -> bytes:
    """What COPY … MANIFEST reads; the lengths are for Parquet."""
    entries = [
        {"url": f"s3://{run.bucket.name}/{one.key}", "mandatory": True, "meta": {"content_length": one.size_bytes}}
        for one in objects
    ]
    return json.dumps({"entries": entries}, indent=2, ensure_ascii=False).encode() + b"\n"


def run_command(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command with the signals that are meant for it; its exit code, 128 + n for an end by signal n."""
    child: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _: object) -> None:
        if child:
            child[0].send_signal(number)
        else:
            early.append(number)

    for number in FORWARDED:
        signal.signal(number, forward)
    try:
        child.append(subprocess.Popen(command, env=dict(environ)))
    except OSError as error:
        say(f"batchyard-results: {command[0]}: {error.strerror}")
        return 127
    for missed in early:
        child[0].send_signal(missed)
    code = child[0].wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    command = sys.argv[1:]
    environ = dict(os.environ)
    if not command:
        say("batchyard-results: no command given; it stands behind batchyard-probe and before the job's command")
        return 64
    if not environ.get(conventions.ENV_RESULTS_PLACE) or not environ.get(conventions.ENV_BATCH_JOB_ID):
        try:
            os.execvpe(command[0], command, environ)
        except OSError as error:
            say(f"batchyard-results: {command[0]}: {error.strerror}")
            return 127
    try:
        run = begin(environ, time.time())
        code = run_command(command, {**environ, conventions.ENV_RESULTS: run.uri})
        if code:
            give_up(run)
            return code
        said = publish(run, environ, time.time())
    except Refused as refused:
        say(f"batchyard-results: {refused}")
        return refused.code
    say(f"batchyard-results: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
