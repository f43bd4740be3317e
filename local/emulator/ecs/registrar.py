"""Keeps Batch's instances in ECS and tells EventBridge what ECS tells it.

As on AWS, an instance's state is told whenever a task takes or gives back its resources, not only when it comes and
goes; a task's when it runs and when it has stopped.
"""

from __future__ import annotations

from typing import cast

from moto.ecs.models import ecs_backends

from local.emulator.batch.state_events import Publish
from local.emulator.capacity import Home, Instance, Task
from local.emulator.ecs.backend import CPU_UNITS, BatchContainerInstance, EmulatedEcsBackend
from local.emulator.ecs.state_events import instance_event, task_event


class Registrar:
    """A watcher of Batch; guarded by Batch's lock, under which it is called."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        # by ARN
        self._instances: dict[str, tuple[Instance, BatchContainerInstance]] = {}

    def instance_booted(self, instance: Instance) -> None:
        registered = BatchContainerInstance(instance)
        self._instances[instance.container_instance_arn] = (instance, registered)
        _backend(instance.home).add(instance.home.cluster_name, registered)
        self._publish(instance_event(instance, registered, now_ms=instance.booted_at_ms))

    def instance_gone(self, instance: Instance, at_ms: int) -> None:
        _, registered = self._instances.pop(instance.container_instance_arn)
        registered.status = "INACTIVE"
        registered.agent_connected = False
        registered.version += 1
        _backend(instance.home).remove(instance.home.cluster_name, registered)
        self._publish(instance_event(instance, registered, now_ms=at_ms))

    def task_placed(self, task: Task) -> None:
        self._count(task, pending=1)
        self._hold(task, 1, now_ms=task.created_at_ms)

    def task_running(self, task: Task) -> None:
        self._count(task, pending=-1, running=1)
        self._publish(task_event(task))

    def task_stopped(self, task: Task) -> None:
        if task.started_at_ms is None:
            self._count(task, pending=-1)
        else:
            self._count(task, running=-1)
        self._publish(task_event(task))
        self._hold(task, -1, now_ms=task.stopped_at_ms or task.created_at_ms)

    def _count(self, task: Task, *, pending: int = 0, running: int = 0) -> None:
        _, registered = self._instances.get(task.container_instance_arn or "", (None, None))
        _backend(task.home).count_tasks(task.home.cluster_name, registered, pending=pending, running=running)

    def _hold(self, task: Task, sign: int, *, now_ms: int) -> None:
        if task.container_instance_arn is None:
            return
        instance, registered = self._instances[task.container_instance_arn]
        registered.hold(cpu_units=sign * int(task.vcpus * CPU_UNITS), memory_mib=sign * task.memory_mib)
        registered.version += 1
        self._publish(instance_event(instance, registered, now_ms=now_ms))


def _backend(home: Home) -> EmulatedEcsBackend:
    return cast(EmulatedEcsBackend, ecs_backends[home.account][home.region])
