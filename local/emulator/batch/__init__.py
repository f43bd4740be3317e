"""AWS Batch on a laptop: real scheduling, real containers, real ends. `install` puts it into moto's registry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from moto.batch import urls as moto_urls
from moto.batch.models import batch_backends

from local.emulator.batch.containers import ContainerRunner
from local.emulator.batch.logs import LogShipper
from local.emulator.batch.models import BatchyardBatchBackend, Setup
from local.emulator.batch.responses import BatchyardBatchResponse
from local.emulator.batch.running import Runner
from local.emulator.batch.state_events import Publish, publish_to_eventbridge
from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.substitute import Substitutions

logger = logging.getLogger(__name__)


class BatchService:
    """The installed service. `close` ends every job's container and gives moto its own backend back."""

    def __init__(self, substitutions: Substitutions, runner: Runner, shipper: LogShipper | None) -> None:
        self._substitutions = substitutions
        self._runner = runner
        self._shipper = shipper

    def close(self) -> None:
        for _, _, backend in list(batch_backends.iter_backends()):
            if isinstance(backend, BatchyardBatchBackend):
                backend.close()
        self._runner.close()
        if self._shipper is not None:
            self._shipper.close()
        self._substitutions.undo()


def install(
    context: EmulatorContext,
    *,
    runner: Runner | None = None,
    publish: Publish = publish_to_eventbridge,
    wall_s: Callable[[], float] = time.time,
) -> BatchService:
    """Makes moto's Batch ours. Containers an earlier emulator of this lane left behind are removed.

    Without a `runner`, jobs are containers of the machine's Docker engine. `wall_s` gives seconds of the epoch.
    """
    shipper: LogShipper | None = None
    if runner is None:
        clients = Clients(endpoint=context.endpoint, region=context.region)
        shipper = LogShipper(lambda: clients("logs"))
        containers = ContainerRunner(context, shipper, clients)
        left = containers.remove_leftovers()
        if left:
            logger.info("removed %d containers an earlier emulator left behind", left)
        runner = containers
    substitutions = Substitutions()
    substitutions.attribute(Setup, "context", context)
    substitutions.attribute(Setup, "runner", runner)
    substitutions.attribute(Setup, "publish", staticmethod(publish))
    substitutions.attribute(Setup, "wall_s", staticmethod(wall_s))
    substitutions.attribute(moto_urls, "url_paths", dict.fromkeys(moto_urls.url_paths, BatchyardBatchResponse.dispatch))
    substitutions.backend(batch_backends, BatchyardBatchBackend)
    return BatchService(substitutions, runner, shipper)
