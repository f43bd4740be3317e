"""From a job and its place to the container of one attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.emulator.batch.jobs import Attempt, Job
from local.emulator.batch.running import Plan
from local.emulator.context import EmulatorContext

DEFAULT_LOG_GROUP = "/aws/batch/job"
_EFS = "efsVolumeConfiguration"


def log_options(job: Job) -> dict[str, str]:
    """The awslogs options of the job's definition; empty without any."""
    configuration: dict[str, Any] = job.container.get("logConfiguration") or {}
    if configuration.get("logDriver", "awslogs") != "awslogs":
        return {}
    return dict(configuration.get("options") or {})


def log_stream_name(job: Job, task_id: str) -> str:
    """`<prefix>/default/<task id>`; the prefix is the job definition's name unless the definition gives one."""
    return f"{log_options(job).get('awslogs-stream-prefix') or job.definition_name}/default/{task_id}"


def plan_of(job: Job, attempt: Attempt, context: EmulatorContext) -> Plan:
    """What runs for this attempt."""
    options = log_options(job)
    group = options.get("awslogs-group") or DEFAULT_LOG_GROUP
    request = job.request
    volumes = {one["name"]: _host_path(one, context) for one in job.container["volumes"]}
    linux = job.container.get("linuxParameters") or {}
    return Plan(
        name=f"batchyard-{context.lane}-{job.id.replace(':', '-')}-{attempt.number}",
        job_id=job.id,
        attempt=attempt.number,
        image=job.container["image"],
        command=tuple(job.command()),
        environment=_environment(job, attempt, context),
        memory_mib=request.memory_mib,
        vcpus=request.vcpus,
        log_group=group,
        log_stream=attempt.log_stream_name,
        creates_log_group=group == DEFAULT_LOG_GROUP or options.get("awslogs-create-group") == "true",
        secrets={entry["name"]: entry["valueFrom"] for entry in job.container["secrets"]},
        execution_role=job.container.get("executionRoleArn"),
        user=job.container.get("user"),
        read_only=bool(job.container.get("readonlyRootFilesystem")),
        binds={
            str(volumes[mount["sourceVolume"]]): (mount["containerPath"], bool(mount.get("readOnly")))
            for mount in job.container["mountPoints"]
            if volumes.get(mount.get("sourceVolume"))
        },
        folders=tuple(Path(str(volumes[one["name"]])) for one in job.container["volumes"] if _EFS in one),
        tmpfs={one["containerPath"]: int(one["size"]) for one in linux.get("tmpfs") or ()},
        shared_memory_mib=linux.get("sharedMemorySize"),
    )


def _host_path(volume: dict[str, Any], context: EmulatorContext) -> str | None:
    """What of this machine is mounted; a folder of the lane stands for each EFS file system."""
    efs = volume.get(_EFS)
    if efs is None:
        return (volume.get("host") or {}).get("sourcePath")
    point = (efs.get("authorizationConfig") or {}).get("accessPointId", "")
    return str(context.lane_folder / "efs" / efs["fileSystemId"] / point / efs.get("rootDirectory", "/").strip("/"))


def batch_variables(job: Job, attempt: Attempt) -> dict[str, str]:
    """The environment variables Batch sets itself."""
    variables = {
        "AWS_BATCH_JOB_ID": job.id,
        "AWS_BATCH_JOB_ATTEMPT": str(attempt.number),
        "AWS_BATCH_JQ_NAME": job.queue_name,
        "AWS_BATCH_CE_NAME": attempt.environment_name,
    }
    if job.array_index is not None:
        variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.array_index)
    return variables


def _environment(job: Job, attempt: Attempt, context: EmulatorContext) -> dict[str, str]:
    environment = {entry["name"]: entry["value"] for entry in job.container["environment"]}
    environment |= batch_variables(job, attempt)
    # what on AWS comes from the instance and the job's role
    environment |= {
        "AWS_ENDPOINT_URL": context.container_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE" if attempt.instance_id is None else "AWS_ECS_EC2",
    }
    return environment
