"""The local stage in a lane of the tests: uploads into it, and what the ledger and Batch say has become of them."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from jobs import retry_rules
from jobs.spec.model import Retry
from local.lane import Lane
from local.stage import DEFAULT_STACK, StackFiles, StageUp, bring_up
from reports.collect.ledger import LedgerReader
from reports.collect.rows import Collected
from reports.model.attempt import Attempt
from reports.stage import StageAccess, from_outputs
from tests.engine.stages import wait_until

BASE_IMAGE = "batchyard/base:python3.11"
QUEUE = "batchyard-local-standard"
# the longest a job may take to end on a machine that is busy with other things
DEADLINE_S = 240.0
SIZES_PX = (1024, 512, 128)


@dataclass(kw_only=True)
class RunningStage:
    """One lane and the stage in it. `ensure_up` comes first: every test does by its fixture."""

    lane: Lane
    _instance_id: str = ""
    _access: StageAccess | None = None
    _exported: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _ledger: LedgerReader | None = field(default=None, repr=False)

    def ensure_up(self) -> None:
        """Brings the stage up unless it is; a test before may have killed what it runs on."""
        running = self.lane.running()
        files = StackFiles(lane=self.lane, stack=DEFAULT_STACK)
        if running is None or not files.checkpoint.exists() or files.why_untrue(running.instance_id):
            self.bring_up()
        elif running.instance_id != self._instance_id:
            shown = self.lane.pulumi("stack", "output", "--json", "--stack", DEFAULT_STACK)
            self._opened(json.loads(shown.stdout), running.instance_id)

    def bring_up(self) -> StageUp:
        up = bring_up(self.lane, report=lambda _: None)
        self._opened(up.outputs, up.instance_id)
        return up

    def _opened(self, outputs: Mapping[str, Any], instance_id: str) -> None:
        self._instance_id = instance_id
        self._exported = outputs["stage"]
        self._access = from_outputs(outputs, stack=DEFAULT_STACK, client=self.lane.client)
        self._ledger = LedgerReader(
            s3=self.client("s3"),
            bucket=self._access.ledger_bucket,
            stage=self._access.stage,
            owners=self._access.owners,
            since=(datetime.now(UTC) - timedelta(days=1)).date(),
        )

    @property
    def access(self) -> StageAccess:
        assert self._access is not None, "ensure_up comes first"
        return self._access

    @property
    def exported(self) -> Mapping[str, Any]:
        """The stack's output `stage`."""
        return self._exported

    def client(self, service: str) -> Any:
        return self.lane.client(service)

    # what goes in

    def upload(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.access.uploads_bucket, Key=key, Body=body)

    def submit(
        self, name: str, program: str, *, memory_mib: int = 64, retry: Retry | None = None, timeout_s: int | None = None
    ) -> str:
        """Submits `python3 -c <program>` to the stage's queue with the retry rules a job.yaml would give; the job's id.

        `name` becomes the job's name in the ledger.
        """
        retry = retry or Retry(attempts=3)
        requirements = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": str(memory_mib)}]
        definition = self.client("batch").register_job_definition(
            jobDefinitionName=f"batchyard-local-{name}",
            type="container",
            containerProperties={
                "image": BASE_IMAGE,
                "command": ["python3", "-c", program],
                "resourceRequirements": requirements,
            },
            retryStrategy={
                "attempts": retry.attempts,
                "evaluateOnExit": [rule.as_batch() for rule in retry_rules.rules(retry)],
            },
            **({} if timeout_s is None else {"timeout": {"attemptDurationSeconds": timeout_s}}),
        )["jobDefinitionArn"]
        submitted = self.client("batch").submit_job(jobName=name, jobQueue=QUEUE, jobDefinition=definition)
        return str(submitted["jobId"])

    # what comes out

    def ledger(self) -> Collected:
        """Everything the ledger holds by now."""
        assert self._ledger is not None, "ensure_up comes first"
        return self._ledger.read()

    def ended(self, keys: Iterable[str]) -> dict[str, list[Attempt]]:
        """Waits until the jobs of all uploaded `keys` are on the ledger; each key's attempts."""
        wanted = sorted(keys)
        found: dict[str, list[Attempt]] = {}

        def there() -> bool:
            found.clear()
            for attempt in self.ledger().attempts:
                key = attempt.parameters.get("key", "")
                if key in wanted:
                    found.setdefault(key, []).append(attempt)
            return len(found) == len(wanted)

        wait_until(f"the ledger to have the runs of {wanted}", there, deadline_s=DEADLINE_S)
        return found

    def attempts(self, job_id: str) -> list[Attempt]:
        """Waits until the job is on the ledger; its attempts in their order."""
        found: list[Attempt] = []

        def there() -> bool:
            found[:] = [attempt for attempt in self.ledger().attempts if attempt.job_id == job_id]
            return bool(found)

        wait_until(f"the ledger to have job {job_id}", there, deadline_s=DEADLINE_S)
        return sorted(found, key=lambda attempt: attempt.attempt)

    def measured(self, attempt: Attempt) -> Attempt:
        """Waits for the probe's line of an attempt, which comes by another way than its row."""
        found: list[Attempt] = []

        def there() -> bool:
            attempts = self.ledger().attempts
            found[:] = [one for one in attempts if one.attempt_id == attempt.attempt_id and one.usage is not None]
            return bool(found)

        wait_until(f"what attempt {attempt.attempt_id} used", there, deadline_s=DEADLINE_S)
        return found[0]

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as Batch describes it."""
        found: dict[str, Any] = self.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        return found

    def log(self, job: str, attempt: Attempt) -> str:
        """An attempt's log, its lines."""
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/batchyard/local/{job}", logStreamNames=[attempt.log_stream])
        )
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def thumbnails(self, key: str) -> dict[int, tuple[int, int]]:
        """The results of a photograph: size asked for → its real width and height, each decoded whole."""
        s3, bucket = self.client("s3"), self.access.bucket("results")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"thumbnails/{key}/")
        found = {}
        for item in (item for page in pages for item in page.get("Contents", [])):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            with Image.open(io.BytesIO(body)) as image:
                image.load()
                found[int(item["Key"].rpartition("/")[2].removesuffix(".jpg"))] = image.size
        return found

    def max_vcpus(self) -> int:
        """What all environments of the stage may run at once."""
        environments = self.client("batch").describe_compute_environments()["computeEnvironments"]
        return sum(int(one["computeResources"]["maxvCpus"]) for one in environments)


def photograph(*, width: int = 160, height: int = 120) -> bytes:
    """A small JPEG."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(made, "JPEG")
    return made.getvalue()


def folder(of: str) -> str:
    """A folder under `photos/` nobody else uses: a test that is run again finds nothing of its first run."""
    return f"photos/{of}-{secrets.token_hex(3)}"


def peak_vcpus(attempts: Iterable[Attempt]) -> float:
    """The most vCPUs of attempts that ran at the same time, by Batch's own times."""
    changes = []
    for attempt in attempts:
        if attempt.started_at is not None:
            changes += [(attempt.started_at, attempt.vcpus), (attempt.stopped_at, -attempt.vcpus)]
    running = peak = 0.0
    # of two changes in one millisecond the end comes first: it made the room
    for _, change in sorted(changes):
        running += change
        peak = max(peak, running)
    return peak
