"""A moto server with our services in it, for tests: no Docker, a free port, everything undone at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from moto.core.base_backend import BackendDict
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends

from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock

REGION = "us-east-1"
ACCOUNT = "123456789012"
VERSION = "2012-10-17"
# for a busy machine; what is there sooner waits for nothing
PATIENCE_S = 240.0


@contextmanager
def serving(
    folder: Path,
    installers: Sequence[Callable[[EmulatorContext], Any]],
    *,
    second_scale: float = 0.05,
    registry: str = "",
) -> Iterator[tuple[EmulatorContext, list[Any]]]:
    """moto listening on a free port with these services installed; yields the context and the services."""
    forget_everything()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    context = EmulatorContext(
        lane_folder=folder,
        lane="test",
        endpoint=endpoint,
        container_endpoint=endpoint,
        registry=registry,
        second_scale=second_scale,
        stopping=threading.Event(),
    )
    services: list[Any] = []
    try:
        for install in installers:
            services.append(install(context))
        yield context, services
    finally:
        context.stopping.set()
        for service in reversed(services):
            service.close()
        server.stop()
        forget_everything()


def forget_everything() -> None:
    """Empties every service: the next test finds an emulator as new, on the same server.

    moto's own reset builds every backend anew before it drops it; EC2's reads 1,300 machine images each time.
    """
    for backends in s3_backends.values():
        backends.reset()
    s3_backends.bucket_accounts.clear()
    used: list[BackendDict[Any]] = vars(BackendDict)["_instances"]
    for registry in list(used):
        registry.clear()
    used.clear()


def client(context: EmulatorContext, service: str) -> Any:
    return _client(context.endpoint, service)


@lru_cache(maxsize=64)
def _client(endpoint: str, service: str) -> Any:
    session: Any = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return session.client(service, endpoint_url=endpoint)


def eventually(what: str, look: Callable[[], Any]) -> Any:
    """What `look` gives once it gives something true; fails with `what` after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}"
        pause.wait(0.02)
    return found


@contextmanager
def stopped(clock: EmulatedClock) -> Iterator[datetime]:
    """The clock stands still, so that a slow machine can't miss a time that is about to come; yields what it shows."""
    stopped_s = clock._monotonic()
    clock._monotonic = lambda: stopped_s
    try:
        yield clock.now().replace(microsecond=0)
    finally:
        lost_s = time.monotonic() - stopped_s
        clock._monotonic = lambda: time.monotonic() - lost_s


def make_role(
    context: EmulatorContext, name: str, *, service: str, actions: Sequence[str], resources: Sequence[str]
) -> str:
    """A role that trusts `service` and may do `actions` on `resources`; its ARN."""
    iam = client(context, "iam")
    trust = {
        "Version": VERSION,
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    allowed = {
        "Version": VERSION,
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=json.dumps(allowed))
    return str(arn)


def make_writer(context: EmulatorContext, *buckets: str) -> str:
    """The role of a Firehose stream that writes to these buckets; its ARN."""
    resources = [f"arn:aws:s3:::{bucket}/*" for bucket in buckets]
    return make_role(
        context, "firehose", service="firehose.amazonaws.com", actions=["s3:PutObject"], resources=resources
    )


def make_queue(context: EmulatorContext, name: str, *, service: str = "events.amazonaws.com") -> tuple[str, str]:
    """A queue `service` may send to; its URL and ARN."""
    sqs = client(context, "sqs")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": VERSION, "Statement": [statement]})
    return sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"], arn


def messages(context: EmulatorContext, url: str) -> list[dict[str, Any]]:
    """Takes up to ten messages off a queue."""
    sqs = client(context, "sqs")
    taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
    for message in taken:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return list(taken)
