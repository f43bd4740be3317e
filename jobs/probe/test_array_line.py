"""The helper of jobs with a manifest, against a small S3 and Batch of its own."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("array_line.py")
DEFINITION = "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-dev-sweep:3"
SHOW = [sys.executable, "-c", "import os; print(os.environ.get('BATCHYARD_ARRAY_INDEX'), os.environ.get('BATCHYARD_ARRAY_LINE'))"]  # fmt: skip  # noqa: E501


class FakeAws(http.server.ThreadingHTTPServer):
    """Objects by path; what was submitted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.objects: dict[str, bytes] = {}
        self.submitted: list[dict[str, Any]] = []
        self.signed: list[str] = []
        self.busy = 0

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_address[1]}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BATCHYARD_ARRAY_QUEUE": "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-dev-standard",
            "BATCHYARD_ARRAY_DEFINITION": DEFINITION,
        }

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), *command],
            env=self.environ | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def dispatch(self, content: bytes, *pairs: str) -> subprocess.CompletedProcess[str]:
        self.objects["/lists/to%20do.txt"] = content
        return self.run("main.py", "batchyard-dispatch", "lists", "to do.txt", *pairs)


class Answers(http.server.BaseHTTPRequestHandler):
    server: FakeAws

    def do_GET(self) -> None:
        content = self.server.objects.get(self.path)
        if content is None:
            self._answer(404, b"")
            return
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        if self.headers.get("If-Match", etag) != etag:
            self._answer(412, b"")
            return
        self._answer(200, content, etag)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.busy:
            self.server.busy -= 1
            self._answer(429, b"{}")
            return
        self.server.submitted.append(json.loads(body))
        self._answer(200, b'{"jobId": "j-1"}')

    def _answer(self, code: int, body: bytes, etag: str = "") -> None:
        self.server.signed.append(self.headers.get("Authorization", ""))
        self.send_response(code)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    server = FakeAws()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def variables(request: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in request["containerOverrides"]["environment"]}


def test_a_manifest_becomes_an_array_of_its_lines(aws: FakeAws) -> None:
    done = aws.dispatch("\ufeffone\r\nzwölf\nthree".encode(), "size", "large", "day", "")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "batchyard-array: s3://lists/to do.txt: 3 lines, submitted as j-1\n"
    (request,) = aws.submitted
    assert request["arrayProperties"] == {"size": 3}
    assert request["parameters"] == {"size": "large", "day": ""}
    assert (request["jobName"], request["jobDefinition"]) == ("batchyard-dev-sweep", DEFINITION)
    assert variables(request)["BATCHYARD_ARRAY_MANIFEST"] == "s3://lists/to do.txt"
    assert all("AWS4-HMAC-SHA256 Credential=test/" in one for one in aws.signed)


def test_an_array_belongs_to_its_jobs_share(aws: FakeAws) -> None:
    aws.objects["/lists/x"] = b"one\ntwo\n"
    aws.run("batchyard-dispatch", "lists", "x", BATCHYARD_ARRAY_SHARE="research")
    aws.run("batchyard-dispatch", "lists", "x")
    assert [request.get("shareIdentifier") for request in aws.submitted] == ["research", None]


def test_a_child_finds_its_line(aws: FakeAws) -> None:
    aws.dispatch("\ufeffone\r\nzwölf\nthree".encode())
    given = variables(aws.submitted[0])
    said = [aws.run(*SHOW, AWS_BATCH_JOB_ARRAY_INDEX=str(index), **given).stdout for index in range(3)]
    assert said == ["0 one\n", "1 zwölf\n", "2 three\n"]


def test_an_array_of_ten_thousand_is_the_largest(aws: FakeAws) -> None:
    lines = "".join(f"line {number}\n" for number in range(10_000))
    assert aws.dispatch(lines.encode()).returncode == 0
    assert aws.submitted[0]["arrayProperties"] == {"size": 10_000}
    last = aws.run(*SHOW, AWS_BATCH_JOB_ARRAY_INDEX="9999", **variables(aws.submitted[0]))
    assert last.stdout == "9999 line 9999\n"

    more = aws.dispatch(f"{lines}one more".encode())
    assert more.returncode == 65
    assert "has 10,001 lines; an array has at most 10,000 children" in more.stderr
    assert len(aws.submitted) == 1


def test_one_line_is_a_job_of_its_own(aws: FakeAws) -> None:
    """Batch has no array of one."""
    assert aws.dispatch(b"only\n").returncode == 0
    (request,) = aws.submitted
    assert "arrayProperties" not in request
    assert aws.run(*SHOW, **variables(request)).stdout == "0 only\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; a manifest has a line for each child"),
        (b"\n", "line 1 is empty"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"a\n \t\n", "line 2 is empty"),
        (b"a\nb\xff\n", "is no UTF-8 text: invalid start byte at byte 3"),
        (b"a\0b\nc\n", "line 1 holds a NUL"),
        (b"a\n" + b"x" * 40_000, "line 2 has more than 32,768 bytes"),
    ],
)
def test_a_malformed_manifest_submits_nothing_and_says_why(aws: FakeAws, content: bytes, said: str) -> None:
    done = aws.dispatch(content)
    assert done.returncode == 65
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert aws.submitted == []


def test_a_manifest_that_is_not_there_submits_nothing(aws: FakeAws) -> None:
    done = aws.run("batchyard-dispatch", "lists", "none.txt")
    assert (done.returncode, aws.submitted) == (69, [])
    assert done.stderr == "batchyard-array: s3://lists/none.txt can't be read: 404 Not Found\n"


def test_a_manifest_that_was_overwritten_gives_no_child_a_wrong_line(aws: FakeAws) -> None:
    aws.dispatch(b"one\ntwo\n")
    aws.objects["/lists/to%20do.txt"] = b"zero\none\ntwo\n"
    done = aws.run(*SHOW, AWS_BATCH_JOB_ARRAY_INDEX="1", **variables(aws.submitted[0]))
    assert (done.returncode, done.stdout) == (65, "")
    assert "it has been overwritten" in done.stderr


def test_a_busy_batch_is_asked_again(aws: FakeAws) -> None:
    aws.busy = 1
    assert aws.dispatch(b"one\ntwo\n").returncode == 0
    assert len(aws.submitted) == 1


def test_without_a_manifest_the_command_runs_as_it_is(aws: FakeAws) -> None:
    assert aws.run(*SHOW, AWS_BATCH_JOB_ARRAY_INDEX="1").stdout == "None None\n"
    assert aws.run("sh", "-c", "exit 3").returncode == 3
    assert aws.run("no-such-command").returncode == 127
