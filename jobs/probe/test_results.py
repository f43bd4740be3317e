"""The helper of jobs with results, against moto's S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from components.build_context import results_program
from jobs.probe import results

REPOSITORY = Path(__file__).parents[2]
# writes its own file where it is told to, beside what the arguments name
WRITE = """\
import os, sys, urllib.parse, urllib.request
place = os.environ["BATCHYARD_RESULTS"].removeprefix("s3://")
for name in sys.argv[2:]:
    url = os.environ["AWS_ENDPOINT_URL"] + "/" + urllib.parse.quote(place + name)
    headers = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, b"x" * len(name), headers, method="PUT")).close()
sys.exit(int(sys.argv[1]))
"""


@dataclass
class Stage:
    """A bucket, and runs of one job in it."""

    endpoint: str
    program: Path
    bucket: str = field(default_factory=lambda: f"results-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.s3.create_bucket(Bucket=self.bucket)

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BATCHYARD_STAGE": "dev",
            "BATCHYARD_JOB": "readings",
            "BATCHYARD_OWNER": "research",
            "BATCHYARD_RESULTS_PLACE": f"s3://{self.bucket}/readings/",
            "AWS_BATCH_JOB_ID": "r-1",
            "AWS_BATCH_JOB_ATTEMPT": "1",
            **more,
        }

    def run(self, code: int, *names: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.start(sys.executable, "-c", WRITE, str(code), *names, **more)

    def start(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.program), *command],
            env=self.environ(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def stored(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in listed.get("Contents", [])]

    def manifest(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return found


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the image has it: one file."""
    file = tmp_path_factory.mktemp("bin") / "batchyard-results"
    file.write_bytes(results_program(REPOSITORY))
    return file


@pytest.fixture
def stage(endpoint: str, program: Path) -> Stage:
    return Stage(endpoint, program)


def test_a_run_that_ends_well_leaves_a_manifest_of_all_it_wrote(stage: Stage) -> None:
    done = stage.run(0, "b c.parquet", "a/ü.parquet", BATCHYARD_RESULTS_FORMAT="parquet")

    assert done.returncode == 0, done.stderr
    assert done.stderr == f"batchyard-results: 2 objects, s3://{stage.bucket}/readings/manifests/r-1/manifest.json\n"
    manifest = stage.manifest("readings/manifests/r-1/manifest.json")
    prefix = manifest["prefix"]
    assert prefix.startswith("readings/data/day=20")
    assert prefix.endswith("/run=r-1/")
    known = ("version", "stage", "job", "owner", "run", "index", "attempt", "format", "bucket")
    assert [manifest[key] for key in known] == [
        1,
        "dev",
        "readings",
        "research",
        "r-1",
        None,
        1,
        "parquet",
        stage.bucket,
    ]
    assert [(one["key"], one["size_bytes"]) for one in manifest["objects"]] == [
        (f"{prefix}a/ü.parquet", 11),
        (f"{prefix}b c.parquet", 11),
    ]
    for one in manifest["objects"]:
        assert stage.s3.head_object(Bucket=stage.bucket, Key=one["key"])["ETag"] == f'"{one["etag"]}"'


def test_a_run_that_redshift_loads_says_so_in_its_words(stage: Stage) -> None:
    assert stage.run(0, "a.csv", BATCHYARD_RESULTS_COPY="yes").returncode == 0
    (one,) = stage.manifest("readings/manifests/r-1/manifest.json")["objects"]
    assert stage.manifest("readings/manifests/r-1/redshift.json") == {
        "entries": [
            {"url": f"s3://{stage.bucket}/{one['key']}", "mandatory": True, "meta": {"content_length": 5}},
        ]
    }


