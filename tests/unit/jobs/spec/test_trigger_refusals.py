"""What is refused of a trigger, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import parse_job

HEAD = """\
description: x
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
permissions: {write: [results]}
parameters: {key: none}
command: ["Ref::key"]
triggers:
"""


def problems(trigger: str) -> list[str]:
    try:
        parse_job(f"{HEAD}  - {trigger}\n", Path("jobs/x"))
    except Problems as found:
        return [str(one).removeprefix("jobs/x/job.yaml:10: triggers[0].") for one in found]
    return []


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ("s3: {bucket: uploads, size: {}}",
         "s3.size is without min_bytes and max_bytes; a size has at least one of the two; "
         "write for example size: {min_bytes: 1}"),
        ("s3: {bucket: uploads, size: {min_bytes: 2, max_bytes: 1}}",
         "s3.size.min_bytes is 2 with max_bytes 1, which no object has; min_bytes is at most max_bytes; "
         "exchange the two"),
        ("s3: {bucket: uploads, size: {max_bytes: 6000000000}}",
         "s3.size.max_bytes is 6000000000; EventBridge compares sizes up to 5,000,000,000 bytes; "
         "write whole bytes in that range"),
        ('s3: {bucket: uploads, wildcard: "a/**/b"}',
         "s3.wildcard[0] is 'a/**/b'; EventBridge takes no two * in a row; one stands for any characters, / too; "
         "write one *"),
        ('s3: {bucket: uploads, wildcard: "a\\\\b*"}',
         "s3.wildcard[0] is 'a\\\\b*'; \\ stands before * and \\ only, for the characters themselves; "
         "write \\\\ for a backslash"),
        ('s3: {bucket: uploads, prefix: in/, wildcard: "*.csv"}',
         "s3.wildcard is given beside prefix or suffix; a wildcard is the whole key; "
         "write wildcard: 'in/*', or leave it out"),
        ('s3: {bucket: results, wildcard: "*"}',
         "s3.bucket is results, which the job writes to; a job's results may not submit it again; "
         "give a prefix or suffix that its results don't have"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(trigger: str, said: str) -> None:
    assert problems(trigger) == [said]
