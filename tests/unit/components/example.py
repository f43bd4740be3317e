"""A repository with jobs of every shape, and configurations that use every setting."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.build_context import LAMBDA_FILES

RESIZE = """\
description: Resize every photograph
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
timeout_s: 600
retry: {attempts: 3}
permissions: {read: [uploads], write: [results]}
environment: {LEVEL: info}
command: [--bucket, "Ref::bucket", --key, "Ref::key", --size, "Ref::size"]
parameters: {size: small}
triggers:
  - s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}
    parameters: {size: 'large "XL"'}
  - schedule: {cron: "0 6 ? * MON *", timezone: Europe/Berlin}
    parameters: {bucket: uploads, key: all}
"""
COUNT = """\
description: Count words on Fargate
owner: texts
platform: fargate
queue: serverless
resources: {vcpus: 0.5, memory_mib: 1024}
timeout_s: 120
permissions: {read: [uploads]}
command: [--bucket, "Ref::bucket", --key, "Ref::key"]
triggers:
  - s3: {bucket: uploads, suffix: .txt}
"""
SWEEP = """\
description: An array job that nothing starts and that may touch nothing
owner: research
platform: ec2
queue: critical
resources: {vcpus: 2, memory_mib: 3000}
array: {size: 10}
triggers:
  - schedule: {rate: 1 day}
    enabled: false
"""
SUMMARY = """\
description: Reads the ledger and the bill, writes reports and says so
owner: platform
platform: fargate
queue: serverless
resources: {vcpus: 1, memory_mib: 4096}
permissions: {read: [ledger, reports], write: [reports], notify: [reports], costs: true}
include: [shared, tools/one.py]
"""
JOBS = {"resize": RESIZE, "count": COUNT, "sweep": SWEEP}

CONFIG: Mapping[str, Any] = {
    "aws:region": "us-east-1",
    "batchyard:owner": "platform",
    "batchyard:timezone": "Europe/Paris",
    "batchyard:network": {"cidr": "10.30.0.0/16", "availability_zones": 2},
    "batchyard:compute_environments": {
        "spot": {"kind": "ec2-spot", "max_vcpus": 16, "instance_types": ["m7i.large", "c7i.xlarge"]},
        "on-demand": {"kind": "ec2-on-demand", "max_vcpus": 8, "instance_types": ["m7i.large"]},
        "fargate": {"kind": "fargate", "max_vcpus": 8},
    },
    "batchyard:queues": {
        "critical": {"priority": 100, "compute_environments": ["on-demand"]},
        "standard": {
            "priority": 10,
            "compute_environments": ["spot", "on-demand"],
            "state_time_limit_actions": [{"reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "max_time_s": 600}],
        },
        "serverless": {"priority": 1, "compute_environments": ["fargate"]},
    },
    "batchyard:buckets": {"uploads": {"expire_after_days": 30}, "results": {"versioned": True, "expire_after_days": 9}},
    "batchyard:images": {"base_image": "batchyard/base:python3.11", "keep": 5},
    "batchyard:ledger": {"buffer_s": 60, "buffer_mib": 5, "retention_days": 700},
    "batchyard:logs": {"retention_days": 14},
    "batchyard:monitoring": {"failure_topic": True, "email": "ops@example.org"},
    "batchyard:force_destroy": True,
}


def config(**changes: Any) -> dict[str, Any]:
    """The example configuration with other values: `config(network={...})`; None removes a key."""
    changed = copy.deepcopy(dict(CONFIG))
    for key, value in changes.items():
        if value is None:
            changed.pop(f"batchyard:{key}", None)
        else:
            changed[f"batchyard:{key}"] = value
    return changed


def write_repository(folder: Path, jobs: Mapping[str, str] | None = None) -> Path:
    """Writes jobs, each with a Dockerfile, some code and a test, and the probe; gives the folder back."""
    for name, text in (JOBS if jobs is None else jobs).items():
        job = folder / "jobs" / name
        (job / "tests").mkdir(parents=True)
        (job / "job.yaml").write_text(text)
        (job / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY . /app\n")
        (job / "main.py").write_text(f"print({name!r})\n")
        (job / "tests" / "test_main.py").write_text("")
    probe = folder / "jobs" / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    (probe / "probe.sh").write_text('#!/bin/sh\nexec "$@"\n')
    for file in LAMBDA_FILES:
        (folder / file).write_text("pass\n")
    return folder
