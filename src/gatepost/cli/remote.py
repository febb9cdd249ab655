"""What every command that speaks with a server shares: which server, `--json`, the sign-in, and how answers are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from gatepost.cli import show
from gatepost.cli.contexts import Contexts
from gatepost.cli.kept import Kept, current_server, directory
from gatepost.cli.secret import line_from_stdin
from gatepost.client.credentials import Password
from gatepost.client.environment import credential_from, is_external, server_from
from gatepost.client.errors import ClientError, Misconfigured, SignInEnded, Unauthenticated, Unreachable
from gatepost.client.oauth2 import revoke_token
from gatepost.client.server import Server

if TYPE_CHECKING:
    from gatepost.client.call import Call
    from gatepost.client.credentials import Tokens
    from gatepost.client.reading import Page
    from gatepost.client.sync_client import Client

KEEP_IT = "Keep it in a secret manager or an environment variable, never in code: whoever has it can do what it may."
P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Passing:
    """The sign-in of one command, by a password: the SDK's `Keeper`, which keeps it as long as the command lasts."""

    tokens: Tokens | None = None

    def locked(self) -> AbstractContextManager[None]:
        return nullcontext()

    def read(self) -> Tokens | None:
        return self.tokens

    def write(self, tokens: Tokens) -> None:
        self.tokens = tokens


@dataclass
class Remote:
    """The server that one command speaks with."""

    spec: str | None = field(repr=False)  # a secret may be in it
    wants_json: bool
    named: str | None = None
    passing: Passing = field(default_factory=Passing)

    @property
    def external(self) -> bool:
        return is_external(os.environ)

    @cached_property
    def context(self) -> str:
        """The context meant: `--context`, else GATEPOST_CONTEXT, else the one in use; empty if a server is named.

        Raises `Misconfigured` where two servers are named at once.
        """
        named, url = os.environ.get("GATEPOST_CONTEXT", ""), os.environ.get("GATEPOST_URL", "")
        if self.spec is not None and self.named:
            raise Misconfigured("--server and --context name two servers: leave one out")
        if self.spec is not None or self.named:
            return self.named or ""
        if named and url:
            raise Misconfigured("GATEPOST_URL and GATEPOST_CONTEXT name two servers: unset one of the two")
        return named or ("" if url else Contexts(directory(os.environ)).current or "")

    @cached_property
    def server(self) -> Server:
        """The server meant, and what the command line or the environment proves itself with there."""
        if self.context:
            found = Contexts(directory(os.environ)).server(self.context, external=self.external)
            return found if not found.is_anonymous else replace(found, credential=credential_from(os.environ))
        spec = line_from_stdin("--server") if self.spec == "-" else self.spec
        if spec is None and not os.environ.get("GATEPOST_URL"):
            spec = current_server(directory(os.environ))
        return server_from(os.environ, spec)

    @property
    def kept(self) -> Kept:
        return Kept(directory(os.environ), self.server.url, self.context)

    @cached_property
    def client(self) -> Client:
        """A client as whom the command was told to be, else as the one who signed in, else as nobody."""
        from gatepost.client.sync_client import Client  # the HTTP library takes longer to import than all else

        if isinstance(self.server.credential, Password):
            return Client(self.server, keeper=self.passing, trust_env=True)
        tokens = self.kept.read() if self.server.is_anonymous and not self.external else None
        if tokens is None:
            return Client(self.server, trust_env=True)
        return Client(replace(self.server, credential=tokens), keeper=self.kept, trust_env=True)

    def close(self, *, ends: bool) -> None:
        """Close the connections, and with `ends` the sign-in of this command, or a job in CI leaves one a command."""
        if "client" not in vars(self):
            return
        if ends and self.passing.tokens is not None:
            with suppress(ClientError):
                self.client.send(ended(self.passing.tokens))
        self.client.close()

    def ask(self, call: Call[Any]) -> Any:
        """Send a call and return its answer's JSON as it is: what the server says more than we know is shown too.

        Raises `NotGatepost` for JSON that the SDK could not read: of another server, nothing is shown.
        """

        def read(answer: object) -> object:
            if answer is not None:
                call.read(answer)
            return answer

        return self.client.send(replace(call, read=read))

    def rows(self, call: Call[Page[Any]]) -> Iterator[Any]:
        """Send a list call, for all of its pages, and yield the JSON of each row; what is no row of ours as `ask` does."""

        def read(answer: Any) -> Page[Any]:
            page = call.read(answer)
            return replace(page, items=tuple(answer if isinstance(answer, list) else answer["items"]))

        return self.client.all(replace(call, read=read))

    def table(self, call: Call[Page[Any]], *columns: str) -> None:
        """Send a list call, for all of its pages, and show what came."""
        rows = list(self.rows(call))
        if self.wants_json:
            show.as_json(rows)
        else:
            show.as_table(rows, columns)

    def card(self, call: Call[Any]) -> None:
        """Send a call and show the one thing that it answers."""
        answer = self.ask(call)
        (show.as_json if self.wants_json else show.as_card)(answer)

    def done(self, call: Call[Any], sentence: str) -> Any:
        """Send a change; say that it is done, or print what the server answered.  Return that."""
        answer = self.ask(call)
        if self.wants_json:
            show.as_json(answer if answer is not None else {})
        else:
            click.echo(sentence)
        return answer

    def secret(self, call: Call[Any]) -> None:
        """Send a call that mints a token.  With `--json` or into a pipe, standard output has that and nothing else."""
        answer = self.ask(call)
        if self.wants_json:
            show.as_json(answer)
            return
        rest = {name: value for name, value in answer.items() if name != "token"}
        if not sys.stdout.isatty():
            click.echo(answer["token"])
            return
        show.as_card(rest)
        click.echo(f"\n{answer['token']}\n\nThis is the only time that it is shown.\n{KEEP_IT}")


def ended(tokens: Tokens) -> Call[None]:
    """End a sign-in, tried once: whoever waits for it has their answer already."""
    return replace(revoke_token(tokens.refresh_token or tokens.access_token), repeatable=False)


def remote(command: Callable[Concatenate[Remote, P], R]) -> Callable[..., R]:
    """Give a command `--server` and `--json`, and the `Remote` that they make as its first argument."""

    @click.option("--server", "spec", metavar="SPEC", help="A URL or user:secret@host:port[s]; - reads it from stdin.")
    @click.option("--context", "named", metavar="NAME", help="A server by the name that `gatepost context` gave it.")
    @click.option("--json", "wants_json", is_flag=True, help="Answer in JSON.")
    @wraps(command)
    def with_remote(*args: P.args, spec: str | None, named: str | None, wants_json: bool, **kwargs: P.kwargs) -> R:  # type: ignore[valid-type]
        at, ends = Remote(spec, wants_json, named), True
        try:
            return command(at, *args, **kwargs)
        except (Unreachable, KeyboardInterrupt):
            ends = False  # nobody waits for one more request
            raise
        except (SignInEnded, Unauthenticated) as error:
            raise click.ClickException(f"{error} (gatepost login)") from error
        finally:
            at.close(ends=ends)

    return with_remote


def sure(sentence: str, yes: bool) -> None:
    """Ask before what cannot be undone, where there is somebody to ask.  Raises `click.Abort`."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"{sentence}?", abort=True, err=True)


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
