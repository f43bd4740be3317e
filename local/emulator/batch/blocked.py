"""Heads of queues that can never start, and why, in AWS's words."""

from __future__ import annotations

from collections.abc import Iterable

from local.emulator.batch.jobs import Job
from local.emulator.batch.store import Store
from scheduling.fit import JOB_RESOURCE, MAX_RESOURCE, NoFit, check_fit

# AWS Batch user guide, job_stuck_in_runnable
TEXTS = {
    MAX_RESOURCE: (f"{MAX_RESOURCE} - CE(s) associated with the job queue cannot meet the CPU requirement of the job."),
    JOB_RESOURCE: (
        f"{JOB_RESOURCE} - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the "
        "CE(s) attached to the job queue."
    ),
}


def find_blocked(store: Store, runnable: Iterable[Job]) -> list[tuple[Job, str | None, str]]:
    """For the head of each queue with RUNNABLE jobs: (job, code, text), the code None if it fits.

    Called after the scheduler: who is RUNNABLE now found no room, or never will.
    """
    heads: dict[str, Job] = {}
    for job in runnable:
        head = heads.get(job.queue_arn)
        if head is None or (job.created_at_ms, job.order) < (head.created_at_ms, head.order):
            heads[job.queue_arn] = job
    found: list[tuple[Job, str | None, str]] = []
    for queue_arn, job in heads.items():
        queue = store.queues.get(queue_arn)
        if queue is None:
            continue
        answer = check_fit(job.request, [one.for_scheduling() for one in store.environments_of(queue)])
        if isinstance(answer, NoFit):
            found.append((job, answer.code, TEXTS[answer.code]))
        elif job.blocked_code is not None:
            found.append((job, None, ""))
    return found
