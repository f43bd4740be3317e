"""moto's WSGI application, made safe for many threads.

moto's backends are plain dictionaries without locks; its threaded server is not safe under load. Here every service
has one lock, held while one of its requests is answered. Services in `OWN_LOCKS` are left to themselves: ours
lock finer, and SQS's long poll would keep its queue's sender out for the time it waits.
"""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

OWN_LOCKS = frozenset({"batch", "sqs", "moto_api"})

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class _Dispatcher(DomainDispatcherApplication):
    """Remembers which service a host is: moto lists its own folder and tries all its patterns with every request."""

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._service_of = functools.lru_cache(maxsize=1024)(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        return self._service_of(host)


class Application:
    """WSGI: routes to moto's service, one request of a service at a time."""

    def __init__(self) -> None:
        self._dispatcher = _Dispatcher(create_backend_app)
        self._locks: dict[str, threading.RLock] = {}
        self._locks_lock = threading.Lock()

    def lock_of(self, service: str) -> threading.RLock | None:
        """The lock of a service by moto's name (`s3`, `sns`), None for those that hold their own."""
        if service in OWN_LOCKS:
            return None
        with self._locks_lock:
            return self._locks.setdefault(service, threading.RLock())

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # moto takes S3 keys from the path as it was sent (encoded slashes and plus signs); this is its name for that
        if "REQUEST_URI" in environ:
            environ.setdefault("RAW_URI", environ["REQUEST_URI"])
        try:
            flask_app = self._dispatcher.get_application(environ)
            service = str(getattr(flask_app, "service", ""))
            if service == "s3" and environ["REQUEST_METHOD"] == "PUT":
                _keep_body(environ)
            lock = self.lock_of(service)
            if lock is None:
                return list(flask_app(environ, start_response))
            with lock:
                return list(flask_app(environ, start_response))
        except Exception as error:
            logger.exception("%s %s failed", environ.get("REQUEST_METHOD"), environ.get("RAW_URI"))
            body = json.dumps({"__type": "InternalFailure", "message": f"the emulator failed: {error!r}"}).encode()
            start_response(
                "500 Internal Server Error",
                [("Content-Type", "application/json"), ("x-amzn-errortype", "InternalFailure")],
            )
            return [body]


def _keep_body(environ: Environ) -> None:
    """An object sent as a form's type (curl and urllib do that by default) would be parsed as one, and stored empty."""
    if environ.get("CONTENT_TYPE", "").startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        environ["CONTENT_TYPE"] = "binary/octet-stream"
