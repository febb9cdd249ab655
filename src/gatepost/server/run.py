"""Running the server: `gatepost serve`."""

from __future__ import annotations

import gc
import importlib.util
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.errors import ConfigurationError, GatepostError
from gatepost.gate import Gatepost
from gatepost.opening import open_gatepost
from gatepost.server.app import create_app
from gatepost.server.first_look import look_at_providers
from gatepost.server.log_lines import log_to_standard_error
from gatepost.settings import Settings, load
from gatepost.sso.states import providers_of

log = logging.getLogger("gatepost.server")

SWITCH_SECONDS = 0.001  # after which a thread that computes gives way to one that waits for the interpreter
WORKER_HOST, WORKER_PORT = "GATEPOST_WORKER_HOST", "GATEPOST_WORKER_PORT"


def serve(settings_path: Path | None, host: str, port: int, workers: int = 1) -> int:
    """Run until stopped.  Returns the exit code: 0 after a clean stop, 2 if it could not start."""
    log_to_standard_error()
    try:
        settings = load(settings_path, os.environ, host=host, port=port)
        listener = listen(host, port)
        if workers > 1:
            return _serve_with_workers(settings, settings_path, listener, host, port, workers)
        gate = open_gatepost(Gatepost, settings)
    except (ConfigurationError, GatepostError, OSError) as error:
        print(f"gatepost: {error}", file=sys.stderr)
        return 2
    with gate:
        try:
            providers_of(gate).prepare()
        except ConfigurationError as error:
            print(f"gatepost: {error}", file=sys.stderr)
            return 2
        announce(gate)
        look_at_providers(gate)
        run(gate, listener)
    return 0


def run(gate: Gatepost, listener: socket.socket) -> None:
    """Serve one gate on a socket that listens already, until a signal comes."""
    app = create_app(gate)
    settle()
    with _stopped_by_signals():
        uvicorn.Server(_config(app)).run(sockets=[listener])


def _config(app: ASGIApp | str, *, workers: int | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the edge reads forwarded headers itself, from trusted proxies only
        timeout_graceful_shutdown=5,
        http=_protocol(),
        ws="none",
        h11_max_incomplete_event_size=64 * 1024,
    )


def _protocol() -> str:
    """What reads requests: ours where httptools is, which Windows has not; h11 has bounds of its own."""
    return "h11" if importlib.util.find_spec("httptools") is None else "gatepost.server.connections:Connection"


def settle() -> None:
    """Take what the start has made out of the collector's sight, for it stays; and have threads give way soon.

    A full collection walks every container there is, and nobody is answered meanwhile: with a million tuples in memory
    that is a third of a second.  What goes later all the same, as the graph does at a reload, is freed with its last
    reference, for there is no cycle in it.  A thread that makes a long list gives way to the loop after a millisecond,
    where the interpreter's own habit is five.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """uvicorn raises the signal that stopped it once more at its end.  That must not end us before the gate is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {stop: signal.signal(stop, lambda *_: None) for stop in stops}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # The terminal was closed: a stop like any other, for running requests and for what is not written yet.
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else is done, so that a port that is taken is said at once.  Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)  # two that start at once may both have bound it
    except OSError as error:
        listener.close()
        raise OSError(f"port {port} on {host} cannot be had ({error.strerror}): choose another with --port") from error
    listener.set_inheritable(True)
    return listener


def announce(gate: Gatepost) -> None:
    """Say where it is, what to look at, and, once, the password that was generated."""
    for warning in gate.settings.warnings():
        log.warning("%s", warning)
    print(f"Gatepost is at {gate.settings.main.public_url}", flush=True)
    first = gate.first_start
    if first is not None and first.caution:
        log.warning("%s; change it after signing in", first.caution)
    if first is not None and first.generated_password is not None:
        print(
            f"The database was empty: sign in as {first.username} with the password {first.generated_password}\n"
            "It is shown this once; change it after signing in.",
            flush=True,
        )


def _serve_with_workers(
    settings: Settings, path: Path | None, listener: socket.socket, host: str, port: int, workers: int
) -> int:
    """Several processes on one socket.  The first opening creates or upgrades the database, and tells the password."""
    with open_gatepost(Gatepost, settings) as gate:
        providers_of(gate).prepare()
        announce(gate)
    if path is not None:
        os.environ["GATEPOST_CONFIG"] = str(path.resolve())
    os.environ[WORKER_HOST], os.environ[WORKER_PORT] = host, str(port)
    from uvicorn.supervisors import Multiprocess  # needed for this way of running only

    Multiprocess(_config("gatepost.server.run:worker", workers=workers), sockets=[listener]).run()
    return 0


def worker() -> ASGIApp:
    """One of several processes."""
    log_to_standard_error()
    _end_with_the_parent()
    host, port = os.environ[WORKER_HOST], int(os.environ[WORKER_PORT])
    try:
        settings = load(None, os.environ, host=host, port=port)
        gate = open_gatepost(Gatepost, settings)
    except (ConfigurationError, GatepostError, OSError) as error:
        log.error("a worker cannot start, and is tried again: %s", error)  # noqa: TRY400 - a sentence is all it takes
        sys.exit(1)
    app = create_app(gate)
    look_at_providers(gate)
    settle()
    return _closing(app, gate)


def _end_with_the_parent() -> None:
    """Stop when the process that started us is gone, however it went.

    A parent that is killed tells nobody, and workers without one would go on answering on its port: nobody could stop
    them by what they have started, nor start another server there.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        log.warning("the process that started this worker is gone: stopping")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="gatepost-parent", daemon=True).start()


def _closing(app: ASGIApp, gate: Gatepost) -> ASGIApp:
    """A worker owns its gate: what its journal still holds is written before the process ends."""

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        async def last(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                gate.close()
            await send(message)

        await app(scope, receive, last if scope["type"] == "lifespan" else send)

    return whole
