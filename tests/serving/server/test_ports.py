"""The socket of the HTTP port."""

import socket

from serving.server.ports import bound_socket


def test_the_socket_says_that_it_is_tcp_so_that_asyncio_sends_without_delay():
    with bound_socket("127.0.0.1", 0) as made:
        made.listen()
        with socket.create_connection(made.getsockname()), made.accept()[0] as taken:
            # asyncio sets TCP_NODELAY on a connection of this protocol alone (base_events._set_nodelay)
            assert taken.proto == socket.IPPROTO_TCP
