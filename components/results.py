"""A job's results: its own folder in a bucket of the stage, and what its role may do there."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components import policies
from jobs import conventions
from jobs.spec.results import Results


def job_folder(job: str) -> str:
    """`thumbnails/`: all of the bucket that is the job's."""
    return f"{job}/"


def results_statements(job: str, bucket_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """May write, list and take away below the job's own folder: a retry begins where nothing lies."""
    own = f"{job_folder(job)}*"
    return [
        policies.allow(
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
            [pulumi.Output.concat(bucket_arn, "/", own)],
        ),
        policies.allow(["s3:ListBucket"], [bucket_arn], {"StringLike": {"s3:prefix": own}}),
    ]


def results_environment(results: Results, job: str, bucket_name: pulumi.Input[str]) -> Mapping[str, pulumi.Input[str]]:
    """What `batchyard-results` reads in the container."""
    place = pulumi.Output.concat("s3://", bucket_name, "/", job_folder(job))
    found: dict[str, pulumi.Input[str]] = {conventions.ENV_RESULTS_PLACE: place}
    if results.format is not None:
        found[conventions.ENV_RESULTS_FORMAT] = results.format
    if results.redshift is not None:
        found[conventions.ENV_RESULTS_COPY] = "yes"
    return found
