"""Batch's API over HTTP, on our backend."""

from __future__ import annotations

import json
from typing import Any

from moto.batch.models import batch_backends
from moto.batch.responses import BatchResponse

from local.emulator.batch.definitions import select_definitions
from local.emulator.batch.errors import client_error
from local.emulator.batch.listing import list_jobs, page
from local.emulator.batch.models import BatchyardBatchBackend

MAX_DESCRIBED_JOBS = 100


class BatchyardBatchResponse(BatchResponse):
    """One method an operation, as moto names them. Tags and scheduling policies are moto's."""

    @property
    def batch_backend(self) -> BatchyardBatchBackend:
        registry: Any = batch_backends
        backend: BatchyardBatchBackend = registry[self.current_account][self.region]
        return backend

    @property
    def _request(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(self.body) if self.body else {}
        return request

    def createcomputeenvironment(self) -> str:
        environment = self.batch_backend.create_environment(self._request)
        return json.dumps({"computeEnvironmentArn": environment.arn, "computeEnvironmentName": environment.name})

    def updatecomputeenvironment(self) -> str:
        environment = self.batch_backend.change_environment(self._request)
        return json.dumps({"computeEnvironmentArn": environment.arn, "computeEnvironmentName": environment.name})

    def deletecomputeenvironment(self) -> str:
        self.batch_backend.remove_environment(str(self._request.get("computeEnvironment", "")))
        return "{}"

    def describecomputeenvironments(self) -> str:
        backend, request = self.batch_backend, self._request
        wanted = set(request.get("computeEnvironments") or [])
        with backend.store.lock:
            chosen = [one for one in backend.store.environments.values() if not wanted or {one.arn, one.name} & wanted]
            found, token = page(chosen, request)
            described = [one.describe(backend.tags_of(one.arn)) for one in found]
        return _listed("computeEnvironments", described, token)

    def createjobqueue(self) -> str:
        queue = self.batch_backend.create_queue(self._request)
        return json.dumps({"jobQueueArn": queue.arn, "jobQueueName": queue.name})

    def updatejobqueue(self) -> str:
        queue = self.batch_backend.change_queue(self._request)
        return json.dumps({"jobQueueArn": queue.arn, "jobQueueName": queue.name})

    def deletejobqueue(self) -> str:
        self.batch_backend.remove_queue(str(self._request.get("jobQueue", "")))
        return "{}"

    def describejobqueues(self) -> str:
        backend, request = self.batch_backend, self._request
        wanted = set(request.get("jobQueues") or [])
        with backend.store.lock:
            chosen = [one for one in backend.store.queues.values() if not wanted or {one.arn, one.name} & wanted]
            found, token = page(chosen, request)
            described = [one.describe(backend.tags_of(one.arn)) for one in found]
        return _listed("jobQueues", described, token)

    def registerjobdefinition(self) -> str:
        definition = self.batch_backend.register(self._request)
        return json.dumps(
            {
                "jobDefinitionArn": definition.arn,
                "jobDefinitionName": definition.name,
                "revision": definition.revision,
            }
        )

    def deregisterjobdefinition(self) -> str:
        self.batch_backend.deregister(str(self._request.get("jobDefinition", "")))
        return "{}"

    def describejobdefinitions(self) -> str:
        backend, request = self.batch_backend, self._request
        with backend.store.lock:
            chosen = select_definitions(
                backend.store.definitions,
                identifiers=request.get("jobDefinitions"),
                name=request.get("jobDefinitionName"),
                status=request.get("status"),
            )
            found, token = page(chosen, request)
            described = [one.describe(backend.tags_of(one.arn)) for one in found]
        return _listed("jobDefinitions", described, token)

    def submitjob(self) -> str:
        job = self.batch_backend.submit(self._request)
        return json.dumps({"jobArn": job.arn, "jobName": job.name, "jobId": job.id})

    def describejobs(self) -> str:
        backend = self.batch_backend
        asked = list(dict.fromkeys(str(one).rpartition("/")[2] for one in self._request.get("jobs") or []))
        if len(asked) > MAX_DESCRIBED_JOBS:
            raise client_error(f"jobs has {len(asked)} ids; up to {MAX_DESCRIBED_JOBS} are allowed")
        with backend.store.lock:
            described = [backend.store.jobs[one].describe() for one in asked if one in backend.store.jobs]
        return json.dumps({"jobs": described})

    def listjobs(self) -> str:
        backend = self.batch_backend
        with backend.store.lock:
            found, token = list_jobs(backend.store, self._request)
            summaries = [job.summary() for job in found]
        return _listed("jobSummaryList", summaries, token)

    def canceljob(self) -> str:
        self.batch_backend.cancel(self._request)
        return "{}"

    def terminatejob(self) -> str:
        self.batch_backend.terminate(self._request)
        return "{}"


def _listed(name: str, items: list[dict[str, Any]], token: str | None) -> str:
    answer: dict[str, Any] = {name: items}
    if token is not None:
        answer["nextToken"] = token
    return json.dumps(answer)