def test_a_childs_results_are_its_own(stage: Stage) -> None:
    for index in (0, 1):
        assert stage.run(0, f"{index}.csv", AWS_BATCH_JOB_ID=f"r-1:{index}").returncode == 0
    for index in (0, 1):
        manifest = stage.manifest(f"readings/manifests/r-1/{index}/manifest.json")
        assert (manifest["run"], manifest["index"]) == ("r-1", index)
        assert manifest["prefix"].endswith(f"/run=r-1/child={index}/")
        assert [one["key"] for one in manifest["objects"]] == [f"{manifest['prefix']}{index}.csv"]


def test_a_run_that_fails_leaves_nothing_but_its_exit_code(stage: Stage) -> None:
    done = stage.run(3, "half.csv")
    assert (done.returncode, done.stderr) == (3, "")
    (begun,) = stage.stored()
    assert begun.startswith("readings/manifests/r-1/begun/20")


def test_a_retry_begins_where_nothing_lies_and_on_the_same_day(stage: Stage) -> None:
    """The attempt before was killed, on another day: it could remove nothing itself."""
    day = "2020-02-29"
    stage.s3.put_object(Bucket=stage.bucket, Key=f"readings/manifests/r-1/begun/{day}", Body=b"")
    stage.s3.put_object(Bucket=stage.bucket, Key="readings/manifests/r-1/manifest.json", Body=b"{}")
    old = f"readings/data/day={day}/run=r-1/old.csv"
    other = f"readings/data/day={day}/run=r-11/old.csv"
    for key in (old, other):
        stage.s3.put_object(Bucket=stage.bucket, Key=key, Body=b"x")

    assert stage.run(0, "new.csv", AWS_BATCH_JOB_ATTEMPT="2").returncode == 0
    manifest = stage.manifest("readings/manifests/r-1/manifest.json")
    assert manifest["attempt"] == 2
    assert [one["key"] for one in manifest["objects"]] == [f"readings/data/day={day}/run=r-1/new.csv"]
    assert stage.stored("readings/data/") == [f"readings/data/day={day}/run=r-1/new.csv", other]


def test_an_object_of_another_format_fails_the_run_and_goes(stage: Stage) -> None:
    done = stage.run(0, "a.parquet", "b.csv", BATCHYARD_RESULTS_FORMAT="parquet")
    assert done.returncode == results.BAD_RESULTS
    assert "/run=r-1/b.csv is no parquet by its name; with results.format: parquet every object ends in .parquet" in (
        done.stderr
    )
    assert stage.stored("readings/data/") == []
    assert not [key for key in stage.stored() if key.endswith("manifest.json")]


def test_a_bucket_that_refuses_is_said_in_one_line(stage: Stage) -> None:
    done = stage.run(0, BATCHYARD_RESULTS_PLACE="s3://no-such-bucket-1/readings/")
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith("batchyard-results: GET s3://no-such-bucket-1: 404 ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", ["BATCHYARD_RESULTS_PLACE", "AWS_BATCH_JOB_ID"])
def test_outside_of_batch_it_only_becomes_the_command(stage: Stage, missing: str) -> None:
    show = "import os; print(os.environ.get('BATCHYARD_RESULTS'))"
    done = stage.start(sys.executable, "-c", show, **{missing: ""})
    assert (done.returncode, done.stdout, stage.stored()) == (0, "None\n", [])


def test_a_signal_reaches_the_command_and_is_its_end(stage: Stage) -> None:
    wait = "import signal; print('up', flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, str(stage.program), sys.executable, "-c", wait],
        env=stage.environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert stage.stored("readings/data/") == []


@pytest.mark.parametrize(("command", "code"), [((), 64), (("/no/such/command",), 127)])
def test_a_command_that_is_none_is_said(stage: Stage, command: tuple[str, ...], code: int) -> None:
    done = stage.start(*command)
    assert done.returncode == code
    assert done.stderr.startswith("batchyard-results: ")


def test_the_program_is_the_same_bytes_from_the_same_modules() -> None:
    assert results_program(REPOSITORY) == results_program(REPOSITORY)
