"""Everything wrong is said at once, before the first resource."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components import program
from components.check import check
from components.settings import Settings
from jobs.problems import Problems
from tests.unit.components import example

REPOSITORY = Path(__file__).resolve().parents[3]


def problems(config: dict[str, Any], repository: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        check(config, stage="dev", file="Pulumi.dev.yaml", repository=repository)
    return [str(problem) for problem in caught.value]


def test_mistakes_of_settings_and_of_every_job_come_together(tmp_path: Path) -> None:
    jobs = {
        "resize": example.RESIZE.replace("attempts: 3", "attempts: 12"),
        "count": example.COUNT.replace("timeout_s: 120", "timeout_s: 5"),
    }
    found = problems(example.config(owner="", nonsense={"a": 1}), example.write_repository(tmp_path, jobs))
    text = "\n".join(found)
    assert len(found) == 4
    for expected in ("batchyard:owner", "nonsense", "jobs/count/job.yaml", "retry.attempts is 12; Batch allows 1–10"):
        assert expected in text


def test_a_job_that_fits_nowhere_says_asked_and_largest(tmp_path: Path) -> None:
    jobs = {"resize": example.RESIZE.replace("memory_mib: 512", "memory_mib: 8192")}
    config = example.config(
        compute_environments={
            "spot": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.large"]},
        },
        queues={"standard": {"priority": 1, "compute_environments": ["spot"]}},
    )
    (found,) = problems(config, example.write_repository(tmp_path, jobs))
    assert found.startswith("jobs/resize/job.yaml:5: resources is asking for 1 vCPU, 8192 MiB; ")
    assert "the largest available in queue standard is spot: m7i.large with 2 vCPU, 7885 MiB usable of 8192" in found


def test_an_override_that_fits_nowhere_names_the_stacks_file(tmp_path: Path) -> None:
    jobs = {"resize": {"resources": {"vcpus": 64}}}
    (found,) = problems(example.config(jobs=jobs), example.write_repository(tmp_path, {"resize": example.RESIZE}))
    assert "batchyard:jobs.resize.resources is asking for 64 vCPU" in found


def test_fargates_grid_is_checked(tmp_path: Path) -> None:
    jobs = {"count": example.COUNT.replace("memory_mib: 1024", "memory_mib: 1500")}
    (found,) = problems(example.config(), example.write_repository(tmp_path, jobs))
    assert "0.5 vCPU with 1024, 2048, 3072, 4096 MiB" in found


def test_an_unknown_instance_type_suggests_a_known_one(tmp_path: Path) -> None:
    environments = {"spot": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.larg"]}}
    config = example.config(
        compute_environments=environments, queues={"standard": {"priority": 1, "compute_environments": ["spot"]}}
    )
    (found,) = problems(config, example.write_repository(tmp_path, {"resize": example.RESIZE}))
    assert "batchyard:compute_environments.spot.instance_types[0] is 'm7i.larg', which isn't known" in found
    assert "m7i.large" in found


def test_a_queue_has_one_architecture(tmp_path: Path) -> None:
    environments = {
        "intel": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.large"]},
        "arm": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7g.large"]},
    }
    config = example.config(
        compute_environments=environments,
        queues={"standard": {"priority": 1, "compute_environments": ["intel", "arm"]}},
    )
    (found,) = problems(config, example.write_repository(tmp_path, {"resize": example.RESIZE}))
    assert "is intel, arm on arm64 and x86_64; a queue has one processor architecture" in found


def test_a_missing_dockerfile_and_probe_are_named(tmp_path: Path) -> None:
    repository = example.write_repository(tmp_path, {"resize": example.RESIZE})
    (repository / "jobs" / "resize" / "Dockerfile").unlink()
    shutil.rmtree(repository / "jobs" / "probe")
    found = problems(example.config(), repository)
    assert [line.split(" is ")[0] for line in found] == [
        "jobs/probe/array_line.py",
        "jobs/probe/lambda_secrets.py",
        "jobs/probe/on_lambda.py",
        "jobs/probe/probe.sh",
        "jobs/resize/Dockerfile",
    ]


def test_the_program_ends_with_the_list_and_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = example.write_repository(tmp_path, {"resize": example.RESIZE.replace("uploads", "uplaods")})
    monkeypatch.setattr(program, "get_config_env", example.config)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    with pytest.raises(pulumi.RunError) as caught:
        program.run(repository)
    first, *rest = str(caught.value).splitlines()
    assert first == "2 mistakes, nothing was touched:"
    assert all("did you mean uploads?" in line for line in rest)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_shipped_stages_pass(stage: str) -> None:
    file = REPOSITORY / f"Pulumi.{stage}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    plan = check(config, stage=stage, file=str(file), repository=REPOSITORY)
    assert {job.name for job in plan.jobs} >= {"flights", "thumbnails"}
    assert isinstance(plan.settings, Settings)


def test_the_shipped_dev_stage_costs_nothing_idle() -> None:
    settings = check(
        yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text())["config"],
        stage="dev",
        file="Pulumi.dev.yaml",
        repository=REPOSITORY,
    ).settings
    assert settings.network.egress == "public-ip"
    assert not settings.monitoring.failure_topic, "an alarm costs by the month"
    assert all(one.min_vcpus == 0 for one in settings.compute_environments.values())
