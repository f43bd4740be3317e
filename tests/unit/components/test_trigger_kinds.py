"""A stage with every kind of trigger: what each becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from components import job_triggers
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record

HEAD = """\
description: One kind of trigger
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
"""
TIMED = f"""{HEAD}
triggers:
  - schedule:
      {{rate: 1 day, window_minutes: 15, start: 2029-12-01T00:00, end: 2030-06-01T02:00, timezone: Europe/Berlin}}
  - schedule: {{rate: 1 day, start: 2024-12-01T00:00}}
  - schedule: {{at: 2030-06-01T06:00, timezone: Europe/Berlin}}
"""
JOBS = {"timed": TIMED}


class Clock(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    repository = example.write_repository(tmp_path_factory.mktemp("kinds"), JOBS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_triggers, "datetime", Clock)
        return record(example.config(), stack="dev", repository=repository)


def test_a_schedule_may_have_a_window_and_two_ends(kinds: Recording) -> None:
    bounded = kinds.one("Schedule", "batchyard-dev-timed-schedule1").inputs
    assert bounded["flexibleTimeWindow"] == {"mode": "FLEXIBLE", "maximumWindowInMinutes": 15}
    assert (bounded["startDate"], bounded["endDate"]) == ("2029-11-30T23:00:00Z", "2030-06-01T00:00:00Z")


def test_a_start_that_has_passed_is_not_sent(kinds: Recording) -> None:
    assert kinds.one("Schedule", "batchyard-dev-timed-schedule2").inputs.get("startDate") is None


def test_one_time_is_local_with_seconds(kinds: Recording) -> None:
    once = kinds.one("Schedule", "batchyard-dev-timed-schedule3").inputs
    assert (once["scheduleExpression"], once["scheduleExpressionTimezone"]) == (
        "at(2030-06-01T06:00:00)",
        "Europe/Berlin",
    )
