"""Jobs that leave results, of every kind."""

from __future__ import annotations

from pathlib import Path

from components.build_context import RESULTS_FILES, RESULTS_NAME
from tests.unit.components import example

REPOSITORY = Path(__file__).parents[3]
READINGS = """\
description: Write down readings
owner: research
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
results:
  format: parquet
  athena: {columns: {city: string, readings: "array<double>"}, since: 2026-11-01}
  redshift: {cluster: warehouse, user: loader, database: dev, table: weather.readings}
"""
TEXTS = """\
description: Write down texts
owner: research
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
results:
  format: csv
  athena: {columns: {city: string}}
  redshift: {workgroup: 0f7e3c52-1c84-4a3e-9d55-6b1f6d0c8f21, database: dev, table: texts}
  quicksight: true
"""


def write(folder: Path, dockerfile: str = f"COPY batchyard-probe {RESULTS_NAME} /usr/local/bin/\n") -> Path:
    repository = example.write_repository(folder, {"day-readings": READINGS, "texts": TEXTS})
    for name in ("day-readings", "texts"):
        (repository / "jobs" / name / "Dockerfile").write_text(f"FROM scratch\n{dockerfile}")
    for file in RESULTS_FILES:
        (repository / file).parent.mkdir(parents=True, exist_ok=True)
        (repository / file).write_text((REPOSITORY / file).read_text())
    return repository
