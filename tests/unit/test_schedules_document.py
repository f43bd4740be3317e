"""docs/schedules.md: its job and its settings are accepted, its commands are run, its mistakes are what is said."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from cli.schedule_add import Known, Wanted, creation
from components.settings import load_settings
from jobs.problems import Problems
from jobs.spec import parse_job
from jobs.user_schedules import SchedulableJob, StageSchedules
from tests.unit.components import example

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")
JOB, SETTINGS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_job_and_the_settings_are_accepted() -> None:
    spec = parse_job(JOB, Path("jobs/customers")).spec
    assert (spec.schedulable, spec.references, dict(spec.parameters)) == (
        True,
        ("customer", "month"),
        {"month": "last"},
    )
    config = {**example.config(), **yaml.safe_load(SETTINGS)["config"]}
    assert load_settings(config, stage="dev", file="docs").schedules.owners == {"anna": 1000}


def test_the_shown_mistakes_are_what_is_said() -> None:
    command, *said = re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)[1].splitlines()
    words = shlex.split(command)
    assert words[:8] == ["$", "batchyard", "schedules", "add", "customers", "--owner", "anna", "--name"]
    job = SchedulableJob(
        job_name="n", queue_arn="q", definition_arn="d", required=("customer",), known=("customer", "month")
    )
    stage = StageSchedules(
        group="g", role_arn="r", dead_letters_arn="l", target_arn="t", timezone="UTC", per_owner=1,
        jobs={"customers": job},
    )  # fmt: skip
    known = Known(stage="local", schedules=stage, all_jobs=["customers"], now=datetime.now(UTC))
    with pytest.raises(Problems) as refused:
        creation(Wanted(job="customers", owner="anna", name=words[8], times={"rate": words[10]}), known)
    assert sorted(str(one) for one in refused.value) == sorted(said)
