"""Jobs that go wrong on the stage: each ends as Batch would end it, is on record, and takes no other with it."""

from __future__ import annotations

from typing import Any

import docker

from jobs.spec.model import Retry
from local.emulator.batch.containers import JOB_LABEL
from tests.e2e.running_stage import DEADLINE_S, SIZES_PX, RunningStage, folder, photograph
from tests.engine.stages import wait_until

RETRIES_ERRORS = Retry(attempts=3, on_application_error="retry")
EATS = "b = bytearray(300 * 1024 * 1024); b[::4096] = b'x' * len(b[::4096])"
# what has process number 1 must ask for SIGTERM, or only SIGKILL ends it
STAYS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); signal.pause()"
STAYS_AT_FIRST = f"import os\nif os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1':\n    {STAYS}"


def test_keys_of_any_characters_come_through_whole(stage: RunningStage) -> None:
    own = folder("keys")
    names = ["a day at the sea.jpg", "Grüße aus Łódź – 日本 🌊.jpg", "100%25 & a+b=c #1 (x)'s.jpg"]
    keys = [f"{own}/{name}" for name in names]
    for key in keys:
        stage.upload(key, photograph())
    for key, attempts in stage.ended(keys).items():
        assert [attempt.outcome for attempt in attempts] == ["succeeded"], key
        assert set(stage.thumbnails(key)) == set(SIZES_PX), key


def test_photographs_that_are_none_fail_with_the_reason_and_leave_the_others_alone(stage: RunningStage) -> None:
    own = folder("none")
    whole = photograph(width=640, height=480)
    bodies = {"first.jpg": whole, "empty.jpg": b"", "corrupt.jpg": whole[: len(whole) // 2], "text.png": b"no picture"}
    bodies["last.jpg"] = whole
    reasons = {
        "empty.jpg": "is empty; upload the photograph again",
        "corrupt.jpg": "is no whole photograph",
        "text.png": "no JPEG or PNG can be recognised in it",
    }
    for name, body in bodies.items():
        stage.upload(f"{own}/{name}", body)
    ended = stage.ended(f"{own}/{name}" for name in bodies)

    for name in bodies:
        key = f"{own}/{name}"
        # an application's own error isn't retried
        (attempt,) = ended[key]
        attempt = stage.measured(attempt)
        assert attempt.usage is not None
        assert attempt.usage.exit_code == attempt.exit_code
        if name not in reasons:
            assert attempt.outcome == "succeeded"
            assert stage.thumbnails(key) == {1024: (640, 480), 512: (512, 384), 128: (128, 96)}
            continue
        assert (attempt.status, attempt.outcome, attempt.exit_code) == ("FAILED", "application-error", 1)
        job = stage.job(attempt.job_id)
        assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
        said = stage.log("thumbnails", attempt)
        assert key in said
        assert reasons[name] in said
        assert stage.thumbnails(key) == {}


def test_out_of_memory_is_told_apart_and_not_tried_again(stage: RunningStage) -> None:
    # the spec's errors of the application are tried again here: out of memory is another matter
    job_id = stage.submit("eats", EATS, retry=RETRIES_ERRORS)
    (attempt,) = stage.attempts(job_id)
    assert (attempt.status, attempt.outcome, attempt.exit_code) == ("FAILED", "out-of-memory", 137)
    job = stage.job(job_id)
    assert job["container"]["exitCode"] == 137
    assert job["container"]["reason"].startswith("OutOfMemoryError")
    assert len(job["attempts"]) == 1


def test_a_timeout_ends_the_job_whatever_its_retries(stage: RunningStage) -> None:
    job_id = stage.submit("stays", STAYS, retry=RETRIES_ERRORS, timeout_s=60)
    (attempt,) = stage.attempts(job_id)
    assert (attempt.status, attempt.outcome) == ("FAILED", "timed-out")
    assert len(stage.job(job_id)["attempts"]) == 1


def test_a_container_killed_from_outside_ends_as_the_spec_says(stage: RunningStage, docker_engine: Any) -> None:
    given_up = stage.submit("given-up", STAYS)
    tried_again = stage.submit("tried-again", STAYS_AT_FIRST, retry=RETRIES_ERRORS)
    for job_id in (given_up, tried_again):
        kill_container(docker_engine, job_id)

    (attempt,) = stage.attempts(given_up)
    # killed, but not by its memory
    assert (attempt.status, attempt.outcome, attempt.exit_code) == ("FAILED", "application-error", 137)
    attempts = stage.attempts(tried_again)
    assert [(one.attempt, one.status, one.exit_code) for one in attempts] == [(1, "FAILED", 137), (2, "SUCCEEDED", 0)]
    assert stage.job(tried_again)["status"] == "SUCCEEDED"


def test_an_upload_that_can_start_no_job_waits_in_the_dead_letter_queue(stage: RunningStage) -> None:
    own = folder("quoted")
    quoted, plain = f'{own}/the "sea".jpg', f"{own}/the sea.jpg"
    stage.upload(quoted, photograph())
    stage.upload(plain, photograph())
    sqs = stage.client("sqs")
    queue = stage.exported["dead_letters"]["thumbnails/upload1"]
    found: list[dict[str, Any]] = []

    def there() -> bool:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in received.get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if own in message["Body"]:
                found.append(message)
        return bool(found)

    wait_until(f"the event of {quoted} in the dead-letter queue", there, deadline_s=DEADLINE_S)
    (message,) = found
    assert "ERROR_CODE" in message["MessageAttributes"]
    # the object is there still, and its neighbour has its results
    stage.client("s3").head_object(Bucket=stage.access.uploads_bucket, Key=quoted)
    stage.ended([plain])
    assert set(stage.thumbnails(plain)) == set(SIZES_PX)
    assert quoted not in {attempt.parameters.get("key") for attempt in stage.ledger().attempts}


def kill_container(docker_engine: Any, job_id: str) -> None:
    """`docker kill` of the job's container, once it runs."""

    def killed() -> bool:
        for container in docker_engine.containers.list(filters={"label": f"{JOB_LABEL}={job_id}", "status": "running"}):
            try:
                container.kill()
            except docker.errors.APIError:
                return False
            return True
        return False

    wait_until(f"a container of job {job_id} to kill", killed, deadline_s=DEADLINE_S)
