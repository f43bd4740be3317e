"""What a resource type's functions get beside their properties: clients, names, waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from local.providers.framework.configuration import Clients
from local.providers.framework.errors import ProviderError
from local.providers.framework.values import Properties

Answer = TypeVar("Answer")

_HEX_LENGTH = 26  # of Terraform's unique ids: 18 digits of time and 8 of a counter


class Context:
    """One operation on one resource, or one invoke."""

    def __init__(
        self,
        clients: Clients | None,
        *,
        name: str = "",
        region: str | None = None,
        timeout_s: float | None = None,
        cancelled: threading.Event | None = None,
        changed: frozenset[str] = frozenset(),
        old_inputs: Mapping[str, Any] | None = None,
        preview: bool = False,
    ) -> None:
        self._clients = clients
        self._region = region
        self.name = name
        """The resource's logical name."""
        self.timeout_s = timeout_s
        """The program's `customTimeouts` for this operation, in seconds; None where it says nothing."""
        self.cancelled = cancelled or threading.Event()
        self.changed = changed
        """In update: the top-level properties that differ."""
        self.old_inputs: Properties = dict(old_inputs or {})
        self.preview = preview
        self.created_id: str | None = None
        self.results: Properties = {}
        """What create or update learnt and `read` of the same operation may answer."""

    def client(self, service: str) -> Any:
        """The botocore client of a service (its botocore name) in this resource's region."""
        return self._the_clients().client(service, self._region)

    def _the_clients(self) -> Clients:
        if self._clients is None:
            raise ProviderError("this provider has no AWS configuration")
        return self._clients

    @property
    def region(self) -> str:
        return self._region or self._the_clients().configuration.region

    @property
    def account(self) -> str:
        return self._the_clients().account

    @property
    def partition(self) -> str:
        """`aws`, or the partition of China's and the government's regions."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def default_tags(self) -> Mapping[str, str]:
        return self._the_clients().configuration.default_tags

    def created(self, resource_id: str) -> None:
        """From here on the object exists: a later failure keeps it in the state, and the next `up` completes it."""
        self.created_id = resource_id

    def wait(
        self, what: str, probe: Callable[[], Answer | None], *, timeout_s: float = 600.0, every_s: float = 0.2
    ) -> Answer:
        """Ask `probe` until it answers something. Errors: ProviderError that names `what` after the timeout."""
        allowed_s = self.timeout_s or timeout_s
        deadline = time.monotonic() + allowed_s
        pause_s = min(every_s, 0.05)
        while True:
            answer = probe()
            if answer is not None:
                return answer
            if time.monotonic() >= deadline:
                raise ProviderError(f"timeout while waiting for {what} (timeout: {allowed_s:g}s)")
            if self.cancelled.wait(pause_s):
                raise ProviderError(f"cancelled while waiting for {what}")
            pause_s = min(pause_s * 1.5, max(every_s, 1.0))

    def unique_name(self, prefix: str = "terraform-") -> str:
        """A name made from a prefix, as `namePrefix` asks for: prefix and 26 digits of time."""
        return f"{prefix}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{time.time_ns() % 10**12:0{_HEX_LENGTH - 14}d}"

    def physical_name(self, inputs: Mapping[str, Any], property_name: str = "name") -> str:
        """The name to create an object with: the one given or made by check, or one from `namePrefix`."""
        given = inputs.get(property_name)
        return str(given) if given else self.unique_name(str(inputs.get(f"{property_name}Prefix") or "terraform-"))


def name_prefix(name: str) -> str:
    """The `namePrefix` output of a name: what stands before 26 digits of time, "" when it isn't of that shape."""
    tail = name[-_HEX_LENGTH:]
    return name[:-_HEX_LENGTH] if len(tail) == _HEX_LENGTH and tail[:14].isdigit() and tail.isalnum() else ""
