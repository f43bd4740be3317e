"""boto3 clients of the emulator's own endpoint: the services call each other as anybody else would, validation
included."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config


class Clients:
    """One client per service, made when first asked for; boto3's clients may be shared between threads."""

    def __init__(self, *, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                # A session of our own: boto3's default session isn't made for threads. Retries are the callers'
                # business.
                session: Any = boto3.session.Session(
                    aws_access_key_id="test", aws_secret_access_key="test", region_name=self._region
                )
                config = Config(
                    retries={"total_max_attempts": 1},
                    max_pool_connections=32,
                    connect_timeout=10,
                    read_timeout=60,
                    s3={"addressing_style": "path"},
                )
                self._clients[service] = session.client(service, endpoint_url=self._endpoint, config=config)
            return self._clients[service]
