"""A program that writes until it is killed, and says what was acknowledged: `python -m tests.store.writer URL`.

Everything is imported once; each line on standard input forks a writer, so that a hundred of them cost seconds.
It says `started PID`, then a line for each acknowledged write, then `ended` once the writer is gone.
"""

from __future__ import annotations

import os
import sys
import threading

from gatepost.directory.groups import add_member, create_group
from gatepost.directory.users import NewUser, create_user
from gatepost.errors import Unavailable
from gatepost.gate import Dice, Gatepost
from gatepost.opening import open_gatepost
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.passwords import Passwords
from tests.conftest import ADMIN, settings_for

THREADS = 3


def acknowledge(kind: str, name: str, gate: Gatepost) -> None:
    """One system call a line, so that lines of several threads do not mix and none is half written."""
    os.write(1, f"{kind} {name} {gate.memory.revision.number}\n".encode())


def write_on(gate: Gatepost, prefix: str) -> None:
    number = 0
    while True:
        number += 1
        name = f"{prefix}-{number}"
        try:
            create_user(gate, ADMIN, NewUser(username=name))
            acknowledge("user", name, gate)
            create_group(gate, ADMIN, name)
            acknowledge("group", name, gate)
            add_member(gate, ADMIN, name, f"user:{name}")
            acknowledge("member", name, gate)
            token = issue_api_token(gate, ADMIN, WantedToken(name=name)).token
            acknowledge("token", token.id, gate)
        except Unavailable:
            os.write(1, b"unavailable - 0\n")
            threading.Event().wait(0.05)


def write(url: str) -> None:
    dice = Dice()
    gate = open_gatepost(Gatepost, settings_for(url), dice, Passwords(cheap=True))
    run = dice.secret(10).lower()
    threads = [threading.Thread(target=write_on, args=(gate, f"{run}-{which}")) for which in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(url: str) -> None:
    for _ in sys.stdin:
        if (child := os.fork()) == 0:
            try:
                write(url)
            finally:
                os._exit(1)
        os.write(1, f"started {child} 0\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"ended - 0\n")


if __name__ == "__main__":
    main(sys.argv[1])
