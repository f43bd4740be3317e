"""`array`: a size, or a manifest."""

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
"""


def parsed(text: str) -> JobSpec:
    return parse_job(JOB + text, Path("jobs/x")).spec


def test_the_manifests_key_is_a_reference_like_those_of_the_command() -> None:
    upload = "triggers:\n  - s3: {bucket: uploads, suffix: .txt}\n"
    spec = parsed('array: {manifest: {bucket: uploads, key: "Ref::key"}}\n' + upload)
    assert (spec.references, spec.command_references) == (("key",), ())
    with pytest.raises(Problems, match="without a value for Ref::list"):
        parsed('array: {manifest: {bucket: uploads, key: "Ref::list"}}\n' + upload)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("array: {}", "array is without size and manifest; an array has one of size and manifest; write size: 10, or "
         "manifest: {bucket: uploads, key: Ref::key}"),
        ("array: {size: 2, manifest: {bucket: uploads, key: a}}", "array is given both size and manifest; an array has "
         "one of size and manifest; write size: 10, or manifest: {bucket: uploads, key: Ref::key}"),
        ("array: {manifest: {bucket: uploads, key: lists/Ref::day}}", "array.manifest.key is 'lists/Ref::day'; "
         "Ref::name is the whole key; write the key out, or one Ref::name"),
        ("array: {manifest: {bucket: uploads, key: /a.txt}}", "array.manifest.key is '/a.txt'; S3 keys don't begin "
         "with a slash; write 'a.txt'"),
        ("array: {manifest: {bucket: uploads}}", "array.manifest.key is missing; a key is 1 to 1,024 characters; "
         "add key: lists/today.txt"),
        ("array_size: 4", "array_size is an unknown key"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(line: str, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        parsed(line)
    (found,) = refused.value
    assert str(found).startswith(f"jobs/x/job.yaml:6: {problem}")
