"""The emulator's services in this process, and the aws stand-in's plugin configured for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.emulator import batch, events, firehose, functions, logs, pipes, s3, scheduler
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import client, serving
from tests.unit.local.providers.aws.plugin import Plugin


class NoContainers:
    """A Batch runner for tests that submit no job."""

    def run(self, plan: Any, handle: Any, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Any:
        raise AssertionError(f"no test here runs a job, {plan} was to be run")

    def stop(self, handle: Any, grace_s: float) -> None:
        raise AssertionError(f"no test here runs a job, {handle} was to be stopped")

    def close(self) -> None:
        return


def _install_batch(context: EmulatorContext) -> Any:
    return batch.install(context, runner=NoContainers())


def _install_functions(context: EmulatorContext) -> Any:
    return functions.install(context, runner=NoContainers())


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    """The lane's services on a free port; tests use names of their own in it."""
    installers = (
        s3.install,
        events.install,
        scheduler.install,
        logs.install,
        firehose.install,
        _install_batch,
        _install_functions,
        pipes.install,
    )
    with serving(tmp_path_factory.mktemp("lane"), installers, registry="localhost:5999") as (context, _):
        yield context


@pytest.fixture(scope="module")
def plugin(emulator: EmulatorContext) -> Plugin:
    """The aws plugin, configured for the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
        return Plugin()


@pytest.fixture
def service(emulator: EmulatorContext) -> Callable[[str], Any]:
    """boto3 clients of the emulator, by service."""
    return lambda name: client(emulator, name)
