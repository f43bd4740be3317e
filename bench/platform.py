"""What a platform of many jobs costs whoever works on it.

    make bench NAME=platform

validate_1000_specs_s  1,000 job specifications of every kind read and checked, as `batchyard jobs check` begins
preview_50_over_2      `pulumi preview` of a stage with 50 jobs over that of one with 2, medians in alternation
burst_2000_lost        of 2,000 events put on a bus as fast as possible, those that no submission to Batch came of
burst_2000_per_s       submissions a second, from the first put to the last submission (how: platform_burst.py)

Beside the burst: `burst_2000_doubled_unseen`, events with several submissions of which the ledger lacks one; and
`burst_2000_direct_per_s`, as many SubmitJob calls of boto3 to the same emulator, without EventBridge between.
"""

from __future__ import annotations

import json
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.platform_burst import JOB, Burst, order
from jobs.spec import discover_jobs
from local.home import REPOSITORY, Home
from local.lane import Lane

SPECS = 1_000
VALIDATIONS = 3
PREVIEWS = 3
FEW, MANY = 2, 50
EVENTS = 2_000
DOCKERFILE = 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY main.py /app/\nENTRYPOINT ["python3", "/app/main.py"]\n'
EC2 = """\
description: Copy an upload, number NUMBER
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 256}
timeout_s: 600
retry: {attempts: 3}
permissions: {read: [uploads], write: [results]}
environment: {LEVEL: info}
secrets: {URL: {parameter: /copies/NUMBER}}
command: [--bucket, "Ref::bucket", --key, "Ref::key"]
triggers:
  - s3: {bucket: uploads, prefix: in/NUMBER/, suffix: .txt}
  - schedule: {cron: "0 6 ? * MON *", timezone: Europe/Berlin}
    parameters: {bucket: uploads, key: none}
"""
FARGATE = """\
description: Count words, number NUMBER
owner: texts
platform: fargate
queue: serverless
resources: {vcpus: 0.5, memory_mib: 1024}
storage: {ephemeral_storage_gib: 60}
permissions: {read: [uploads]}
"""
ARRAY = """\
description: A shard of the archive, number NUMBER
owner: research
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
array: {size: 10}
storage: {tmpfs: [{path: /scratch, size_mib: 64}]}
"""
KINDS = (EC2, FARGATE, ARRAY)
CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:s3UsePathStyle": "true",
    "batchyard:owner": "platform",
    "batchyard:compute_environments": {
        "spot": {"kind": "ec2-spot", "max_vcpus": 2, "instance_types": ["m7i.large"]},
        "fargate": {"kind": "fargate", "max_vcpus": 2},
    },
    "batchyard:queues": {
        "standard": {"priority": 10, "compute_environments": ["spot"]},
        "serverless": {"priority": 1, "compute_environments": ["fargate"]},
    },
    "batchyard:buckets": {"uploads": {}, "results": {}},
    "batchyard:images": {"base_image": "batchyard/base:python3.11"},
    "batchyard:ledger": {"buffer_s": 1, "buffer_mib": 1},
}


def main() -> None:
    print(json.dumps({"bench": "platform", **validation(), **on_a_lane(previews), **on_a_lane(burst)}))


def validation() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs"
        for number in range(SPECS):
            write_job(jobs, number)
        took = []
        for _ in range(VALIDATIONS):
            began = time.monotonic()
            assert len(discover_jobs(jobs)) == SPECS
            took.append(time.monotonic() - began)
            say(f"validation: {SPECS} specifications in {took[-1]:.2f} s")
    return {"validate_1000_specs_s": round(statistics.median(took), 3)}


