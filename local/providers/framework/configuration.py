"""A provider's configuration, and the clients made from it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.providers.framework.errors import ProviderError

_SERVICE_OF_ENDPOINT = {"eventbridge": "events", "cloudwatchevents": "events", "kinesisfirehose": "firehose"}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What `Configure` was given. Endpoints are by botocore's service name; `endpoint` is for all others."""

    region: str
    endpoint: str | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    default_tags: Mapping[str, Any] = field(default_factory=dict)
    ignored_tags: frozenset[str] = frozenset()
    ignored_tag_prefixes: tuple[str, ...] = ()
    access_key: str | None = None
    secret_key: str | None = None
    token: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Configuration:
        """From provider inputs (values as they are, or JSON text of objects) and the environment.

        Errors: ProviderError without a region, and without an emulator's endpoint: the stand-in never talks to AWS.
        """
        values = {key: _parsed(value) for key, value in given.items()}
        region = values.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            raise ProviderError(
                "aws:region is missing: set it with `pulumi config set aws:region us-east-1` or the variable AWS_REGION"
            )
        endpoints: dict[str, str] = {}
        for block in _blocks(values.get("endpoints")):
            endpoints |= {_SERVICE_OF_ENDPOINT.get(key, key): str(url) for key, url in block.items() if url}
        endpoint = environment.get("AWS_ENDPOINT_URL") or None
        if endpoint is None and not endpoints:
            raise ProviderError(
                "AWS_ENDPOINT_URL is missing: this stand-in for the aws plugin talks to Batchyard's emulator only; "
                "run `source .batchyard/env` for the laptop's stage; a real account needs the official plugin "
                "(`pulumi plugin install resource aws`)"
            )
        [defaults] = _blocks(values.get("defaultTags")) or [{}]
        [ignored] = _blocks(values.get("ignoreTags")) or [{}]
        return cls(
            region=str(region),
            endpoint=endpoint,
            endpoints=endpoints,
            default_tags=dict(defaults.get("tags") or {}),
            ignored_tags=frozenset(ignored.get("keys") or ()),
            ignored_tag_prefixes=tuple(ignored.get("keyPrefixes") or ()),
            access_key=values.get("accessKey") or None,
            secret_key=values.get("secretKey") or None,
            token=values.get("token") or None,
        )

    def ignores_tag(self, key: str) -> bool:
        """Whether `ignoreTags` names this key."""
        return key in self.ignored_tags or key.startswith(self.ignored_tag_prefixes or ("\0",))


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _blocks(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [block for block in value if isinstance(block, dict)]
    return [value] if isinstance(value, dict) else []


class Clients:
    """botocore clients, one a service and region, made when first asked for: loading them is what costs time."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._made: dict[tuple[str, str], Any] = {}
        self._making = threading.Lock()  # sessions aren't thread-safe while they load a service's model
        self._session: Any = None
        self._account: str | None = None

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service (botocore's name of it) in `region`, or in the provider's."""
        key = (service, region or self.configuration.region)
        made = self._made.get(key)
        if made is not None:
            return made
        with self._making:
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def warm_up(self) -> None:
        """Load botocore beside the start of the person's program, which may ask for something first thing."""
        threading.Thread(target=self.client, args=("sts",), name="warm-up", daemon=True).start()

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config
        from botocore.session import get_session

        if self._session is None:
            self._session = get_session()
        configuration = self.configuration
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=configuration.endpoints.get(service, configuration.endpoint),
            aws_access_key_id=configuration.access_key or os.environ.get("AWS_ACCESS_KEY_ID", "test"),
            aws_secret_access_key=configuration.secret_key or os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
            aws_session_token=configuration.token or os.environ.get("AWS_SESSION_TOKEN"),
            config=Config(
                retries={"max_attempts": 5, "mode": "standard"},
                s3={"addressing_style": "path"},
                max_pool_connections=40,
                connect_timeout=10,
                read_timeout=120,
            ),
        )

    @property
    def account(self) -> str:
        """The account's number; asked for once."""
        if self._account is None:
            self._account = str(self.client("sts").get_caller_identity()["Account"])
        return self._account
