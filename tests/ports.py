"""Ports for programs that cannot be handed a socket that listens already."""

from __future__ import annotations

import random
import socket

# Below those that the machine hands out itself (Linux: from 32768, elsewhere from 49152): in the moment until the program
# listens, neither a connection nor whoever asks for any port gets this one.
LOWEST, HIGHEST = 20_000, 32_000
TRIES = 100


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on.  Where a program can choose its own, let it."""
    for _ in range(TRIES):
        port = random.SystemRandom().randint(LOWEST, HIGHEST)  # several test processes ask at the same time
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError(f"no port is free between {LOWEST} and {HIGHEST}")
