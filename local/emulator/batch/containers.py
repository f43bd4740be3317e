"""Attempts as real containers on the machine's Docker engine."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import docker.errors
import docker.types
import requests

from local.emulator.batch.logs import Lines, LogGroupMissing, LogShipper, LogStream
from local.emulator.batch.running import ESSENTIAL_EXITED, FAILED_TO_START, OUT_OF_MEMORY, Handle, Outcome, Plan
from local.emulator.batch.secret_values import Refusal, SecretUnreadable, read_secrets
from local.emulator.context import CONTAINER_HOST, LANE_LABEL, EmulatorContext
from local.emulator.permissions import role_refusal

# two checkouts may have a lane of the same name; the folder tells whose containers they are
FOLDER_LABEL = "batchyard.lane-folder"
JOB_LABEL = "batchyard.job-id"
ATTEMPT_LABEL = "batchyard.attempt"
# Docker refuses less
MIN_MEMORY_MIB = 6
KILLED = 137
TASKS = "ecs-tasks.amazonaws.com"
CALL_TIMEOUT_S = 120
# Docker learns of an out-of-memory kill on another path than of the exit; wait a moment before calling it a mere kill
OOM_LOOKS, OOM_LOOK_EVERY_S = 4, 0.1
LONGEST_PAUSE_S = 5.0

_TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)

logger = logging.getLogger(__name__)


class ContainerRunner:
    """A `Runner` on Docker. Every call may come from any thread; nothing here holds a lock while Docker works."""

    def __init__(self, context: EmulatorContext, shipper: LogShipper, client_of: Callable[[str], Any]) -> None:
        self._context = context
        self._client_of = client_of
        self._shipper = shipper
        self._lock = threading.Lock()
        self._client: docker.DockerClient | None = None
        self._pulling: dict[str, threading.Lock] = {}

    def _api(self) -> Any:
        """Docker's API client. Raises DockerException while no engine answers."""
        with self._lock:
            if self._client is None:
                self._client = docker.from_env(timeout=CALL_TIMEOUT_S, max_pool_size=256)
            return self._client.api

    def run(self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Outcome:
        try:
            return self._run(plan, handle, on_pulled, on_started)
        except _TROUBLE as error:
            logger.warning("attempt %s of %s: %s", plan.attempt, plan.job_id, error)
            return _not_started(f"CannotCreateContainerError: {_words(error)}")
        finally:
            handle.settled.set()
            handle.done.set()

    def _run(
        self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]
    ) -> Outcome:
        api = self._api()
        try:
            self._pull_if_missing(api, plan.image)
        except _TROUBLE as error:
            return _not_started(f"CannotPullContainerError: {_words(error)}")
        on_pulled()
        try:
            secrets = read_secrets(self._client_of, plan.secrets, self._refusal_for(plan.execution_role))
        except SecretUnreadable as error:
            return _not_started(str(error))
        try:
            stream = self._shipper.open(plan.log_group, plan.log_stream, creates_group=plan.creates_log_group)
        except LogGroupMissing:
            return _not_started(
                "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to "
                "create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
            )
        try:
            if handle.stop_requested.is_set():
                return _not_started(None)
            for folder in plan.folders:
                folder.mkdir(parents=True, exist_ok=True)
            container_id = str(api.create_container(**self._creation(api, plan, secrets))["Id"])
            handle.container_id = container_id
            try:
                return self._attend(api, container_id, handle, stream, on_started)
            finally:
                self._remove(api, container_id)
        finally:
            self._shipper.finish(stream)

    def _refusal_for(self, role: str | None) -> Refusal:
        """Whether the job's execution role lets ECS read a secret: moto itself gives everybody everything."""
        return lambda action, arn: role_refusal(str(role), service=TASKS, action=action, resources=[arn])

    def _attend(
        self, api: Any, container_id: str, handle: Handle, stream: LogStream, on_started: Callable[[], None]
    ) -> Outcome:
        # attached before the start, or the first lines would be missed
        output = api.attach(container_id, stream=True, demux=True)
        try:
            api.start(container_id)
        except _TROUBLE as error:
            output.close()
            return _not_started(f"CannotStartContainerError: Error response from daemon: {_words(error)}")
        on_started()
        handle.settled.set()
        lines = (Lines(), Lines())
        delivered = [0, 0]
        whole = True
        try:
            for chunks in output:
                self._deliver(stream, chunks, lines, delivered)
        except _TROUBLE as error:
            whole = False
            logger.warning("the output of %s broke off: %s", container_id[:12], error)
        finally:
            with contextlib.suppress(*_TROUBLE):
                output.close()
        outcome = self._await_end(api, container_id)
        if whole:
            self._shipper.append(stream, [*lines[0].end(), *lines[1].end()])
        else:
            self._catch_up(api, container_id, stream, delivered)
        # nothing may see the job ended before its log is there
        self._shipper.finish(stream)
        return outcome

    def _deliver(
        self,
        stream: LogStream,
        chunks: tuple[bytes | None, bytes | None],
        lines: tuple[Lines, Lines],
        delivered: list[int],
    ) -> None:
        for index, chunk in enumerate(chunks):
            if chunk:
                complete = lines[index].feed(chunk)
                delivered[index] += len(complete)
                self._shipper.append(stream, complete)

    def _catch_up(self, api: Any, container_id: str, stream: LogStream, delivered: list[int]) -> None:
        """Docker's own log file has every line: what the broken stream didn't bring is taken from there."""
        try:
            for index, which in enumerate(({"stderr": False}, {"stdout": False})):
                lines = Lines()
                everything = [*lines.feed(api.logs(container_id, **which)), *lines.end()]
                self._shipper.append(stream, everything[delivered[index] :])
        except _TROUBLE as error:
            logger.warning("the rest of the log of %s is lost: %s", container_id[:12], error)

    def _await_end(self, api: Any, container_id: str) -> Outcome:
        """Waits for the exit; asks again if Docker doesn't answer, for as long as it takes."""
        for pause_s in _pauses():
            try:
                exit_code = int(api.wait(container_id, timeout=None)["StatusCode"])
                return self._outcome(api, container_id, exit_code)
            except docker.errors.NotFound:
                return Outcome(
                    exit_code=None,
                    reason="CannotInspectContainerError: the container was removed from outside",
                    status_reason=ESSENTIAL_EXITED,
                )
            except _TROUBLE as error:
                logger.warning("waiting for %s: %s", container_id[:12], error)
                if self._context.stopping.wait(pause_s):
                    break
        return Outcome(exit_code=None, reason="the emulator ended", status_reason=ESSENTIAL_EXITED)

    def _outcome(self, api: Any, container_id: str, exit_code: int) -> Outcome:
        out_of_memory = False
        for _ in range(OOM_LOOKS if exit_code == KILLED else 1):
            out_of_memory = bool(api.inspect_container(container_id)["State"]["OOMKilled"])
            if out_of_memory or exit_code != KILLED or self._context.stopping.wait(OOM_LOOK_EVERY_S):
                break
        return Outcome(
            exit_code=exit_code,
            # a child killed while the job itself ends well is the job's own affair
            reason=OUT_OF_MEMORY if out_of_memory and exit_code != 0 else None,
            status_reason=ESSENTIAL_EXITED,
        )

    def _pull_if_missing(self, api: Any, image: str) -> None:
        """Raises what Docker says if the image is neither here nor to be had. One pull an image at a time."""
        with self._lock:
            pulling = self._pulling.setdefault(image, threading.Lock())
        with pulling:
            try:
                api.inspect_image(image)
                return
            except docker.errors.ImageNotFound:
                pass
            for progress in api.pull(image, stream=True, decode=True):
                if "error" in progress:
                    raise docker.errors.ImageNotFound(progress["error"])
            api.inspect_image(image)

    def _creation(self, api: Any, plan: Plan, secrets: dict[str, str]) -> dict[str, Any]:
        memory = f"{max(plan.memory_mib, MIN_MEMORY_MIB)}m"
        host_config = api.create_host_config(
            mem_limit=memory,
            # no swap beside it: the limit is hard
            memswap_limit=memory,
            cpu_shares=max(2, int(1024 * plan.vcpus)),
            extra_hosts={CONTAINER_HOST: self._context.bridge_address or "host-gateway"},
            log_config=docker.types.LogConfig(type=docker.types.LogConfig.types.JSON),
            read_only=plan.read_only,
            tmpfs={path: f"size={size_mib}m" for path, size_mib in plan.tmpfs.items()},
            shm_size=None if plan.shared_memory_mib is None else f"{plan.shared_memory_mib}m",
            binds={
                host: {"bind": inside, "mode": "ro" if read_only else "rw"}
                for host, (inside, read_only) in plan.binds.items()
            },
        )
        return {
            "name": plan.name,
            "image": plan.image,
            # an argument vector; an empty one leaves the image's own command
            "command": list(plan.command) or None,
            "environment": plan.environment | secrets,
            "user": plan.user,
            "volumes": list(plan.scratch),
            "host_config": host_config,
            "labels": {
                LANE_LABEL: self._context.lane,
                FOLDER_LABEL: str(self._context.lane_folder),
                JOB_LABEL: plan.job_id,
                ATTEMPT_LABEL: str(plan.attempt),
            },
        }

    def stop(self, handle: Handle, grace_s: float) -> None:
        handle.stop_requested.set()
        handle.settled.wait()
        for signal, wait_s in (("SIGTERM", grace_s), ("SIGKILL", LONGEST_PAUSE_S)):
            if handle.done.is_set() or handle.container_id is None:
                return
            # it may end by itself in this very moment
            with contextlib.suppress(*_TROUBLE):
                self._api().kill(handle.container_id, signal)
            handle.done.wait(wait_s)

    def remove_leftovers(self) -> int:
        """Removes every container of this lane, running or not; returns how many. 0 without a Docker engine."""
        try:
            api = self._api()
            found = api.containers(all=True, filters={"label": f"{FOLDER_LABEL}={self._context.lane_folder}"})
        except _TROUBLE as error:
            logger.warning("no containers are removed: %s", error)
            return 0
        if found:
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(lambda one: self._remove(api, one["Id"]), found))
        return len(found)

    def close(self) -> None:
        self.remove_leftovers()

    @staticmethod
    def _remove(api: Any, container_id: str) -> None:
        try:
            api.remove_container(container_id, force=True, v=True)
        except docker.errors.APIError as error:
            # gone, or on its way: another thread removes it
            if error.status_code not in (404, 409):
                logger.warning("container %s stays: %s", container_id[:12], error)
        except _TROUBLE as error:
            logger.warning("container %s stays: %s", container_id[:12], error)


def _not_started(reason: str | None) -> Outcome:
    return Outcome(exit_code=None, reason=reason, status_reason=FAILED_TO_START)


def _words(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)


def _pauses() -> Iterator[float]:
    pause_s = 0.2
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
