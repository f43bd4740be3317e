"""moto's Batch backend with ours inside: one per account and region."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from moto.batch.models import BatchBackend
from moto.core.base_backend import BaseBackend
from moto.ecs.models import ecs_backends

from local.emulator.batch.arns import Arns, last_part
from local.emulator.batch.definitions import JobDefinition, find_definition, new_definition
from local.emulator.batch.engine import Engine
from local.emulator.batch.environments import ComputeEnvironment, named, new_environment, update_environment
from local.emulator.batch.errors import client_error, require
from local.emulator.batch.jobs import FINAL, Job
from local.emulator.batch.queues import JobQueue, new_queue, queue_named, update_queue
from local.emulator.batch.running import Runner
from local.emulator.batch.state_events import Publish
from local.emulator.batch.store import Store
from local.emulator.batch.submission import new_job
from local.emulator.context import EmulatorContext


class Setup:
    """What `install` hands to backends, which moto makes by itself when a region is first asked for."""

    context: EmulatorContext | None = None
    runner: Runner | None = None
    publish: Publish | None = None
    # seconds of the epoch
    wall_s: Callable[[], float] = staticmethod(time.time)


class BatchyardBatchBackend(BatchBackend):
    """Batch of one account and region. Its methods lock the store; none waits for a container."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.store = Store(arns=Arns(account=account_id, region=region_name))
        # moto's tagging service looks into these
        moto: Any = self
        moto._compute_environments = self.store.environments
        moto._job_queues = self.store.queues
        moto._job_definitions = self.store.definitions
        moto._jobs = self.store.jobs
        self.store.policies = moto._scheduling_policies
        self._engine: Engine | None = None
        self._engine_lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """Made with the first need of it: moto makes backends only to read their URLs, too."""
        with self._engine_lock:
            if self._engine is None:
                context, runner, publish = Setup.context, Setup.runner, Setup.publish
                if context is None or runner is None or publish is None:
                    raise RuntimeError("the emulated Batch is not installed; call local.emulator.batch.install")
                self._engine = Engine(self.store, context, runner, publish=publish, wall_s=Setup.wall_s)
            return self._engine

    def close(self) -> None:
        with self._engine_lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def reset(self) -> None:
        self.close()
        # not BatchBackend's own: it joins moto's jobs, which are threads
        BaseBackend.reset(self)

    def tags_of(self, arn: str) -> dict[str, str]:
        tags: dict[str, str] = self.list_tags_for_resource(arn)
        return tags

    # compute environments

    def create_environment(self, body: dict[str, Any]) -> ComputeEnvironment:
        environment = new_environment(body, self.store.arns)
        with self.store.lock:
            if environment.arn in self.store.environments:
                raise client_error("Error executing request, Exception : Object already exists")
            cluster = ecs_backends[self.account_id][self.region_name].create_cluster(environment.cluster_name)
            environment.cluster_arn = cluster.arn
            self.store.environments[environment.arn] = environment
            self.tag_resource(environment.arn, body.get("tags") or {})
        return environment

    def change_environment(self, body: dict[str, Any]) -> ComputeEnvironment:
        with self.store.lock:
            environment = self._environment(body.get("computeEnvironment", ""))
            update_environment(environment, body, self.store.arns)
        self.engine.wake()
        return environment

    def remove_environment(self, identifier: str) -> None:
        with self.store.lock:
            environment = named(self.store.environments, identifier)
            if environment is None:
                return
            if environment.state != "DISABLED":
                raise client_error("Cannot delete, found existing State ENABLED; disable the compute environment first")
            if any(environment.arn in queue.environment_arns for queue in self.store.queues.values()):
                raise client_error("Cannot delete, found existing JobQueue relationship")
            del self.store.environments[environment.arn]
            self._forget_tags(environment.arn)
            self.engine.fleet.forget(environment.arn)
            ecs_backends[self.account_id][self.region_name].delete_cluster(environment.cluster_name)

    def register_instance(self, cluster_name: str, ec2_instance_id: str, instance_type: str) -> str | None:
        """Somebody's own instance joins an unmanaged environment's cluster; gives its container instance's ARN, None
        for a cluster that no such environment has."""
        with self.store.lock:
            found = (one for one in self.store.environments.values() if one.cluster_name == cluster_name)
            environment = next((one for one in found if one.is_unmanaged), None)
            if environment is None:
                return None
            return self.engine.register(environment, ec2_instance_id, instance_type)

    def _environment(self, identifier: str) -> ComputeEnvironment:
        environment = named(self.store.environments, identifier)
        if environment is None:
            raise client_error(f"Error executing request, Exception : Compute environment {identifier} does not exist")
        return environment

    # job queues

    def create_queue(self, body: dict[str, Any]) -> JobQueue:
        with self.store.lock:
            policy = body.get("schedulingPolicyArn")
            if policy and policy not in self.store.policies:
                raise client_error(f"Error executing request, Exception : Scheduling policy {policy} does not exist")
            queue = new_queue(body, self.store.arns, self.store.environments)
            if queue.arn in self.store.queues:
                raise client_error("Error executing request, Exception : Object already exists")
            self.store.queues[queue.arn] = queue
            self.tag_resource(queue.arn, body.get("tags") or {})
        return queue

    def change_queue(self, body: dict[str, Any]) -> JobQueue:
        with self.store.lock:
            queue = self._queue(body.get("jobQueue", ""))
            update_queue(queue, body, self.store.environments)
        self.engine.wake()
        return queue

    def remove_queue(self, identifier: str) -> None:
        """Deletes a queue; its jobs are terminated, as on AWS."""
        with self.store.lock:
            queue = queue_named(self.store.queues, identifier)
            if queue is None:
                return
            if queue.state != "DISABLED":
                raise client_error("Cannot delete, found existing State ENABLED; disable the job queue first")
            left = [
                job.id for job in self.store.jobs.values() if job.queue_arn == queue.arn and job.status not in FINAL
            ]
            for job_id in left:
                self.engine.terminate(job_id, "Job queue deleted")
            del self.store.queues[queue.arn]
            self._forget_tags(queue.arn)

    def _queue(self, identifier: str) -> JobQueue:
        queue = queue_named(self.store.queues, identifier)
        if queue is None:
            raise client_error(f"Error executing request, Exception : Job queue {identifier} does not exist")
        return queue

    # job definitions

    def register(self, body: dict[str, Any]) -> JobDefinition:
        with self.store.lock:
            definition = new_definition(body, self.store.arns, self.store.definitions)
            self.store.definitions[definition.arn] = definition
            self.tag_resource(definition.arn, body.get("tags") or {})
        return definition

    def deregister(self, identifier: str) -> None:
        """An INACTIVE revision stays described, but can't be submitted."""
        with self.store.lock:
            definition = find_definition(self.store.definitions, identifier)
            if definition is not None:
                definition.status = "INACTIVE"

    # jobs

    def submit(self, body: dict[str, Any]) -> Job:
        require(body, "jobName", "jobQueue", "jobDefinition")
        with self.store.lock:
            queue = self._queue(body["jobQueue"])
            definition = find_definition(self.store.definitions, body["jobDefinition"])
            if definition is None:
                raise client_error(
                    f"Error executing request, Exception : Job definition {body['jobDefinition']} does not exist"
                )
            engine = self.engine
            job = new_job(
                body,
                arns=self.store.arns,
                queue=queue,
                definition=definition,
                definition_tags=self.tags_of(definition.arn),
                jobs=self.store.jobs,
                now_ms=engine.now_ms(),
                order=engine.lifecycle.submitted,
            )
            engine.submit(job)
        return job

    def cancel(self, body: dict[str, Any]) -> None:
        require(body, "jobId", "reason")
        self.engine.cancel(last_part(body["jobId"]), body["reason"])

    def terminate(self, body: dict[str, Any]) -> None:
        require(body, "jobId", "reason")
        self.engine.terminate(last_part(body["jobId"]), body["reason"])

    def _forget_tags(self, arn: str) -> None:
        self.tagger.delete_all_tags_for_resource(arn)
