"""Docker's bridge and its address on the wire.

Docker gives its bridge a hardware address of its own. A bridge that somebody made by hand without one borrows the
lowest address of the containers on it: whenever a container comes or goes it may change, and what other containers send
to the old address is lost until they ask again, about half a minute later. Jobs then time out connecting, now and then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

BRIDGE: Final = "docker0"
_NETWORK_DEVICES: Final = Path("/sys/class/net")
_SET_BY_HAND: Final = "3"
"""NET_ADDR_SET of linux/netdevice.h: the address was given, so the kernel leaves it alone."""


def borrowed_address(devices: Path = _NETWORK_DEVICES) -> str | None:
    """The bridge's present address when it is only borrowed; None when it is its own, or there is no such bridge."""
    bridge = devices / BRIDGE
    try:
        if (bridge / "addr_assign_type").read_text(encoding="ascii").strip() == _SET_BY_HAND:
            return None
        return (bridge / "address").read_text(encoding="ascii").strip()
    except OSError:
        return None
