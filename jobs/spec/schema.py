"""JSON schema of job.yaml, for editors."""

from __future__ import annotations

from typing import Any

from jobs.spec.model import JobSpec


def json_schema() -> dict[str, Any]:
    """Draft 2020-12, with descriptions and examples."""
    return JobSpec.model_json_schema()
