"""docs/jobs.md shows whole files that are sound."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from jobs.spec import json_schema, parse_job
from tests.unit.jobs.spec import jobs_document

JOBS = jobs_document.jobs()


def test_every_example_has_a_name_of_its_own() -> None:
    files = [file for file, _ in jobs_document.blocks() if file.endswith("/job.yaml")]
    assert files == [f"jobs/{name}/job.yaml" for name in JOBS]
    assert jobs_document.PAGE.read_text(encoding="utf-8").count("```\n# ") == 0, "a block names its language"
    assert len(
        re.findall("^```(yaml|dockerfile)$", jobs_document.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    ) == len(jobs_document.blocks())


@pytest.mark.parametrize("name", JOBS)
def test_an_example_is_a_sound_job(name: str) -> None:
    parse_job(JOBS[name], Path("jobs") / name)
    jsonschema.validate(yaml.safe_load(JOBS[name]), json_schema())
