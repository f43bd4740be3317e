"""The local lane beside its floors: preview, the start of one job, a burst of uploads.

    make bench NAME=local_lane

preview_ratio        `pulumi preview` of the whole stage over that of a one-resource program, medians in alternation
start_over_floor_s   upload → container started, less a bare `docker run` of the same image → started, medians
burst_longest_run_s  the longest run of a container in the burst: one far above the others hung
burst_lost           uploads of the burst without a row in the ledger or without all their results
burst_torn           results of the burst that aren't whole pictures of their size
burst_over_vcpus     vCPUs in use at once above what the environments allow; 0 when the bound held
"""

from __future__ import annotations

import io
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
from PIL import Image

from cli.demo_watch import Seen, Upload, Watch
from local.home import Home
from local.lane import Lane
from local.stage import bring_up
from reports.collect.ledger import LedgerReader
from reports.stage import StageAccess, from_outputs

PREVIEWS = 5
STARTS = 5
BURST = 200
BURST_DEADLINE_S = 900
UPLOADERS = 16
ONE_RESOURCE = """
import pulumi_aws as aws

aws.sqs.Queue("one")
"""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The stage that is measured; `image` is the thumbnails job's, by digest."""

    access: StageAccess
    s3: Any
    image: str


def main() -> None:
    lane = Lane(home=Home.default(), name=f"bench-{secrets.token_hex(3)}")
    try:
        say("bringing a stage up in a lane of its own")
        outputs = bring_up(lane, report=say).outputs
        stage = Subject(
            access=from_outputs(outputs, stack="local", client=lane.client),
            s3=lane.client("s3"),
            image=str(outputs["stage"]["images"]["thumbnails"]),
        )
        figures = {**previews(lane), **starts(stage), **burst(stage)}
    finally:
        lane.remove()
    print(json.dumps({"bench": "local_lane", **figures}))


def previews(lane: Lane) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder)
        (program / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
        (program / "__main__.py").write_text(ONE_RESOURCE)
        lane.pulumi("stack", "init", "one", cwd=program)
        lane.pulumi("up", "--yes", "--skip-preview", "--stack", "one", cwd=program)
        ours, floor = [], []
        for n in range(PREVIEWS + 1):
            whole = timed(lambda: lane.pulumi("preview", "--stack", "local", "--expect-no-changes"))
            one = timed(lambda: lane.pulumi("preview", "--stack", "one", "--expect-no-changes", cwd=program))
            if n:  # the first of each fills caches
                ours.append(whole)
                floor.append(one)
            say(f"preview: the stage {whole:.2f} s, one resource {one:.2f} s")
    stage_s, one_s = statistics.median(ours), statistics.median(floor)
    return {"preview_s": stage_s, "preview_floor_s": one_s, "preview_ratio": round(stage_s / one_s, 3)}


def starts(stage: Subject) -> dict[str, float]:
    image = stage.image
    engine = docker.from_env()
    ours, floor = [], []
    for n in range(STARTS + 1):
        upload = put(stage, f"photos/start-{secrets.token_hex(3)}-{n}.jpg", picture(n))
        run = wait_for(stage, [upload], deadline_s=120).runs[0]
        assert run.attempt.started_at is not None, run
        began = datetime.now(UTC)
        container = engine.containers.run(image, entrypoint="true", detach=True)
        container.wait()
        container.reload()
        bare = docker_time(container.attrs["State"]["StartedAt"]) - began
        container.remove()
        if n:
            ours.append((run.attempt.started_at - upload.uploaded_at).total_seconds())
            floor.append(bare.total_seconds())
            say(f"start: upload to container {ours[-1]:.2f} s, bare docker run {floor[-1]:.2f} s")
    ours_s, floor_s = statistics.median(ours), statistics.median(floor)
    return {"start_s": ours_s, "start_floor_s": floor_s, "start_over_floor_s": round(ours_s - floor_s, 3)}


def burst(stage: Subject) -> dict[str, float]:
    token = secrets.token_hex(3)
    pictures = {f"photos/burst-{token}/{n:03}.jpg": picture(n) for n in range(BURST)}
    began = time.monotonic()
    with ThreadPoolExecutor(UPLOADERS) as pool:
        uploads = list(pool.map(lambda item: put(stage, *item), pictures.items()))
    say(f"burst: {BURST} uploads in {time.monotonic() - began:.1f} s")
    seen = wait_for(stage, uploads, deadline_s=BURST_DEADLINE_S)
    took = time.monotonic() - began
    lost = {*seen.unrecorded, *(key for key in pictures if not results_there(seen, key))}
    torn = sum(
        1 for upload in uploads for key in upload.expected_results if key not in seen.missing and is_torn(stage, key)
    )
    vcpus = 6  # Pulumi.local.yaml: 4 of spot, 2 on demand
    floor = timed(lambda: bare_runs(stage.image, BURST, at_once=vcpus))
    say(f"burst: all on record after {took:.1f} s; as many bare docker runs {floor:.1f} s")
    return {
        "burst_s": round(took, 1),
        "burst_floor_s": round(floor, 1),
        "burst_longest_run_s": max((run.attempt.run_s or 0.0 for run in seen.runs), default=0.0),
        "burst_lost": len(lost),
        "burst_torn": torn,
        "burst_over_vcpus": max(0.0, most_vcpus(seen) - vcpus),
    }


def wait_for(stage: Subject, uploads: Sequence[Upload], *, deadline_s: float) -> Seen:
    watch = Watch(
        s3=stage.s3,
        uploads=uploads,
        uploads_bucket=stage.access.uploads_bucket,
        results_bucket=stage.access.bucket("results"),
        ledger=LedgerReader(s3=stage.s3, bucket=stage.access.ledger_bucket, stage=stage.access.stage),
    )
    end = time.monotonic() + deadline_s
    seen = watch.look()
    while not seen.recorded and time.monotonic() < end:
        time.sleep(0.5)
        seen = watch.look()
    return seen


def results_there(seen: Seen, key: str) -> bool:
    return not any(key in missing for missing in seen.missing)


def is_torn(stage: Subject, key: str) -> bool:
    body = stage.s3.get_object(Bucket=stage.access.bucket("results"), Key=key)["Body"].read()
    try:
        with Image.open(io.BytesIO(body)) as image:
            image.load()
            return max(image.size) > int(Path(key).stem)
    except OSError:
        return True


def most_vcpus(seen: Seen) -> float:
    """vCPUs of attempts that ran at the same moment, at most."""
    edges = []
    for run in seen.runs:
        if run.attempt.started_at is not None:
            edges.append((run.attempt.started_at, run.attempt.vcpus))
            edges.append((run.attempt.stopped_at, -run.attempt.vcpus))
    now = most = 0.0
    for _, change in sorted(edges):  # of one moment, ends come first
        now += change
        most = max(most, now)
    return most


def bare_runs(image: str, count: int, *, at_once: int) -> None:
    def one(_: int) -> None:
        subprocess.run(["docker", "run", "--rm", "--entrypoint", "true", image], check=True, stdout=subprocess.DEVNULL)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count)))


def put(stage: Subject, key: str, body: bytes) -> Upload:
    began = datetime.now(UTC)
    stage.s3.put_object(Bucket=stage.access.uploads_bucket, Key=key, Body=body)
    return Upload(key=key, job="thumbnails", uploaded_at=began)


def picture(n: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1200, 800), (n % 256, 255 - n % 256, 128)).save(out, "JPEG")
    return out.getvalue()


def docker_time(text: str) -> datetime:
    """Docker's nanoseconds cut to what datetime holds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC) + timedelta(seconds=float(f"0.{fraction or 0}"))


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
