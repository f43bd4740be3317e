"""What a stage's report is asked with, as the files of the repository have it."""

from __future__ import annotations

from pathlib import Path

from components.isolation import spread
from components.report_facts import report_facts
from components.settings import effective_specs, load_settings_file
from jobs.problems import Problems
from jobs.spec import discover_jobs
from jobs.stage_facts import StageFacts


def settings_file(repository: Path, stack: str) -> Path:
    """`Pulumi.<stack>.yaml`; a stack may be written `organization/batchyard/prod`."""
    return repository / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def stage_facts(repository: Path, stack: str) -> StageFacts:
    """From the files in the repository. Where they can't be read, the facts say so."""
    file = settings_file(repository, stack)
    if not file.is_file():
        return StageFacts(missing=(f"{file.name}: no such file, so what its jobs ask for today isn't known",))
    try:
        settings = load_settings_file(file)
        whole = spread(settings, effective_specs(settings, discover_jobs(repository / "jobs")))
    except Problems as problems:
        first = next(iter(problems))
        return StageFacts(missing=(f"what jobs ask for today: {first}",))
    return report_facts(whole.settings, {one.name: one.spec for one in whole.specs})
