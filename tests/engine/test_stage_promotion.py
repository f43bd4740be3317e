"""Promotion: a stage takes every image by digest from another and builds nothing."""

from __future__ import annotations

from pathlib import Path

from local.lane import Lane
from tests.engine.stages import Project

SOURCE = "organization/batchyard/source"


def test_a_promoted_stage_runs_the_same_digests_and_builds_nothing(lane: Lane, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", lane)
    accept = project.stack("accept", promote_from=SOURCE)

    refused = accept.pulumi("up", "--yes", "--skip-preview", check=False)
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert f'unknown stack "{SOURCE}"' in output
    assert "batchyard:promote_from" in output
    assert "Traceback" not in output

    source = project.stack("source")
    built = source.up()
    # a stage that promotes needs no Docker engine and no Dockerfile
    for job in ("echo", "count"):
        (project.folder / "jobs" / job / "Dockerfile").unlink()
    promoted = accept.up()

    assert promoted["images"] == built["images"]
    assert all("@sha256:" in image for image in promoted["images"].values())
    kinds = {resource["type"] for resource in accept.resources()}
    assert not kinds & {"docker:index/image:Image", "aws:ecr/repository:Repository"}
    repositories = [one["repositoryName"] for one in lane.client("ecr").describe_repositories()["repositories"]]
    assert not [name for name in repositories if "/accept/" in name]
    batch = lane.client("batch")
    images = {
        definition["containerProperties"]["image"]
        for stage in (built, promoted)
        for arn in stage["job_definitions"].values()
        for definition in batch.describe_job_definitions(jobDefinitionName=arn.rsplit("/", 1)[1])["jobDefinitions"]
    }
    assert images == set(built["images"].values())
    accept.pulumi("preview", "--expect-no-changes")
    accept.destroy()
    source.destroy()
