"""What the program reads at its start is what its stage needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.components import example, example_triggers

REPOSITORY = Path(__file__).resolve().parents[3]

LOAD = """
import inspect, json, sys
from pathlib import Path
sources = []
find = inspect.findsource
inspect.findsource = lambda thing: sources.append(str(thing)) or find(thing)
from components.sdk_loading import load_by_name
load_by_name()
import components.program
loaded = sorted(name for name in sys.modules if name.startswith(("pulumi_aws.", "pulumi_docker.")))
if len(sys.argv) > 1:
    from tests.unit.components.mocked_engine import record
    record(json.loads(sys.argv[1]), stack="dev", repository=Path(sys.argv[2]))
declared = sorted(name for name in sys.modules if name.startswith("pulumi_aws."))
print(json.dumps({"sources": sources, "loaded": loaded, "declared": declared}))
"""


def load(*stage: str) -> dict[str, list[str]]:
    """In an interpreter of its own: `sources` that were read for what they say, SDK modules `loaded` with the program,
    and `declared`, those after a stage has been declared."""
    command = [sys.executable, "-c", LOAD, *stage]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def parts(modules: list[str]) -> set[str]:
    """Services of the SDK of which a module has been read."""
    return {name.split(".")[1] for name in modules if name.count(".") > 1}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    repository = example.write_repository(tmp_path_factory.mktemp("plain"))
    return load(json.dumps(example.config()), str(repository))


def test_the_program_reads_no_models_source(plain: dict[str, list[str]]) -> None:
    assert plain["sources"] == []


def test_the_program_loads_no_part_of_the_sdk_before_aws_is_asked(plain: dict[str, list[str]]) -> None:
    assert parts(plain["loaded"]) == set()


def test_a_stage_without_pipes_streams_and_secrets_loads_none_of_their_parts(plain: dict[str, list[str]]) -> None:
    assert {"batch", "kinesis", "scheduler"} <= parts(plain["declared"])
    assert not {"pipes", "dynamodb", "secretsmanager", "glue", "lambda_"} & parts(plain["declared"])


def test_a_stage_with_a_stream_loads_what_it_needs(tmp_path: Path) -> None:
    repository = example.write_repository(tmp_path, {"changed": example_triggers.CHANGED})
    config = example.config(tables={"orders": {"name": "live-orders"}})
    assert {"pipes", "dynamodb"} <= parts(load(json.dumps(config), str(repository))["declared"])
