"""moto's ECS with container instances that Batch registers, from any thread."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from moto.batch.models import batch_backends
from moto.ec2.models import ec2_backends
from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import Cluster, ContainerInstance, EC2ContainerServiceBackend

from local.emulator.batch.models import BatchyardBatchBackend
from local.emulator.capacity import Instance
from scheduling.catalog import UnknownInstanceType, instance_type

CPU_UNITS = 1024
"""Of a vCPU."""
_PORTS = ["22", "2376", "2375", "51678", "51679"]


class BatchContainerInstance(ContainerInstance):
    """An instance of a compute environment. moto asks its EC2 for the instance; Batch's exist in Batch and here."""

    def __init__(self, instance: Instance) -> None:
        kind = instance_type(instance.type)
        self._arn = instance.container_instance_arn
        self._cpu_units, self._memory_mib = kind.vcpus * CPU_UNITS, kind.usable_memory_mib
        self.ec2_instance_id = instance.ec2_instance_id
        # not Batch's own: an unmanaged environment's
        self.is_somebodys = instance.home.purchase == "unmanaged"
        self.status = "ACTIVE"
        self.agent_connected = True
        self.version = 1
        self.version_info = {
            "agentVersion": "1.0.0",
            "agentHash": "4023248",
            "dockerVersion": "DockerVersion: 1.5.0",
        }
        self.attributes = {
            "ecs.availability-zone": availability_zone(instance.home.region),
            "ecs.cpu-architecture": kind.architecture,
            "ecs.instance-type": kind.name,
            "ecs.os-type": "linux",
        }
        self.registered_at = datetime.fromtimestamp(instance.booted_at_ms / 1000, UTC)
        self.registered_resources = _resources(self._cpu_units, self._memory_mib)
        self.remaining_resources = list(self.registered_resources)
        self.running_tasks_count = 0
        self.pending_tasks_count = 0

    @property
    def container_instance_arn(self) -> str:
        return self._arn

    def hold(self, *, cpu_units: int, memory_mib: int) -> None:
        """Takes resources for a task, or with negative numbers gives them back."""
        self._cpu_units -= cpu_units
        self._memory_mib -= memory_mib
        # a new list: an answer may be written from the old one in this moment
        self.remaining_resources = _resources(self._cpu_units, self._memory_mib)


class EmulatedEcsBackend(EC2ContainerServiceBackend):
    """Requests and Batch share it: everything about clusters and their instances is done with `lock` held."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()

    def create_cluster(self, cluster_name: str, *arguments: Any, **options: Any) -> Cluster:
        with self.lock:
            # moto makes the table with the first instance, and fails to describe instances before
            self.container_instances.setdefault(cluster_name, {})
            return super().create_cluster(cluster_name, *arguments, **options)

    def delete_cluster(self, cluster_str: str) -> Cluster:
        """Forgets the cluster with its instances; moto lists it for ever as INACTIVE."""
        with self.lock:
            cluster = super().delete_cluster(cluster_str)
            del self.clusters[cluster.name]
            self.container_instances.pop(cluster.name, None)
            return cluster

    def list_clusters(self) -> list[str]:
        with self.lock:
            arns: list[str] = super().list_clusters()
            return arns

    def describe_clusters(self, cluster_names: list[str]) -> Any:
        with self.lock:
            return super().describe_clusters(cluster_names)

    def list_container_instances(self, cluster_str: str, status: str | None = None) -> list[str]:
        with self.lock:
            # ClusterNotFoundException, where moto has an empty list
            self._get_cluster(cluster_str)
            arns: list[str] = super().list_container_instances(cluster_str, status)
            return arns

    def describe_container_instances(self, cluster_str: str, list_container_instance_ids: list[str]) -> Any:
        with self.lock:
            return super().describe_container_instances(cluster_str, list_container_instance_ids)

    def register_container_instance(self, cluster_str: str, ec2_instance_id: str) -> ContainerInstance:
        """As the agent of an instance that somebody booted does. In the cluster of an unmanaged environment Batch runs
        jobs on it from now on; it must be of a type that the catalogue knows."""
        with self.lock:
            name = self._get_cluster(cluster_str).name
        batch: Any = batch_backends[self.account_id][self.region_name]
        if not isinstance(batch, BatchyardBatchBackend):
            return super().register_container_instance(cluster_str, ec2_instance_id)
        kind = str(ec2_backends[self.account_id][self.region_name].get_instance(ec2_instance_id).instance_type)
        try:
            instance_type(kind)
        except UnknownInstanceType as error:
            raise EcsClientException(f"{ec2_instance_id} has a type that the emulator doesn't know: {error}") from error
        # without the lock: Batch takes its own first
        arn = batch.register_instance(name, ec2_instance_id, kind)
        if arn is None:
            return super().register_container_instance(cluster_str, ec2_instance_id)
        with self.lock:
            return self.container_instances[name][arn.rpartition("/")[2]]

    def deregister_container_instance(
        self, cluster_str: str, container_instance_str: str, force: bool
    ) -> ContainerInstance:
        with self.lock:
            name = self._get_cluster(cluster_str).name
            registered = self.container_instances.get(name, {}).get(container_instance_str.rpartition("/")[2])
        batch: Any = batch_backends[self.account_id][self.region_name]
        if not isinstance(registered, BatchContainerInstance) or not registered.is_somebodys:
            found: ContainerInstance = super().deregister_container_instance(cluster_str, container_instance_str, force)
            return found
        if not batch.engine.deregister(registered.container_instance_arn, force=bool(force)):
            raise EcsClientException("Found running tasks on the instance.")
        return registered

    # Batch's side

    def add(self, cluster_name: str, instance: BatchContainerInstance) -> None:
        with self.lock:
            self.container_instances.setdefault(cluster_name, {})[_id(instance)] = instance
            self._count(cluster_name, registered_container_instances_count=1)

    def remove(self, cluster_name: str, instance: BatchContainerInstance) -> None:
        with self.lock:
            # its environment may have been deleted while its last job ended
            if self.container_instances.get(cluster_name, {}).pop(_id(instance), None) is not None:
                self._count(cluster_name, registered_container_instances_count=-1)

    def count_tasks(
        self, cluster_name: str, instance: BatchContainerInstance | None, *, pending: int = 0, running: int = 0
    ) -> None:
        """Changes the numbers of pending and running tasks of a cluster, and of the instance they are on."""
        with self.lock:
            self._count(cluster_name, pending_tasks_count=pending, running_tasks_count=running)
            if instance is not None:
                instance.pending_tasks_count += pending
                instance.running_tasks_count += running

    def _count(self, cluster_name: str, **changes: int) -> None:
        cluster = self.clusters.get(cluster_name)
        if cluster is not None:
            for name, change in changes.items():
                setattr(cluster, name, getattr(cluster, name) + change)


def availability_zone(region: str) -> str:
    """Where everything of the emulated account runs."""
    return f"{region}a"


def _id(instance: BatchContainerInstance) -> str:
    return instance.container_instance_arn.rpartition("/")[2]


def _resources(cpu_units: int, memory_mib: int) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu_units},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory_mib},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": list(_PORTS)},
        {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []},
    ]
