#!/usr/bin/env python3
"""batchyard-array COMMAND [ARGUMENT…]

Stands between the probe and the command of a job with `array.manifest`. In a child of the array it puts the child's
index and line of the manifest into the environment and becomes the command; without a manifest it only does the latter.

In the job that a trigger submits, which Batch must know the size of the array for, it counts the manifest's lines and
submits the array: `… batchyard-dispatch BUCKET KEY [NAME VALUE …]`, the pairs being the array's parameters.

It needs Python 3.9 and nothing else: no SDK, so that it runs in the image of any job that has Python.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DISPATCH = "batchyard-dispatch"
MANIFEST, ETAG = "BATCHYARD_ARRAY_MANIFEST", "BATCHYARD_ARRAY_ETAG"
INDEX, LINE = "BATCHYARD_ARRAY_INDEX", "BATCHYARD_ARRAY_LINE"
QUEUE, DEFINITION = "BATCHYARD_ARRAY_QUEUE", "BATCHYARD_ARRAY_DEFINITION"
SHARE = "BATCHYARD_ARRAY_SHARE"
MAX_CHILDREN = 10_000
MAX_LINE_BYTES = 32_768
# sysexits: bad data, unavailable
BAD_MANIFEST, UNAVAILABLE = 65, 69
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
CREDENTIALS = "http://169.254.170.2"


class Refused(Exception):
    """What is wrong, and the exit code that says so."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def lines_of(content: bytes, name: str) -> list[str]:
    """The manifest's lines without their ends; a last one may end without. Raises Refused."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is no UTF-8 text: {error.reason} at byte {error.start}", BAD_MANIFEST) from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise Refused(f"{name} is empty; a manifest has a line for each child", BAD_MANIFEST)
    if len(lines) > MAX_CHILDREN:
        raise Refused(f"{name} has {len(lines):,} lines; an array has at most {MAX_CHILDREN:,} children", BAD_MANIFEST)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise Refused(f"{name}: line {number} is empty; each line is a child's", BAD_MANIFEST)
        if "\0" in line:
            raise Refused(f"{name}: line {number} holds a NUL, which no variable can", BAD_MANIFEST)
        if len(line.encode()) > MAX_LINE_BYTES:
            raise Refused(f"{name}: line {number} has more than {MAX_LINE_BYTES:,} bytes", BAD_MANIFEST)
    return lines


@dataclass(frozen=True)
class Keys:
    access: str
    secret: str
    token: str


def credentials(environ: Mapping[str, str]) -> Keys:
    """The job role's, from where ECS offers them; else the environment's. Raises Refused."""
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative:
        with urllib.request.urlopen(CREDENTIALS + relative, timeout=10) as answer:
            found = json.load(answer)
        return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    try:
        return Keys(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN", "")
        )
    except KeyError:
        raise Refused("the container has no credentials of a job role", UNAVAILABLE) from None


def signed(
    method: str, url: str, service: str, body: bytes, more: Mapping[str, str], environ: Mapping[str, str], now: float
) -> urllib.request.Request:
    """A request with AWS's signature, version 4."""
    keys, region = credentials(environ), environ["AWS_REGION"]
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    day = stamp[:8]
    parts = urllib.parse.urlsplit(url)
    payload = hashlib.sha256(body).hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    headers.update({name.lower(): value for name, value in more.items()})
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [method, parts.path or "/", parts.query, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(f"{canonical}\n{payload}".encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    key = f"AWS4{keys.secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    del headers["host"]
    return urllib.request.Request(url, data=body or None, headers=headers, method=method)


def endpoint(service: str, environ: Mapping[str, str]) -> str:
    given = environ.get("AWS_ENDPOINT_URL")
    region = environ["AWS_REGION"]
    return given.rstrip("/") if given else f"https://{service}.{region}.amazonaws.com{'.cn' * region.startswith('cn-')}"


def ask(
    method: str, service: str, path: str, *, body: bytes = b"", headers: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[bytes, Mapping[str, str]]:
    """One call; asked again while AWS is busy. Raises Refused, HTTPError for an answer that stands."""
    url = endpoint(service, environ) + path
    for pause_s in (*PAUSES_S, None):
        try:
            request = signed(method, url, service, body, headers, environ, time.time())
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            if (error.code != 429 and error.code < 500) or pause_s is None:
                raise
        except OSError as error:
            if pause_s is None:
                raise Refused(f"{service} doesn't answer: {error}", UNAVAILABLE) from None
        time.sleep(pause_s)
    raise AssertionError("the last try answers or raises")


def read_manifest(bucket: str, key: str, environ: Mapping[str, str], etag: str = "") -> tuple[list[str], str]:
    """Its lines and ETag; with `etag` only if it is still that one. Raises Refused."""
    name = f"s3://{bucket}/{key}"
    path = f"/{bucket}/{urllib.parse.quote(key, safe='/-_.~')}"
    headers = {"If-Match": etag} if etag else {}
    try:
        content, said = ask("GET", "s3", path, headers=headers, environ=environ)
    except urllib.error.HTTPError as error:
        if error.code == 412:
            raise Refused(
                f"{name} isn't what the array was counted from: it has been overwritten", BAD_MANIFEST
            ) from None
        raise Refused(f"{name} can't be read: {error.code} {error.reason}", UNAVAILABLE) from None
    return lines_of(content, name), next(value for header, value in said.items() if header.lower() == "etag")


def dispatch(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Submits the array of a manifest; returns a sentence. Raises Refused."""
    bucket, key, *pairs = arguments
    lines, etag = read_manifest(bucket, key, environ)
    variables = {MANIFEST: f"s3://{bucket}/{key}", ETAG: etag}
    request: dict[str, object] = {
        "jobName": environ[DEFINITION].rpartition("/")[2].partition(":")[0],
        "jobQueue": environ[QUEUE],
        "jobDefinition": environ[DEFINITION],
        "parameters": {pairs[at]: pairs[at + 1] for at in range(0, len(pairs), 2)},
    }
    if environ.get(SHARE):
        request["shareIdentifier"] = environ[SHARE]
    if len(lines) == 1:
        # Batch has no array of one: a job that is told it is the first
        variables[INDEX] = "0"
    else:
        request["arrayProperties"] = {"size": len(lines)}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    request["containerOverrides"] = {"environment": environment}
    body = json.dumps(request).encode()
    try:
        answer, _ = ask(
            "POST", "batch", "/v1/submitjob", body=body, headers={"Content-Type": "application/json"}, environ=environ
        )
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace")[:500]
        raise Refused(f"Batch refuses the array: {error.code} {said}", UNAVAILABLE) from None
    return f"s3://{bucket}/{key}: {len(lines):,} lines, submitted as {json.loads(answer)['jobId']}"


def child(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the command. Raises Refused."""
    index = environ.get("AWS_BATCH_JOB_ARRAY_INDEX", environ.get(INDEX, ""))
    if MANIFEST not in environ or not index:
        return dict(environ)
    bucket, _, key = environ[MANIFEST].removeprefix("s3://").partition("/")
    lines, _ = read_manifest(bucket, key, environ, environ[ETAG])
    return {**environ, INDEX: index, LINE: lines[int(index)]}


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    command = sys.argv[1:]
    try:
        if DISPATCH in command:
            say(f"batchyard-array: {dispatch(command[command.index(DISPATCH) + 1 :], os.environ)}")
            return 0
        environ = child(os.environ)
    except Refused as refused:
        say(f"batchyard-array: {refused}")
        return refused.code
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        say(f"batchyard-array: {command[0]}: {error.strerror}")
        return 127


if __name__ == "__main__":
    sys.exit(main())
