"""Serves one lane: installs the services into moto, listens, and ends them in the opposite order."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import close_all

from local.emulator.context import CONTAINER_HOST, EmulatorContext, Service
from local.emulator.request_parser import use_request_parser
from local.emulator.sockets import BACKLOG, bridge_address, open_sockets

# in this order; what publishes comes after what it publishes to, and what watches Batch before it
SERVICES = (
    "gaps",
    "ecr",
    "s3",
    "sns",
    "events",
    "scheduler",
    "firehose",
    "logs",
    "ecs",
    "cost_explorer",
    "price_list",
    "redshift_data",
    "batch",
    "functions",
    "pipes",
)
# requests wait on locks and long polls, and services call one another through here: never let that use up all threads
REQUEST_THREADS = 256
MAX_CONNECTIONS = 8000
# a thread that comes back from a socket waits so long for the others: at Python's 5 ms a burst is half as fast
SWITCH_S = 0.0005

logger = logging.getLogger(__name__)


class EmulatorServer:
    """moto with the lane's services, listening. `start()` returns when requests are answered; `close()` ends it all."""

    def __init__(
        self,
        lane_folder: Path,
        *,
        registry: str,
        second_scale: float = 1.0,
        region: str = "us-east-1",
        port: int = 0,
        services: Sequence[str] = SERVICES,
    ) -> None:
        lane_folder.mkdir(parents=True, exist_ok=True)
        self._service_names = services
        self._services: list[tuple[str, Service]] = []
        self._thread: threading.Thread | None = None
        # waitress's own table of listening and open sockets; its loop ends when it is empty
        self._connections: dict[int, Any] = {}
        gateway = bridge_address()
        hosts = ["127.0.0.1", gateway] if gateway else ["127.0.0.1"]
        self._sockets: list[socket.socket]
        self._sockets, self.port = open_sockets(hosts, port)
        self.instance_id = uuid.uuid4().hex
        self.context = EmulatorContext(
            lane_folder=lane_folder,
            lane=lane_folder.name,
            endpoint=f"http://127.0.0.1:{self.port}",
            container_endpoint=f"http://{CONTAINER_HOST}:{self.port}",
            bridge_address=gateway,
            registry=registry,
            region=region,
            second_scale=second_scale,
        )

    def start(self) -> None:
        """Installs the services and listens. Raises what a service's `install` raises, with everything closed again."""
        from local.emulator.application import Application

        try:
            for name in self._service_names:
                self._services.append((name, _installer(name)(self.context)))
                logger.info("installed %s", name)
        except BaseException:
            self._close_services()
            for bound in self._sockets:
                bound.close()
            raise
        use_request_parser()
        self._http = create_server(
            Application(),
            map=self._connections,
            sockets=self._sockets,
            threads=REQUEST_THREADS,
            backlog=BACKLOG,
            connection_limit=MAX_CONNECTIONS,
            asyncore_use_poll=True,
            channel_timeout=600,
            max_request_body_size=5 * 1024**3,
            inbuf_overflow=16 * 1024**2,
            outbuf_overflow=64 * 1024**2,
            recv_bytes=262_144,
            ident="batchyard",
            # S3 metadata may hold any header; nothing here sits behind a proxy
            clear_untrusted_proxy_headers=False,
        )
        self._thread = threading.Thread(target=self._serve, name="emulator-http", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._http.run()
        except OSError:
            # the sockets are closed under the loop when the emulator ends
            if not self.context.stopping.is_set():
                logger.exception("the HTTP loop ended")

    def close(self) -> None:
        """Ends the services in the opposite order, then stops listening. Containers of the lane are gone after it."""
        self.context.stopping.set()
        self._close_services()
        if self._thread is not None:
            self._http.task_dispatcher.shutdown()
            close_all(self._connections, ignore_all=True)
            self._thread.join(timeout=5)
        for bound in self._sockets:
            bound.close()

    def _close_services(self) -> None:
        for name, service in reversed(self._services):
            try:
                service.close()
            except Exception:
                logger.exception("closing %s failed", name)
        self._services.clear()


def _installer(name: str) -> Callable[[EmulatorContext], Service]:
    """A service's `install`."""
    install: Callable[[EmulatorContext], Service] = importlib.import_module(f"local.emulator.{name}").install
    return install


def _prepare_moto(port: int) -> None:
    """What moto reads from the process's environment; set before it is imported."""
    os.environ["MOTO_PORT"] = str(port)
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    # roles attach AWS's own policies
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    # the endpoint's host is an address: buckets come in the path, never as a subdomain
    os.environ.setdefault("S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true")
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)


def _write_ready_file(path: Path, server: EmulatorServer) -> None:
    facts = {
        "pid": os.getpid(),
        "port": server.port,
        "endpoint": server.context.endpoint,
        "registry": server.context.registry,
        "instance_id": server.instance_id,
    }
    # whole or not at all: whoever waits for it reads it at once
    part = path.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; 0 then, 1 with one sentence on stderr if it can't start."""
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description=__doc__)
    parser.add_argument("--lane", type=Path, required=True, help="folder of the lane; its name is the lane's")
    parser.add_argument("--registry", required=True, help="localhost:<port> of the registry behind ECR")
    parser.add_argument("--second-scale", type=float, default=1.0, help="real seconds per emulated second")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    options = parser.parse_args(arguments)
    if options.second_scale <= 0:
        parser.error(f"--second-scale is {options.second_scale}; it must be above 0")

    lane_folder: Path = options.lane.resolve()
    lane_folder.mkdir(parents=True, exist_ok=True)
    _log_to(lane_folder / "emulator.log")
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)

    sys.setswitchinterval(SWITCH_S)
    ready_file = lane_folder / "emulator.json"
    ready_file.unlink(missing_ok=True)
    try:
        server = EmulatorServer(
            lane_folder,
            registry=options.registry,
            second_scale=options.second_scale,
            region=options.region,
            port=options.port,
        )
        _prepare_moto(server.port)
        server.start()
    except Exception as error:
        logger.exception("the emulator can't start")
        sys.stderr.write(f"the emulator can't start: {error}; see {lane_folder / 'emulator.log'}\n")
        return 1
    _write_ready_file(ready_file, server)
    logger.info("ready on %s, instance %s", server.context.endpoint, server.instance_id)
    stop.wait()
    logger.info("stopping")
    ready_file.unlink(missing_ok=True)
    server.close()
    logger.info("stopped")
    logging.shutdown()
    return 0


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # one line a request of every container would drown what matters
    for noisy in ("werkzeug", "botocore", "urllib3", "docker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
