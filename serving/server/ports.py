"""What a port is called, and what is said of one that cannot be had."""

from __future__ import annotations


def check_port(port: int) -> None:
    """Raise ValueError for a number that is no port; gRPC would listen on another one in silence."""
    if not 0 <= port < 2**16:
        raise ValueError(f"port is {port}; it must be from 1 to {2**16 - 1}, or 0 for any free one")


def address_of(host: str, port: int) -> str:
    """Returns host:port, an address of version 6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(host: str, port: int) -> OSError:
    """Returns the error of a port that cannot be bound."""
    return OSError(
        f"cannot listen on {address_of(host, port)}; is another server there? Name another port, or 0 for any free one"
    )
