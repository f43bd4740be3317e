"""Pages of lists, and ListJobs' filters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from local.emulator.batch.errors import client_error
from local.emulator.batch.jobs import RUNNING, STATUSES, Job
from local.emulator.batch.queues import queue_named
from local.emulator.batch.store import Store

Item = TypeVar("Item")

PAGE_BY_STATUS = 1000
PAGE_BY_FILTER = 100


def page(
    items: Sequence[Item], body: dict[str, Any], *, largest: int = PAGE_BY_FILTER
) -> tuple[list[Item], str | None]:
    """One page after `nextToken`, and the token of the next; None on the last. Raises ClientException."""
    start = 0
    token = body.get("nextToken")
    if token:
        try:
            start = int(base64.b64decode(token, validate=True))
        except (ValueError, binascii.Error) as error:
            raise client_error(f"nextToken {token} is not one this service gave") from error
    size = max(1, min(int(body.get("maxResults") or largest), largest))
    end = start + size
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def list_jobs(store: Store, body: dict[str, Any]) -> tuple[list[Job], str | None]:
    """ListJobs: jobs of a queue or children of an array, the newest first; RUNNING ones unless asked otherwise.

    With a filter the status doesn't count and children of arrays aren't seen, as on AWS.
    """
    queue_name, array_id = body.get("jobQueue"), body.get("arrayJobId")
    filters = body.get("filters") or []
    status = body.get("jobStatus") or (None if filters else RUNNING)
    if bool(queue_name) == bool(array_id):
        raise client_error("Error executing request, Exception : give exactly one of jobQueue, arrayJobId")
    if status is not None and status not in STATUSES:
        raise client_error(f"jobStatus is {status}; it must be one of {', '.join(STATUSES)}")
    if len(filters) > 1:
        raise client_error("Error executing request, Exception : only one filter is allowed")
    if array_id:
        parent = store.jobs.get(array_id)
        if parent is None:
            raise client_error(f"Error executing request, Exception : Job {array_id} does not exist")
        jobs = list(parent.children)
    else:
        queue = queue_named(store.queues, str(queue_name))
        if queue is None:
            raise client_error(f"Error executing request, Exception : Job queue {queue_name} does not exist")
        jobs = [job for job in store.jobs.values() if job.queue_arn == queue.arn and job.parent is None]
    if filters and queue_name:
        jobs = [job for job in jobs if _passes(job, filters[0])]
    else:
        jobs = [job for job in jobs if job.status == (status or RUNNING)]
    jobs.sort(key=lambda job: (-job.created_at_ms, job.array_index if job.array_index is not None else -job.order))
    return page(jobs, body, largest=PAGE_BY_FILTER if filters else PAGE_BY_STATUS)


def _passes(job: Job, condition: dict[str, Any]) -> bool:
    name, values = condition.get("name"), [str(value) for value in condition.get("values") or []]
    if name == "JOB_NAME":
        return any(_like(job.name, value) for value in values)
    if name == "JOB_DEFINITION":
        definition = job.definition_arn.rpartition("/")[2]
        return any(
            job.definition_arn == value or _like(definition, value) or _like(job.definition_name, value)
            for value in values
        )
    if name == "BEFORE_CREATED_AT":
        return any(job.created_at_ms < int(value) for value in values)
    if name == "AFTER_CREATED_AT":
        return any(job.created_at_ms > int(value) for value in values)
    if name == "SHARE_IDENTIFIER":
        return job.share_identifier in values
    raise client_error(f"Error executing request, Exception : filter {name} is not known")


def _like(text: str, pattern: str) -> bool:
    text, pattern = text.lower(), pattern.lower()
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
