"""Lambda's runtime API for one execution environment: gives its container an event at a time, and takes the answers.

Paths, headers and answers are those of the Lambda Developer Guide (runtimes-api).
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "/2018-06-01/runtime/"
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Event:
    """One try of one event."""

    request_id: str
    payload: str
    function_arn: str
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the runtime said of an event."""

    failed: bool
    payload: Any


class RuntimeApi:
    """Listens on a port of its own until `close`."""

    def __init__(self, host: str) -> None:
        self._changed = threading.Condition()
        self._offered: Event | None = None
        self._current: Event | None = None
        self._taken_s: float | None = None
        self._answer: Answer | None = None
        self._closed = False
        # when the runtime first asked, on the monotonic clock: its start is over then
        self.ready_s: float | None = None
        self._server = _server(host, self)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name=f"runtime-api-{self.port}", daemon=True).start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    # asked by the emulator

    def offer(self, event: Event) -> None:
        """The next event that the runtime gets."""
        with self._changed:
            self._offered, self._current, self._taken_s, self._answer = event, None, None, None
            self._changed.notify_all()

    def await_answer(self, *, ended: Callable[[], bool]) -> Answer | None:
        """The answer to the event; None when it took longer than it may, or the container ended before."""
        with self._changed:
            while self._answer is None:
                gone = ended()
                taken_s, event = self._taken_s, self._current
                left_s = LOOK_EVERY_S
                if taken_s is not None and event is not None:
                    left_s = taken_s + event.timeout_s - time.monotonic()
                if gone or left_s <= 0 or self._closed:
                    return None
                self._changed.wait(min(left_s, LOOK_EVERY_S))
            return self._answer

    def wake(self) -> None:
        """Something happened to the container."""
        with self._changed:
            self._changed.notify_all()

    @property
    def taken_s(self) -> float | None:
        """When the runtime took the event, on the monotonic clock."""
        return self._taken_s

    # asked by the container

    def next(self) -> tuple[Event, int] | None:
        """The next event with its deadline in milliseconds since 1970; waits for it. None when nothing comes."""
        with self._changed:
            self.ready_s = self.ready_s or time.monotonic()
            while self._offered is None and not self._closed:
                self._changed.wait()
            if self._offered is None:
                return None
            event, self._offered = self._offered, None
            self._current, self._taken_s = event, time.monotonic()
            self._changed.notify_all()
            return event, int((time.time() + event.timeout_s) * 1000)

    def answered(self, request_id: str, answer: Answer) -> bool:
        """Whether the answer belongs to the event under way."""
        with self._changed:
            if self._current is None or self._current.request_id != request_id:
                return False
            self._answer = answer
            self._changed.notify_all()
            return True


def _server(host: str, api: RuntimeApi) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != f"{PREFIX}invocation/next":
                self._reply(404, {"errorType": "InvalidPath", "errorMessage": self.path})
                return
            found = api.next()
            if found is None:
                self.close_connection = True
                return
            event, deadline_ms = found
            headers = {
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            }
            self._send(200, event.payload.encode(), headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = self.path.removeprefix(PREFIX).split("/")
            if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in ("response", "error"):
                self._reply(404, {"errorType": "InvalidPath", "errorMessage": self.path})
                return
            payload: Any = None
            with contextlib.suppress(ValueError):
                payload = json.loads(body or b"null")
            if api.answered(parts[1], Answer(failed=parts[2] == "error", payload=payload)):
                self._reply(202, {"status": "OK"})
            else:
                self._reply(400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})

        def _reply(self, status: int, body: dict[str, str]) -> None:
            self._send(status, json.dumps(body).encode(), {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            # the container may have been ended while it waited
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json"}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nobody reads these."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    return server
