"""Jobs on their way: statuses, attempts, retries, timeouts, ends, dependencies, capacity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.processes import wait_until
from tests.unit.local.emulator.batch.fakes import DEADLINE_S, EmulatedBatch

OOM_EXITS = [{"onReason": "OutOfMemoryError*", "action": "EXIT"}, {"onExitCode": "*", "action": "RETRY"}]


def test_a_job_succeeds_and_every_transition_is_told(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("ok"))
    job = stage.wait_for(job_id)
    assert stage.statuses(job_id) == ["PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert job["statusReason"] == "Essential container in task exited"
    (attempt,) = job["attempts"]
    assert attempt["container"]["exitCode"] == 0
    assert attempt["container"]["logStreamName"].startswith("ok/default/")
    assert ":container-instance/" in attempt["container"]["containerInstanceArn"]
    assert (
        attempt["container"]["taskArn"].rpartition("/")[2] == attempt["container"]["logStreamName"].rpartition("/")[2]
    )
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]


def test_the_last_event_is_the_job_as_described(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("ok"), parameters={"key": "a b"})
    job = stage.wait_for(job_id)
    event = stage.events[-1]
    assert event["source"] == "aws.batch"
    assert event["resources"] == [job["jobArn"]]
    assert {key: job[key] for key in event["detail"]} == event["detail"]


def test_the_container_gets_its_arguments_and_surroundings(stage: EmulatedBatch) -> None:
    command = {
        "command": ["--key", "Ref::key"],
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
    }
    definition = stage.define("ok", memory=300, container=command, parameters={"key": "none"})
    overrides = {"environment": [{"name": "A", "value": "2"}]}
    job_id = stage.submit(definition, parameters={"key": "$(x); 'é'"}, containerOverrides=overrides)
    stage.wait_for(job_id)
    (plan,) = stage.runner.plans
    assert plan.command == ("--key", "$(x); 'é'")
    assert plan.memory_mib == 300
    assert plan.environment["A"] == "2"
    assert "B" not in plan.environment
    assert plan.environment["AWS_BATCH_JOB_ID"] == job_id
    assert plan.environment["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert plan.environment["AWS_BATCH_JQ_NAME"] == "standard"
    assert plan.environment["AWS_BATCH_CE_NAME"] == "spot"
    assert plan.environment["AWS_ENDPOINT_URL"] == "http://host.docker.internal:1"


def test_the_definitions_log_options_name_group_and_stream(stage: EmulatedBatch) -> None:
    options = {"awslogs-group": "/batchyard/local/thumbnails", "awslogs-stream-prefix": "thumbnails"}
    logs = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    job = stage.wait_for(stage.submit(stage.define("ok", container=logs)))
    assert stage.runner.plans[0].log_group == "/batchyard/local/thumbnails"
    assert not stage.runner.plans[0].creates_log_group
    assert job["container"]["logStreamName"].startswith("thumbnails/default/")


def test_errors_are_tried_again_as_often_as_asked(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("error", retryStrategy={"attempts": 3}))
    job = stage.wait_for(job_id)
    assert job["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 1]
    assert stage.statuses(job_id).count("RUNNABLE") == 3
    assert [plan.environment["AWS_BATCH_JOB_ATTEMPT"] for plan in stage.runner.plans] == ["1", "2", "3"]


def test_out_of_memory_is_not_tried_again_when_a_rule_says_so(stage: EmulatedBatch) -> None:
    strategy = {"attempts": 3, "evaluateOnExit": OOM_EXITS}
    job = stage.wait_for(stage.submit(stage.define("oom", retryStrategy=strategy)))
    (attempt,) = job["attempts"]
    assert attempt["container"]["exitCode"] == 137
    assert attempt["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert job["statusReason"] == "Essential container in task exited"


def test_an_image_that_cannot_be_pulled(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("no-image"))
    job = stage.wait_for(job_id)
    assert job["statusReason"] == "Task failed to start"
    assert job["attempts"][0]["container"]["reason"] == "CannotPullContainerError: manifest unknown"
    assert "exitCode" not in job["attempts"][0]["container"]
    assert "startedAt" not in job
    assert "RUNNING" not in stage.statuses(job_id)


def test_a_timeout_ends_the_job_however_many_attempts_are_left(tmp_path: Path) -> None:
    batch = EmulatedBatch(tmp_path, second_scale=0.001)
    try:
        batch.queue(batch.environment())
        strategy = {"attempts": 5}
        definition = batch.define("held", retryStrategy=strategy, timeout={"attemptDurationSeconds": 60})
        job = batch.wait_for(batch.submit(definition))
        assert job["status"] == "FAILED"
        assert job["statusReason"] == "Job attempt duration exceeded timeout"
        assert [attempt["statusReason"] for attempt in job["attempts"]] == ["Job attempt duration exceeded timeout"]
        assert job["timeout"] == {"attemptDurationSeconds": 60}
    finally:
        batch.close()


def test_terminate_ends_what_runs_and_cancel_does_not(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("held", retryStrategy={"attempts": 5}))
    stage.wait_for(job_id, "RUNNING")
    stage.backend.cancel({"jobId": job_id, "reason": "no longer needed"})
    assert stage.describe(job_id)["status"] == "RUNNING"
    stage.backend.terminate({"jobId": job_id, "reason": "no longer needed"})
    job = stage.wait_for(job_id)
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "no longer needed"
    assert job["isTerminated"]
    assert not job["isCancelled"]
    assert len(job["attempts"]) == 1


def test_cancel_ends_what_waits(stage: EmulatedBatch) -> None:
    held = [stage.submit(stage.define("held")) for _ in range(4)]
    for job_id in held:
        stage.wait_for(job_id, "RUNNING")
    waiting = stage.submit(stage.define("ok"))
    stage.backend.cancel({"jobId": waiting, "reason": "changed my mind"})
    job = stage.wait_for(waiting)
    assert (job["status"], job["statusReason"], job["isCancelled"]) == ("FAILED", "changed my mind", True)
    assert job["attempts"] == []


def test_no_more_run_at_once_than_the_environment_has_vcpus(stage: EmulatedBatch) -> None:
    definition = stage.define("held")
    jobs = [stage.submit(definition) for _ in range(20)]
    assert wait_until(lambda: stage.runner.now_running == 4, timeout_s=DEADLINE_S)
    stage.runner.let_go()
    assert all(stage.wait_for(job_id)["status"] == "SUCCEEDED" for job_id in jobs)
    assert stage.runner.most_running == 4


def test_on_demand_takes_what_spot_has_no_room_for(batch: EmulatedBatch) -> None:
    spot = batch.environment("spot", maxvCpus=2)
    on_demand = batch.environment("on-demand", type="EC2", allocationStrategy="BEST_FIT_PROGRESSIVE", maxvCpus=2)
    batch.queue(spot, on_demand)
    definition = batch.define("held")
    jobs = [batch.submit(definition) for _ in range(4)]
    for job_id in jobs:
        batch.wait_for(job_id, "RUNNING")
    places = {plan.job_id: plan.environment["AWS_BATCH_CE_NAME"] for plan in batch.runner.plans}
    assert [places[job_id] for job_id in jobs] == ["spot", "spot", "on-demand", "on-demand"]


def test_the_higher_priority_goes_first(batch: EmulatedBatch) -> None:
    spot = batch.environment(maxvCpus=2)
    batch.queue(spot, name="low", priority=1)
    batch.queue(spot, name="high", priority=10)
    held = batch.define("held", vcpus=2)
    first = batch.submit(held, queue="low")
    batch.wait_for(first, "RUNNING")
    low = batch.submit(held, queue="low")
    high = batch.submit(held, queue="high")
    batch.backend.terminate({"jobId": first, "reason": "make room"})
    batch.wait_for(high, "RUNNING")
    assert batch.describe(low)["status"] == "RUNNABLE"


def test_a_dependent_job_waits_and_fails_with_what_it_waits_for(stage: EmulatedBatch) -> None:
    held = stage.submit(stage.define("held"))
    after = stage.submit(stage.define("ok"), dependsOn=[{"jobId": held}])
    stage.wait_for(held, "RUNNING")
    assert stage.describe(after)["status"] == "PENDING"
    stage.runner.let_go()
    assert stage.wait_for(after)["status"] == "SUCCEEDED"
    failed = stage.submit(stage.define("error"))
    never = stage.submit(stage.define("ok"), dependsOn=[{"jobId": failed}])
    job = stage.wait_for(never)
    assert (job["status"], job["attempts"]) == ("FAILED", [])


@pytest.mark.parametrize(("image", "status"), [("ok", "SUCCEEDED"), ("error", "FAILED")])
def test_an_array_ends_with_its_children(stage: EmulatedBatch, image: str, status: str) -> None:
    job_id = stage.submit(stage.define(image), arrayProperties={"size": 3})
    job = stage.wait_for(job_id)
    assert job["status"] == status
    assert job["arrayProperties"]["size"] == 3
    assert job["arrayProperties"]["statusSummary"][status] == 3
    assert stage.describe(f"{job_id}:2")["arrayProperties"]["index"] == 2
    assert sorted(plan.environment["AWS_BATCH_JOB_ARRAY_INDEX"] for plan in stage.runner.plans) == ["0", "1", "2"]


def test_a_sequential_array_runs_one_after_the_other(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("ok"), arrayProperties={"size": 3}, dependsOn=[{"type": "SEQUENTIAL"}])
    assert stage.wait_for(job_id)["status"] == "SUCCEEDED"
    assert [plan.environment["AWS_BATCH_JOB_ARRAY_INDEX"] for plan in stage.runner.plans] == ["0", "1", "2"]
    assert stage.runner.most_running == 1


def blocked(batch: EmulatedBatch, job_id: str) -> list[Any]:
    return [
        event
        for event in batch.events
        if event["detail-type"] == "Batch Job Queue Blocked" and event["detail"]["jobId"] == job_id
    ]


def test_a_job_that_fits_nowhere_blocks_its_queue_and_says_so_once(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("ok", memory=9000))
    assert wait_until(lambda: bool(blocked(stage, job_id)), timeout_s=DEADLINE_S)
    behind = stage.submit(stage.define("ok"))
    stage.backend.engine.wake()
    (event,) = blocked(stage, job_id)
    job = stage.describe(job_id)
    assert event["resources"] == [job["jobArn"], job["jobQueue"]]
    assert job["status"] == "RUNNABLE"
    assert job["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ")
    assert stage.describe(behind)["status"] == "RUNNABLE"
    stage.backend.change_environment(
        {"computeEnvironment": "spot", "computeResources": {"instanceTypes": ["m5.xlarge"], "maxvCpus": 8}}
    )
    assert stage.wait_for(job_id)["status"] == "SUCCEEDED"
    assert stage.wait_for(behind)["status"] == "SUCCEEDED"


def test_a_time_limit_cancels_a_blocked_job(tmp_path: Path) -> None:
    batch = EmulatedBatch(tmp_path, second_scale=0.0001)
    try:
        code = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
        limit = {"reason": code, "state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}
        batch.queue(batch.environment(), jobStateTimeLimitActions=[limit])
        job = batch.wait_for(batch.submit(batch.define("ok", vcpus=64)))
        assert job["status"] == "FAILED"
        assert job["statusReason"] == f"Canceled by JobStateTimeLimit action due to reason: {code}"
    finally:
        batch.close()


def test_deleting_a_queue_ends_its_jobs(stage: EmulatedBatch) -> None:
    job_id = stage.submit(stage.define("held"))
    stage.wait_for(job_id, "RUNNING")
    stage.backend.change_queue({"jobQueue": "standard", "state": "DISABLED"})
    stage.backend.remove_queue("standard")
    assert stage.wait_for(job_id)["statusReason"] == "Job queue deleted"


def test_closing_ends_the_runner_and_starts_nothing_more(stage: EmulatedBatch) -> None:
    definition = stage.define("held")
    jobs = [stage.submit(definition) for _ in range(6)]
    assert wait_until(lambda: stage.runner.now_running == 4, timeout_s=DEADLINE_S)
    backend = stage.backend
    stage.service.close()
    assert stage.runner.closed >= 1
    assert len(stage.runner.plans) == 4
    assert [backend.store.jobs[job_id].status for job_id in jobs].count("RUNNABLE") == 2
