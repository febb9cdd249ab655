"""Debian's slapd in a throw-away folder: alice and bob, in the groups data-team and staff."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.programs import listens, program
from tests.ports import free_port

FOLDER = Path(__file__).parent / "slapd"
ADMIN = "cn=admin,dc=people,dc=example"
PASSWORD = "an-admin-of-the-directory"
START_SECONDS = 30


class Directory:
    """A running directory on the loopback interface."""

    def __init__(self, port: int) -> None:
        self.port = port

    def leave(self, username: str, group: str) -> None:
        """Take somebody out of a group."""
        change = (
            f"dn: cn={group},ou=groups,dc=people,dc=example\nchangetype: modify\n"
            f"delete: member\nmember: uid={username},ou=people,dc=people,dc=example\n"
        )
        call = ["ldapmodify", "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ADMIN, "-w", PASSWORD]
        subprocess.run(call, input=change, text=True, check=True, capture_output=True)


@contextmanager
def running_directory(folder: Path) -> Iterator[Directory]:
    """Start slapd on what people.ldif says, with its data in `folder`."""
    slapd = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
    if slapd is None or shutil.which("ldapmodify") is None:
        pytest.skip("there is no slapd on this machine: apt-get install slapd ldap-utils")
    (folder / "data").mkdir(parents=True)
    configuration = folder / "slapd.conf"
    text = (FOLDER / "slapd.conf").read_text(encoding="utf-8")
    configuration.write_text(text.replace("@FOLDER@", str(folder)), encoding="utf-8")
    fill: list[str | Path] = [Path(slapd).with_name("slapadd"), "-f", configuration, "-l", FOLDER / "people.ldif"]
    subprocess.run(fill, check=True, capture_output=True)
    port = free_port()
    command: list[str | Path] = [slapd, "-f", configuration, "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]
    with program(command, lambda: listens(port), folder / "slapd.log", within=START_SECONDS):
        yield Directory(port)
