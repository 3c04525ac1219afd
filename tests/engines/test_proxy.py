"""The proxy of the chaos tests: it forwards, cuts after so many octets, and holds back."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from engines.chaos.proxy import Proxy, Way

PATIENCE = 60.0


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(ConnectionResetError):
                while octets := connection.recv(4_096):
                    connection.sendall(octets)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as proxy:
        yield proxy


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)


def read(client: socket.socket) -> bytes:
    """Until the connection ends, however it ends."""
    found = b""
    try:
        while octets := client.recv(4_096):
            found += octets
    except ConnectionResetError:
        pass
    return found


def said_back(client: socket.socket, octets: bytes) -> bytes:
    client.sendall(octets)
    found = b""
    while len(found) < len(octets):
        found += client.recv(4_096)
    return found


def test_octets_go_both_ways(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert said_back(client, b"x" * 100_000) == b"x" * 100_000


@pytest.mark.parametrize("way", list(Way))
def test_a_connection_is_cut_within_the_octets_that_were_allowed(proxy: Proxy, way: Way) -> None:
    proxy.cut(way=way, after=3)
    with connected(proxy) as client:
        client.sendall(b"hello")
        assert len(read(client)) <= 3
    with connected(proxy) as client:  # the next one is whole
        assert said_back(client, b"hello") == b"hello"
    assert proxy.cuts == 1


def test_what_stands_still_goes_on_where_it_stood(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert said_back(client, b"first") == b"first"
        proxy.stall()
        client.sendall(b"second")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(PATIENCE)
        proxy.flow()
        assert client.recv(4_096)


def test_a_server_that_is_away_lets_its_clients_go() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Proxy(port) as proxy, connected(proxy) as client:
        assert read(client) == b""


@pytest.mark.slow
def test_who_comes_while_it_ends_is_let_go_too(echo: int) -> None:
    """What nobody closed fails whichever test collects it: as two of others did."""
    for _ in range(10):
        with ExitStack() as clients:
            with Proxy(echo) as proxy:
                for _ in range(50):
                    clients.enter_context(connected(proxy))
            del proxy
            gc.collect()
