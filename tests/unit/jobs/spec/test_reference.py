"""The pages on job.yaml and settings: their tables are the models', their examples are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from components.settings import Settings, cross_check, load_settings
from jobs.problems import Problems
from jobs.spec import JobSpec, LoadedSpec, json_schema, parse_job
from jobs.spec.reference import table

DOCS = Path(__file__).parents[4] / "docs"
TABLES = {
    "job-yaml.md": table(json_schema()),
    "settings.md": table(Settings.model_json_schema(), hidden=frozenset({"stage", "file"})),
}
_KEYS = re.compile(r"(?<=<!-- keys -->\n).*(?=<!-- end of keys -->)", re.DOTALL)


@pytest.mark.parametrize("page", TABLES)
def test_the_table_is_current(page: str, request: pytest.FixtureRequest) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    current = _KEYS.sub(lambda _: TABLES[page], text)
    if request.config.getoption("--update"):
        (DOCS / page).write_text(current, encoding="utf-8")
    assert (DOCS / page).read_text(encoding="utf-8") == current, "write it anew: pytest --update"


def test_the_table_has_every_key() -> None:
    for name in JobSpec.model_fields:
        assert f"| `{name}` |" in TABLES["job-yaml.md"]
    for row in (
        "| `queues.<name>.state_time_limit_actions[].max_time_s` | whole number, 600–86,400 | required |",
        "| `jobs.<name>.retry.attempts` | whole number, 1–10 |",
        "| `network.egress` | `public-ip`, `interface-endpoints`, `nat`, `none` |",
    ):
        assert row in TABLES["settings.md"]


def example(page: str) -> str:
    found = re.search(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def documented_job() -> LoadedSpec:
    return parse_job(example("job-yaml.md"), Path("jobs/thumbnails"))


def test_the_examples_are_accepted_and_go_together() -> None:
    settings = load_settings(yaml.safe_load(example("settings.md"))["config"], stage="dev", file="docs")
    assert cross_check(settings, [documented_job()]) == []


def test_the_shown_mistake_is_what_is_said() -> None:
    with pytest.raises(Problems) as raised:
        parse_job(example("job-yaml.md").replace("attempts: 3", "attempts: 12"), Path("jobs/thumbnails"))
    assert f"\n{raised.value}\n" in (DOCS / "job-yaml.md").read_text(encoding="utf-8")
