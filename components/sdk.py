"""What the SDK costs a program of many resources, and how a stage pays less of it."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator
from typing import Final

import pulumi.log

LARGE_MODULES: Final = (
    *(f"pulumi_aws.{service}._inputs" for service in ("ec2", "kinesis", "cloudwatch", "s3", "iam", "batch")),
    "pulumi_aws.ec2.outputs",
    "pulumi_aws.kinesis.outputs",
    "pulumi_docker.image",
)
"""What takes longest to read of what a stage uses."""
DEBUG_VARIABLE: Final = "BATCHYARD_SDK_DEBUG"


def quiet_sdk() -> None:
    """Keeps the SDK's debug messages to itself, unless BATCHYARD_SDK_DEBUG is set.

    It sends the engine five of them for each resource, and waits for each to arrive: a tenth of a whole preview. The
    engine shows them with `--debug` only.
    """
    if not os.environ.get(DEBUG_VARIABLE):
        pulumi.log.debug = _say_nothing


def _say_nothing(*_: object, **__: object) -> None:
    pass


@contextlib.contextmanager
def loading_sdk() -> Iterator[None]:
    """Loads the SDK's large modules in a thread while the body waits for AWS's first answers.

    All is loaded at its end: no two threads import at once afterwards.
    """
    loader = threading.Thread(target=_load, name="sdk-loader", daemon=True)
    loader.start()
    try:
        yield
    finally:
        loader.join()


def _load() -> None:
    for name in LARGE_MODULES:
        # a module that can't be loaded says so where it is used
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
