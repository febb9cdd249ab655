"""The root command: what there is, and how every ending becomes an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from gatepost import __version__
from gatepost.cli import show
from gatepost.cli.before import put_after
from gatepost.cli.lazy import Later, LazyGroup
from gatepost.errors import ConfigurationError, GatepostError

DONE, DENIED, COULD_NOT = 0, 1, 2

COMMANDS = {
    "serve": Later("serve:serve", "Run the server; the database is made or upgraded first."),
    "demo": Later("serve:demo", "Run a sample data platform on a throw-away database."),
    "login": Later("sign_in:login", "Sign in to a server and keep the sign-in."),
    "logout": Later("sign_in:logout", "End the sign-in."),
    "whoami": Later("sign_in:whoami", "Say who the server takes you for."),
    "check": Later("check:check", "May SUBJECT do ACTION to RESOURCE? 0 yes, 1 no, 2 could not tell."),
    "user": Later("users:users", "People: accounts, passwords, rights."),
    "group": Later("groups:groups", "Groups and who is in them."),
    "role": Later("roles:roles", "Roles, their permissions and who has them."),
    "service": Later("services:services", "Machines that call."),
    "token": Later("tokens:tokens", "Your own API tokens."),
    "service-token": Later("tokens:service_tokens", "Tokens of services."),
    "session": Later("tokens:sessions", "Your sign-ins, here and elsewhere."),
    "resource": Later("resources:resources", "Collections, datasets and what else there is to share."),
    "access": Later("access:access", "Who has what on a resource."),
    "model": Later("model:models", "Authorization models: show, check, diff, apply, test, import."),
    "provider": Later("providers:providers", "Identity providers."),
    "audit": Later("audit:audit", "Who did what, and who let them."),
    "keys": Later("keys:keys", "The keys that sign tokens."),
    "context": Later("context:contexts", "Servers by name: list, add, use, remove."),
    "apply": Later("apply:apply", "Make there be what files say, all of it or nothing."),
    "diff": Later("apply:diff", "Say what files would change. 0 nothing, 1 something."),
    "export": Later("export:export", "Write users, groups, roles, resources and grants as JSON or CSV."),
    "import": Later("take_in:take_in", "Take in what `export` wrote."),
    "completion": Later("completion:completion", "Print the script that completes commands in your shell."),
    "config": Later("config:config", "Check a configuration, or make one of another product's."),
    "doctor": Later("doctor:doctor", "Examine a server, or a configuration: database, keys, providers, clocks."),
}

EPILOG = """
Which server: --server SPEC or --context NAME, before or after the command, else GATEPOST_URL or GATEPOST_CONTEXT, else
the context in use (see gatepost context), else the one you signed in to last.

SPEC is a URL or user:secret@host:port, with an s after the port for TLS; - reads it from standard input.

As whom: the SPEC's own user, else GATEPOST_API_KEY, or GATEPOST_USER with GATEPOST_PASSWORD, else your sign-in.

Exit codes: 0 done or allowed, 1 denied or a finding, 2 could not (one sentence on standard error).

Completion: put this into ~/.bashrc (zsh and fish: see gatepost completion --help)

\b
  eval "$(gatepost completion bash)"
"""


class Root(LazyGroup):
    """Ends every run with one of three exit codes and never with a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - this program always ends here
        **extra: Any,
    ) -> NoReturn:
        run = super().main
        _write_what_there_is()
        sys.exit(_ended(lambda: run(args, prog_name, complete_var, standalone_mode=False, **extra)))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, put_after(self, ctx, args))

    def invoke(self, ctx: click.Context) -> Any:
        # Before click's own handler, whose exit code for a closed pipe is our word for "denied".
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosed from None


def _write_what_there_is() -> None:
    """Have no character of a name end a command: what a terminal has no sign for is spelled out.

    Into a file or a pipe goes UTF-8 whatever the locale, for that is what JSON is (RFC 8259, section 8.1).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    if sys.stdin is None:  # closed (`<&-`): there is nothing to read, and nobody to ask
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - it is read until the process ends


class PipeClosed(Exception):
    """Whoever read our output has gone."""


def _ended(run: Callable[[], object]) -> int:
    """Run and return the exit code; what went wrong is one sentence on standard error."""
    try:
        code = run()
        if sys.stdout is not None:  # closed (`>&-`) by who wants the exit code alone
            sys.stdout.flush()
    except (PipeClosed, BrokenPipeError):
        _let_go_of_output()
        return COULD_NOT  # an answer that nobody received is not "allowed"
    except click.Abort:
        return _could_not("stopped")
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return COULD_NOT
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return _could_not(f"{error.format_message().rstrip('.')}{where}")
    except click.ClickException as error:
        return _could_not(error.format_message())
    except ConfigurationError as error:
        return _could_not(*error.problems)
    except GatepostError as error:
        return _could_not(str(error))
    except OSError as error:
        _let_go_of_output()
        return _could_not(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    except UnicodeError:
        return _could_not("what was given has bytes in it that are not UTF-8 text")
    except Exception as error:  # noqa: BLE001 - nobody who types a command should see a traceback
        return _could_not(f"this is a bug in gatepost: {type(error).__name__} at {_place_of(error)}")
    return code if isinstance(code, int) else DONE


def _let_go_of_output() -> None:
    """Write what is still to be written; what cannot be, Python must not try again at its own end, with its own code."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _could_not(*sentences: str) -> int:
    for sentence in sentences:
        click.echo(f"gatepost: {show.text_of(' '.join(sentence.split()))}", err=True)
    return COULD_NOT


def _place_of(error: Exception) -> str:
    """Where a bug is, without its values: those may be secrets."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - not worth importing pathlib for


@click.group(
    cls=Root,
    later=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gatepost", message="%(prog)s %(version)s")
def root() -> None:
    """Sign-in and access control for data platforms."""
