"""The job specification: `jobs/<job>/job.yaml` → typed, validated values, with every mistake of every file at once."""

from __future__ import annotations

from jobs.spec.discovery import LoadedSpec, discover_jobs, load_job, parse_job
from jobs.spec.model import JobSpec, Resources, Retry
from jobs.spec.permissions import Permissions
from jobs.spec.s3_source import S3Source
from jobs.spec.schedule_source import ScheduleSource
from jobs.spec.schema import json_schema
from jobs.spec.secrets import SecretSource
from jobs.spec.triggers import Trigger

__all__ = [
    "JobSpec",
    "LoadedSpec",
    "Permissions",
    "Resources",
    "Retry",
    "S3Source",
    "ScheduleSource",
    "SecretSource",
    "Trigger",
    "discover_jobs",
    "json_schema",
    "load_job",
    "parse_job",
]
