"""How many requests a second pass a gateway that asks who is calling?

One nginx serves a small file behind `auth_request`: unasked, asking a function that answers a constant, asking Gatepost,
oauth2-proxy with each of its stores, and Apache with mod_auth_openidc, each with the cookie of a session that began with
a real sign-in.  Beside it what each answers to the load itself.  Two settings, for Go's programs take every core they
get, and a worker of ours takes one:

apart     nginx and the load are on one core, whoever is asked (with its Redis, if it has one) on the other
together  everybody is on both cores, and Gatepost has two workers

    PYTHONPATH=src python benchmarks/forward_auth.py [--seconds 4] [--rounds 3] [--connections 16] [--setting apart]
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

import httpx2
from parts.load import Result, request_bytes, wrk
from parts.oauth2_proxy import ASKED_AT, oauth2_proxy, version
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

PEERS = ("cookie", "redis", "openidc")


@dataclass(frozen=True, slots=True)
class Setting:
    """Who is on which core; None is both."""

    server_core: int | None
    load_core: int | None
    workers: int


SETTINGS = {"apart": Setting(SERVER_CORE, LOAD_CORE, 1), "together": Setting(None, None, 2)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody whom nginx asks: where, about which path, and with what the visitor is known there."""

    url: str
    pids: tuple[int, ...]
    path: str
    headers: dict[str, str]


def configuration(folder: Path, port: int, asked: dict[str, Asked], workers: int) -> str:
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
worker_processes {workers};
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
def nginx(folder: Path, asked: dict[str, Asked], setting: Setting) -> Iterator[str]:
    """nginx until the end of the block.  Gives its URL."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        sys.exit("nginx is needed: it is in Debian's package of that name")
    port = free_port()
    (folder / "site").mkdir()
    (folder / "site" / "file").write_text("ok")
    for each in (folder, folder / "site"):
        each.chmod(0o755)
    (folder / "nginx.conf").write_text(configuration(folder, port, asked, setting.workers))
    url = f"http://127.0.0.1:{port}"
    command = [program, "-c", f"{folder}/nginx.conf", "-p", str(folder), "-e", f"{folder}/nginx.log"]
    with process(command, url, folder, "/unasked/file", setting.load_core):
        yield url


def cpu_of(pid: int) -> float:
    """Seconds of a core that a process and its children have taken: Apache answers in children."""
    children = [
        int(child) for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
    ]
    return cpu_seconds(pid) + sum(cpu_of(child) for child in children)


def show(setting: str, results: dict[str, list[Result]], cpu_us: dict[str, list[float]]) -> None:
    for name, each in results.items():
        rates = [result.per_second for result in each]
        print(
            f"{setting} {name:18} per_second={median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f}) "
            f"p50_us={median(r.p50_us for r in each):.0f} p99_us={median(r.p99_us for r in each):.0f}"
            + (f" cpu_us={median(cpu_us[name]):.1f}" if cpu_us[name] else "")
        )
    for way in ("nginx", "itself"):
        rate = {name: median(r.per_second for r in results[f"{way} {name}"]) for name in ("gatepost", *PEERS)}
        shares = " ".join(f"gatepost_of_{name}={rate['gatepost'] / rate[name]:.2f}" for name in PEERS)
        print(f"{setting} {way}: {shares}")


@contextmanager
def everybody(setting: Setting, folders: Iterator[Path]) -> Iterator[dict[str, Asked]]:
    """Run whoever is asked until the end of the block, each with somebody who has signed in there."""
    core = setting.server_core
    with ExitStack() as stack:
        bare, bare_pid = stack.enter_context(hello("bare", next(folders), core))
        server, pid = stack.enter_context(gatepost(next(folders), core, setting.workers))
        asked = {
            "constant": Asked(bare, (bare_pid,), "/", {}),
            "gatepost": Asked(server, (pid,), "/forward-auth", ways_of_a_person(server).session),
        }
        provider = stack.enter_context(running_provider())
        provider.approve = "bob"
        client = (CLIENT_ID, CLIENT_SECRET)
        for store in ("cookie", "redis"):
            proxy = oauth2_proxy(next(folders), provider.issuer, client, core, store=store)
            url, pids, cookie = stack.enter_context(proxy)
            asked[store] = Asked(url, pids, ASKED_AT, cookie)
        url, pid, cookie = stack.enter_context(openidc(next(folders), provider.issuer, client, core))
        asked["openidc"] = Asked(url, (pid,), "/", cookie)
        yield asked


def require_a_session(front: str, asked: dict[str, Asked]) -> None:
    """Whoever says yes to everybody is no peer; nor is one that does not know its own cookie."""
    for name, each in asked.items():
        without, with_it = (httpx2.get(f"{front}/{name}/file", headers=sent) for sent in ({}, each.headers))
        assert (without.status_code, with_it.status_code) == (200 if name == "constant" else 401, 200), name


def measure(name: str, setting: Setting, arguments: argparse.Namespace) -> None:
    with ExitStack() as stack:
        folders = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(10))
        asked = stack.enter_context(everybody(setting, folders))
        front = stack.enter_context(nginx(next(folders), asked, setting))
        require_a_session(front, asked)
        cases = {"nginx unasked": (front, request_bytes(front, "GET", "/unasked/file", {}))}
        for who, each in asked.items():
            cases[f"nginx {who}"] = (front, request_bytes(front, "GET", f"/{who}/file", each.headers))
            cases[f"itself {who}"] = (each.url, request_bytes(each.url, "GET", each.path, each.headers))
        results: dict[str, list[Result]] = {case: [] for case in cases}
        cpu_us: dict[str, list[float]] = {case: [] for case in cases}
        load = {"seconds": arguments.seconds, "connections": arguments.connections, "core": setting.load_core}
        folder = next(folders)
        for _ in range(arguments.rounds):
            for case, (url, sent) in cases.items():
                pids = asked[case.split()[1]].pids if case != "nginx unasked" else ()
                before = sum(map(cpu_of, pids))
                found = wrk(url, [sent], folder, **load)
                results[case].append(found)
                if pids:
                    cpu_us[case].append((sum(map(cpu_of, pids)) - before) * 1e6 / found.requests)
        show(name, results, cpu_us)


def main() -> None:
    parser = argparse.ArgumentParser(description="requests per second through a gateway that asks")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument(
        "--setting", choices=SETTINGS, action="append", help="one of them; else both, one after the other"
    )
    arguments = parser.parse_args()
    print(f"oauth2-proxy {version()}", flush=True)
    for name in arguments.setting or SETTINGS:
        measure(name, SETTINGS[name], arguments)
    print(f"load_average={os.getloadavg()[0]:.1f} connections={arguments.connections}")


if __name__ == "__main__":
    main()
