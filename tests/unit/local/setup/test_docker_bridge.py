"""A bridge whose address comes and goes with its containers is found."""

from __future__ import annotations

from pathlib import Path

from local.setup.docker_bridge import BRIDGE, borrowed_address


def _devices(folder: Path, assigned: str) -> Path:
    bridge = folder / BRIDGE
    bridge.mkdir()
    (bridge / "addr_assign_type").write_text(f"{assigned}\n")
    (bridge / "address").write_text("ea:19:d1:e7:73:77\n")
    return folder


def test_a_bridge_with_an_address_of_its_own_is_fine(tmp_path: Path) -> None:
    assert borrowed_address(_devices(tmp_path, "3")) is None


def test_a_bridge_that_borrows_its_containers_address_is_told_with_it(tmp_path: Path) -> None:
    assert borrowed_address(_devices(tmp_path, "1")) == "ea:19:d1:e7:73:77"


def test_a_machine_without_the_bridge_has_no_such_problem(tmp_path: Path) -> None:
    assert borrowed_address(tmp_path) is None
