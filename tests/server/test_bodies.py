"""Bodies that are not whole yet: what anybody may leave lying, and what it keeps from whom."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from starlette.types import Message, Receive

from gatepost.errors import InvalidRequest, TooLarge, Unavailable
from gatepost.server.bodies import ALWAYS_HELD, MOST_BYTES, MOST_HELD, Uploads
from tests.loops import in_a_loop


def coming(*parts: bytes, hangs_up: bool = False) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.disconnect"} if hangs_up else {"type": "http.request", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


def read(uploads: Uploads, receive: Receive) -> bytes:
    return in_a_loop(uploads.whole, receive)


@pytest.mark.parametrize("parts", [[], [b"one"], [b"one", b"", b"two"], [b"a" * MOST_BYTES]])
def test_a_body_is_read_whole(parts: Sequence[bytes]) -> None:
    uploads = Uploads()
    assert read(uploads, coming(*parts)) == b"".join(parts)
    assert uploads.held == 0


@pytest.mark.parametrize(
    ("receive", "error"),
    [
        (coming(b"a" * MOST_BYTES, b"a"), TooLarge),
        (coming(b"half", hangs_up=True), InvalidRequest),
        (coming(hangs_up=True), InvalidRequest),
    ],
)
def test_what_is_not_to_be_had_is_held_no_more(receive: Receive, error: type[Exception]) -> None:
    uploads = Uploads()
    with pytest.raises(error):
        read(uploads, receive)
    assert uploads.held == 0


def test_all_that_is_not_whole_has_a_bound_and_small_ones_come_through() -> None:
    """The attack: connections that each wait with the last byte of a megabyte."""
    uploads, refused = Uploads(), 0

    async def stall() -> None:
        nonlocal refused
        first = coming(b"a" * (MOST_BYTES - 1), b"")

        async def receive() -> Message:
            message = await first()
            if not message["body"]:
                await anyio.sleep_forever()
            return message

        try:
            await uploads.whole(receive)
        except Unavailable:
            refused += 1

    async def attack() -> None:
        async with anyio.create_task_group() as attackers:
            for _ in range(200):
                attackers.start_soon(stall)
            await anyio.wait_all_tasks_blocked()
            assert uploads.held <= MOST_HELD + MOST_BYTES
            assert await uploads.whole(coming(b"a" * (ALWAYS_HELD - 3), b"bcd")) == b"a" * (ALWAYS_HELD - 3) + b"bcd"
            with pytest.raises(Unavailable):
                await uploads.whole(coming(b"a" * ALWAYS_HELD, b"b"))
            attackers.cancel_scope.cancel()

    in_a_loop(attack)
    assert refused >= 200 - MOST_HELD // MOST_BYTES - 1
    assert uploads.held == 0
