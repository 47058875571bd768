"""What a port is called, and what is said of one that cannot be had."""

from __future__ import annotations

import socket


def check_port(port: int) -> None:
    """Raise ValueError for a number that is no port; gRPC would listen on another one in silence."""
    if not 0 <= port < 2**16:
        raise ValueError(f"port is {port}; it must be from 1 to {2**16 - 1}, or 0 for any free one")


def bound_socket(host: str, port: int) -> socket.socket:
    """Returns a TCP socket that has the port, 0 for any free one.

    Raises:
      ValueError: when it is no port.
      OSError: when it cannot be had.
    """
    check_port(port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its protocol asyncio knows it for TCP and sends without delay: else an answer waits 40 ms for the caller's ACK.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also one whose last owner has just gone
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise cannot_listen(host, port) from error
    return made


def check_free(host: str, port: int) -> None:
    """Raise what `bound_socket` raises, and keep nothing."""
    bound_socket(host, port).close()


def address_of(host: str, port: int) -> str:
    """Returns host:port, an address of version 6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(host: str, port: int) -> OSError:
    """Returns the error of a port that cannot be bound."""
    return OSError(
        f"cannot listen on {address_of(host, port)}; is another server there? Name another port, or 0 for any free one"
    )