def on_a_lane(measure: Callable[[Lane, Path], dict[str, float]]) -> dict[str, float]:
    """What is measured in a lane of its own with a scratch folder; both are gone afterwards."""
    lane = Lane(home=Home.default(), name=f"bench-{secrets.token_hex(3)}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            lane.start()
            return measure(lane, Path(folder))
        finally:
            lane.remove()


def previews(lane: Lane, folder: Path) -> dict[str, float]:
    stages = {count: previewed(folder / f"jobs{count}", count, lane) for count in (FEW, MANY)}
    took: dict[int, list[float]] = {FEW: [], MANY: []}
    for n in range(PREVIEWS + 1):
        for count, preview in stages.items():
            began = time.monotonic()
            preview()
            if n:  # the first of each fills caches
                took[count].append(time.monotonic() - began)
                say(f"preview: {count} jobs in {took[count][-1]:.2f} s")
    few_s, many_s = statistics.median(took[FEW]), statistics.median(took[MANY])
    return {
        "preview_2_s": round(few_s, 3),
        "preview_50_s": round(many_s, 3),
        "preview_50_over_2": round(many_s / few_s, 3),
    }


def burst(lane: Lane, folder: Path) -> dict[str, float]:
    project = folder / "stage"
    job = project / "jobs" / "order"
    job.mkdir(parents=True)
    (job / "job.yaml").write_text(JOB)
    (job / "Dockerfile").write_text(DOCKERFILE)
    (job / "main.py").write_text("")
    stack = program(project, "burst", lane)
    say("burst: bringing a stage up")
    lane.pulumi("up", "--yes", "--skip-preview", "--stack", stack, cwd=project)
    stage = json.loads(lane.pulumi("stack", "output", "--json", "--stack", stack, cwd=project).stdout)["stage"]
    on_stage = Burst(
        event=order,
        client=lane.client,
        queue=stage["queues"]["standard"],
        stage=stage["stage"],
        ledger_bucket=stage["ledger"]["bucket"],
        say=say,
    )
    came = on_stage.events(EVENTS)
    direct_s = on_stage.direct(EVENTS, stage["job_definitions"]["order"])
    say(
        f"burst: {EVENTS:,} events, {came.lost} lost, {came.doubled} doubled, {came.doubled_unseen} of these unseen; "
        f"{came.per_s:.0f} submissions a second in {came.seconds:.1f} s, {EVENTS / direct_s:.0f} without EventBridge"
    )
    return {
        "burst_2000_lost": came.lost,
        "burst_2000_per_s": round(came.per_s, 1),
        "burst_2000_doubled": came.doubled,
        "burst_2000_doubled_unseen": came.doubled_unseen,
        "burst_2000_direct_per_s": round(EVENTS / direct_s, 1),
    }


def previewed(folder: Path, count: int, lane: Lane) -> Callable[[], object]:
    """A stage of so many jobs that isn't up yet; what previews it."""
    for number in range(count):
        write_job(folder / "jobs", number)
    stack = program(folder, f"bench{count}", lane)
    return lambda: lane.pulumi("preview", "--stack", stack, cwd=folder, timeout_s=600)


def program(folder: Path, stack: str, lane: Lane) -> str:
    """The repository's program beside `folder`'s jobs, with a new stack; its name."""
    (folder / "jobs").mkdir(parents=True, exist_ok=True)
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(REPOSITORY / name, folder / name)
    for name in ("components", "scheduling"):
        (folder / name).symlink_to(REPOSITORY / name)
    for path in (REPOSITORY / "jobs").iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists() or path.name == "probe":
            (folder / "jobs" / path.name).symlink_to(path)
    lane.pulumi("stack", "init", stack, cwd=folder)
    file = folder / f"Pulumi.{stack}.yaml"
    known = yaml.safe_load(file.read_text()) if file.exists() else {}
    file.write_text(yaml.safe_dump({**(known or {}), "config": CONFIG}))
    return stack


def write_job(jobs: Path, number: int) -> None:
    folder = jobs / f"job-{number}"
    folder.mkdir(parents=True)
    (folder / "job.yaml").write_text(KINDS[number % len(KINDS)].replace("NUMBER", str(number)))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "main.py").write_text(f"print({number})\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
