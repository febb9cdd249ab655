"""How many requests a second pass a gateway that asks who is calling?

One nginx serves a small file behind `auth_request`: unasked, asking a function that answers a constant, asking Gatepost,
and asking Apache with mod_auth_openidc, each with the cookie of a session.  nginx and the load are on one core, whoever
is asked on the other.  Beside it what each answers to the load itself.  oauth2-proxy is not among them: see
docs/benchmarks.md.

    PYTHONPATH=src python benchmarks/forward_auth.py [--seconds 4] [--rounds 3] [--connections 16]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from parts.load import Result, request_bytes, wrk
from parts.openidc import openidc
from parts.serving import (
    LOAD_CORE,
    PARTS,
    SERVER_CORE,
    cpu_seconds,
    free_port,
    gatepost,
    hello,
    process,
    ways_of_a_person,
)

sys.path.insert(0, str(PARTS.parents[1]))  # the provider that the tests play
from tests.sso.provider_in_process import CLIENT_ID, CLIENT_SECRET, running_provider


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody whom nginx asks: where, about which path, and with what the visitor is known there."""

    url: str
    pid: int
    path: str
    headers: dict[str, str]


def configuration(folder: Path, port: int, asked: dict[str, Asked]) -> str:
    """`/NAME/` is the file behind that one's yes."""
    host = {name: each.url.removeprefix("http://") for name, each in asked.items()}
    upstreams = "".join(f"upstream {name} {{ server {host[name]}; keepalive 32; }}\n" for name in asked)
    locations = "".join(
        f"""
    location /{name}/ {{ auth_request /_{name}; alias {folder}/site/; }}
    location = /_{name} {{
        internal;
        proxy_pass http://{name}{each.path};
        proxy_http_version 1.1;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Connection "";
        proxy_set_header Host {host[name]};
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Original-URI $request_uri;
    }}"""
        for name, each in asked.items()
    )
    return f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
access_log off;
keepalive_requests 1000000;
{upstreams}
server {{
    listen 127.0.0.1:{port};
    location /unasked/ {{ alias {folder}/site/; }}{locations}
}}
}}
"""


@contextmanager
def nginx(folder: Path, asked: dict[str, Asked]) -> Iterator[str]:
    """nginx until the end of the block.  Gives its URL."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        sys.exit("nginx is needed: it is in Debian's package of that name")
    port = free_port()
    (folder / "site").mkdir()
    (folder / "site" / "file").write_text("ok")
    for each in (folder, folder / "site"):
        each.chmod(0o755)
    (folder / "nginx.conf").write_text(configuration(folder, port, asked))
    url = f"http://127.0.0.1:{port}"
    command = [program, "-c", f"{folder}/nginx.conf", "-p", str(folder), "-e", f"{folder}/nginx.log"]
    with process(command, url, folder, "/unasked/file", LOAD_CORE):
        yield url


def cpu_of(pid: int) -> float:
    """Seconds of a core that a process and its children have taken: Apache answers in children."""
    children = [
        int(child) for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
    ]
    return cpu_seconds(pid) + sum(cpu_of(child) for child in children)


def show(results: dict[str, list[Result]], cpu_us: dict[str, list[float]]) -> None:
    for name, each in results.items():
        rates = [result.per_second for result in each]
        print(
            f"{name:18} per_second={median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f}) "
            f"p50_us={median(r.p50_us for r in each):.0f} p99_us={median(r.p99_us for r in each):.0f}"
            + (f" cpu_us={median(cpu_us[name]):.1f}" if cpu_us[name] else "")
        )
    for way in ("nginx", "itself"):
        ours, theirs = (median(r.per_second for r in results[f"{way} {name}"]) for name in ("gatepost", "openidc"))
        print(f"{way}: gatepost_of_openidc={ours / theirs:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="requests per second through a gateway that asks")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(5)]
        server, pid = stack.enter_context(gatepost(folders[0], SERVER_CORE))
        session = ways_of_a_person(server).session
        bare, bare_pid = stack.enter_context(hello("bare", folders[1], SERVER_CORE))
        provider = stack.enter_context(running_provider())
        provider.approve = "bob"
        client = (CLIENT_ID, CLIENT_SECRET)
        peer, peer_pid, cookie = stack.enter_context(openidc(folders[2], provider.issuer, client, SERVER_CORE))
        asked = {
            "constant": Asked(bare, bare_pid, "/", {}),
            "gatepost": Asked(server, pid, "/forward-auth", session),
            "openidc": Asked(peer, peer_pid, "/", cookie),
        }
        front = stack.enter_context(nginx(folders[3], asked))
        cases = {"nginx unasked": (front, request_bytes(front, "GET", "/unasked/file", {}))}
        for name, each in asked.items():
            cases[f"nginx {name}"] = (front, request_bytes(front, "GET", f"/{name}/file", each.headers))
            cases[f"itself {name}"] = (each.url, request_bytes(each.url, "GET", each.path, each.headers))
        results: dict[str, list[Result]] = {name: [] for name in cases}
        cpu_us: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(arguments.rounds):
            for name, (url, sent) in cases.items():
                who = asked.get(name.split()[1])
                before = cpu_of(who.pid) if who else 0.0
                found = wrk(url, [sent], folders[4], seconds=arguments.seconds, connections=arguments.connections)
                results[name].append(found)
                if who:
                    cpu_us[name].append((cpu_of(who.pid) - before) * 1e6 / found.requests)
        show(results, cpu_us)
    print(f"load_average={os.getloadavg()[0]:.1f} connections={arguments.connections}")


if __name__ == "__main__":
    main()
