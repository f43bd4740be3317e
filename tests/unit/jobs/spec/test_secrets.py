"""`secrets`: what may be said of values that are kept elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import JobSpec, parse_job

JOB = """\
description: x
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
environment: {LEVEL: info}
secrets:
"""


def parsed(line: str) -> JobSpec:
    return parse_job(f"{JOB}  {line}\n", Path("jobs/x")).spec


def test_a_value_is_named_by_the_store_that_keeps_it() -> None:
    spec = parsed("A: {secret: crawler/key, key: password}\n  B: {parameter: /crawler/url}")
    assert (spec.secrets["A"].secret, spec.secrets["A"].key) == ("crawler/key", "password")
    assert spec.secrets["B"].parameter == "/crawler/url"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A: {}", "jobs/x/job.yaml:8: secrets.A is without secret and parameter; a value is kept in one of secret and "
         "parameter; name the secret or the parameter"),
        ("A: {secret: a, parameter: b}", "jobs/x/job.yaml:8: secrets.A is given both secret and parameter; a value is "
         "kept in one of secret and parameter; name the secret or the parameter"),
        ("A: {parameter: a, key: b}", "jobs/x/job.yaml:8: secrets.A.key is 'b'; only a secret is a JSON object with "
         "keys; remove it, or keep the value in a secret"),
        ('A: {secret: "arn:aws:secretsmanager:us-east-1:1:secret:x"}', "jobs/x/job.yaml:8: secrets.A.secret is "
         "'arn:aws:secretsmanager:us-east-1:1:secret:x'; a secret is named by letters, digits and /_+=.@-, at most 512 "
         "characters, not by its ARN; write the name that Secrets Manager shows"),
        ("A: hunter2", "jobs/x/job.yaml:8: secrets.A is 'hunter2'; it must be a mapping; write key: value lines below "
         "it"),
        ("AWS_BATCH_X: {secret: a}", "jobs/x/job.yaml:8: secrets.AWS_BATCH_X is a reserved name; BATCHYARD_ and "
         "AWS_BATCH belong to the platform; choose another prefix"),
        ("LEVEL: {secret: a}", "jobs/x/job.yaml:8: secrets.LEVEL is in environment too; a variable has one source; "
         "remove it from environment, where values are for everybody to see"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(line: str, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        parsed(line)
    assert [str(one) for one in refused.value] == [problem]
