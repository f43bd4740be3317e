from __future__ import annotations

import socket

from local.ports import answers, free_port, is_free, preferred_port


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    assert is_free(port)
    assert not answers(port)


def test_a_taken_port_is_told_and_avoided() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert answers(port)
        assert preferred_port(port) != port


def test_yesterdays_port_is_kept_while_it_is_free() -> None:
    port = free_port()
    assert preferred_port(port) == port
