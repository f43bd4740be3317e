"""Fixtures and guards for every test: no real account, Ctrl-C that works, lanes that are removed again."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from local.home import Home
from local.lane import Lane

# shells of some CI systems start background commands with SIGINT ignored, nohup ignores SIGHUP, and children inherit
# that: tests that interrupt the engine or send a job its signals, and Ctrl-C itself, would do nothing
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# the same examples at every run: what passed once passes again, on a machine of any speed. To look for new ones:
# pytest --hypothesis-profile=search
settings.register_profile("search", deadline=None)
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

TEST_SECOND_SCALE = 0.05
# for a test with the real engine or containers, on a machine that is busy with other things
REAL_TIMEOUT_S = 900
_GUARD = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write golden files anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported or collected: the environment holds no way into a real account."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "PULUMI_")) and name != "AWS_CA_BUNDLE":
            del os.environ[name]
    os.environ.update(_GUARD)
    resolve = socket.getaddrinfo

    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith((".amazonaws.com", ".aws.dev", ".pulumi.com")):
            raise OSError(f"{name}: a test asked for a real service; give its client the lane's endpoint")
        return resolve(host, *arguments, **options)

    socket.getaddrinfo = guarded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests go first. A test that fails is run again once, which the summary shows.

    Threads, processes and sockets are in unit tests too, and a machine that stands still for some seconds isn't a
    defect; what is wrong fails twice.
    """
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1))
        kind = _kind(item)
        if kind:
            item.add_marker(kind)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(REAL_TIMEOUT_S))
    items.sort(key=lambda item: ("", "engine", "e2e").index(_kind(item)))


def _kind(item: pytest.Item) -> str:
    """Returns `engine`, `e2e` or nothing by the folder the test lies in."""
    folders = item.path.relative_to(item.config.rootpath).parts[:2]
    return folders[1] if folders[0] == "tests" and folders[1] in ("engine", "e2e") else ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names every test that needed a second run, and why, so that none hides behind it."""
    rerun = terminalreporter.stats.get("rerun", [])
    if rerun:
        terminalreporter.section("run again")
        for report in sorted(rerun, key=lambda report: str(report.nodeid)):
            terminalreporter.line(f"{report.nodeid} failed once and was run again")
            terminalreporter.line(report.longreprtext)


@pytest.fixture(scope="session")
def home() -> Home:
    """The home set-up made: engine, plugins, base image. Tests write only into lanes of their own in it."""
    return Home.default()


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Any]:
    """The Docker SDK's client of a running engine; the test fails with the remedy when there is none."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException as problem:
        pytest.fail(f"no Docker engine answers ({problem}); run `make setup`")
    yield client
    client.close()


@pytest.fixture(scope="session")
def make_lane(home: Home) -> Iterator[Callable[..., Lane]]:
    """Makes started lanes, each an account of its own, for tests that stop, kill or fill one.

    They are removed when the session ends; a test may `lane.remove()` its own earlier.
    """
    with contextlib.ExitStack() as cleanup:

        def make(*, second_scale: float = TEST_SECOND_SCALE, start: bool = True) -> Lane:
            lane = Lane(home=home, name=f"test-{secrets.token_hex(4)}", second_scale=second_scale)
            cleanup.callback(lane.remove)
            if start:
                lane.start()
            return lane

        yield make


@pytest.fixture(scope="session")
def lane(docker_engine: Any, make_lane: Callable[..., Lane]) -> Lane:
    """The lane all tests of the session share: use names of your own in it, leave nothing others stumble over."""
    return make_lane()
