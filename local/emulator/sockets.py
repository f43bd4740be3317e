"""The emulator's sockets: this machine's loopback and the Docker bridge, one port, never every interface."""

from __future__ import annotations

import socket
from contextlib import suppress

import docker
import docker.errors
import requests

# Under a burst of uploads hundreds of containers connect within a second. A full backlog drops their SYN, and the
# kernel tries again after 1, 3, 7, 15 … seconds, which looks like a job that hangs.
BACKLOG = 4096
TRIES = 50


def bridge_address() -> str:
    """This machine's address on Docker's default bridge, "" where no Docker engine answers."""
    try:
        client = docker.from_env(timeout=10)
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return ""
    try:
        network = client.networks.get("bridge")
        configurations = network.attrs.get("IPAM", {}).get("Config") or []
        for configuration in configurations:
            gateway = str(configuration.get("Gateway", ""))
            if gateway.count(".") == 3:
                return gateway
        options = network.attrs.get("Options") or {}
        return _interface_address(str(options.get("com.docker.network.bridge.name", "docker0")))
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return ""
    finally:
        client.close()


def _interface_address(interface: str) -> str:
    """The IPv4 address of a network interface of this machine (Linux), "" if it has none."""
    import fcntl
    import struct

    get_address_request = 0x8915  # SIOCGIFADDR of linux/sockios.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        packed = fcntl.ioctl(probe.fileno(), get_address_request, struct.pack("256s", interface.encode()[:15]))
        return socket.inet_ntoa(packed[20:24])
    return ""


def open_sockets(hosts: list[str], port: int = 0) -> tuple[list[socket.socket], int]:
    """Sockets bound to one port on every host, the first of which must be this machine's loopback.

    `port` 0 means any port free on all of them. A host this machine doesn't have is left out (Docker Desktop's
    bridge lives in a virtual machine). Raises OSError naming host and port when the port is taken.
    """
    for _ in range(TRIES if port == 0 else 1):
        first = _bind(hosts[0], port)
        chosen = int(first.getsockname()[1])
        sockets = [first]
        try:
            for host in hosts[1:]:
                if _is_ours(host):
                    sockets.append(_bind(host, chosen))
        except OSError:
            for bound in sockets:
                bound.close()
            if port != 0:
                raise
            continue
        return sockets, chosen
    raise OSError(f"emulator: no port is free on all of {', '.join(hosts)}; stop what holds them and start again")


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(
            error.errno, f"emulator: port {port} of {host} is taken; choose another, or stop what holds it"
        ) from error
    return bound


def _is_ours(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
