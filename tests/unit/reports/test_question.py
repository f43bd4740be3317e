"""What a report is asked with: whose the stage's instances are, and what no bill of the stage tells."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.stage_facts import StageFacts
from reports.collect.instances import Environment
from reports.period import choose
from reports.question import question
from reports.run import Question
from reports.stage import ExportedEnvironment, StageAccess

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KINDS = {"spot": "ec2-spot", "theirs": "ec2-unmanaged", "on-demand": "ec2-on-demand", "crawl_isolated_spot": "ec2-spot"}


def nobody(service: str) -> Any:
    raise AssertionError(f"{service} is asked")


def asked(folder: Path, *names: str) -> Question:
    access = StageAccess(
        stage="prod",
        region="us-east-1",
        buckets={"ledger": "ledger-1234567"},
        owners={},
        client=nobody,
        environments={
            name: ExportedEnvironment(
                arn=f"arn:aws:batch:::{name}", kind=KINDS[name], ecs_cluster_arn=f"cluster/{name}"
            )
            for name in names
        },
    )
    period = choose(week="2026-W46", now=NOW, timezone="UTC")
    more: dict[str, Any] = {"cache": folder, "bill": None, "currency": None, "say": lambda _: None}
    return question(access, StageFacts(), stack="prod", period=period, now=NOW, **more)


def test_a_cluster_says_how_its_instances_were_bought(tmp_path: Path) -> None:
    found = asked(tmp_path, *KINDS).ledger
    assert found is not None
    assert dict(found.clusters) == {
        "cluster/spot": Environment(name="spot", purchase="spot"),
        "cluster/theirs": Environment(name="theirs", purchase="unmanaged"),
        "cluster/on-demand": Environment(name="on-demand", purchase="on-demand"),
        "cluster/crawl_isolated_spot": Environment(name="crawl_isolated_spot", purchase="spot"),
    }


def test_somebodys_own_instances_are_said_to_be_on_no_bill(tmp_path: Path) -> None:
    assert asked(tmp_path, "spot", "theirs").notes == (
        "what ran in theirs has no cost here: the instances are somebody's own, on no bill of the stage",
    )
    assert asked(tmp_path, "spot", "on-demand").notes == ()
