"""What the README shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from jobs.spec import parse_job

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_readmes_job_is_the_shipped_one_and_a_valid_one() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert len(shown) == 1
    assert shown[0] == (REPOSITORY / "jobs" / "thumbnails" / "job.yaml").read_text(encoding="utf-8")
    assert parse_job(shown[0], REPOSITORY / "jobs" / "thumbnails").spec.owner == "media"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`batchyard ([a-z]+(?: [a-z]+)?)`", README))))
def test_every_command_the_readme_names_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0, result.output
    assert f"batchyard {command}" in result.output


def test_the_first_screen_holds_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:14])
    assert "make demo" in first_screen
    assert "make test" in first_screen
