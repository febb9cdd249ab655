"""Forms: reading what was typed, and showing it again with a sentence beside each field that is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from gatepost.errors import Conflict, Forbidden, GatepostError, InvalidCredentials, InvalidField, NotFound, Throttled
from gatepost.server.console.moments import end_of_day

# What the form itself can answer.  A lost session is a page of its own.
ANSWERABLE = (InvalidField, Conflict, Forbidden, InvalidCredentials, Throttled)

# What pages call a field, where that is not its own name.
LABELS = {
    "again": "New password, again",
    "display_name": "Name",
    "email": "E-mail",
    "expires_at": "Ends on",
    "subject": "Who",
    "user_code": "Code",
}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one form.  A file where a text is meant reads as nothing."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """As typed: a password keeps its spaces."""
        found = self.values.get(name)
        return found[0] if found else ""

    def every(self, name: str) -> tuple[str, ...]:
        return tuple(value for value in self.values.get(name, ()) if value)

    def until(self, name: str) -> datetime | None:
        """A date, to its end.  Raises `InvalidField`."""
        try:
            return end_of_day(self.text(name))
        except (ValueError, OverflowError) as error:
            raise InvalidField({name: "write it as year-month-day, such as 2030-01-31"}) from error


@dataclass(frozen=True, slots=True)
class Wrong:
    """A refused form: which one, why, and what had been typed."""

    form: str
    error: GatepostError
    typed: Form

    @property
    def sentence(self) -> str:
        """The reason, as a sentence that starts with a capital."""
        if isinstance(self.error, Throttled):
            return f"Too many failed tries. You can try again in {self.error.retry_after} seconds."
        text = str(self.error)
        if isinstance(self.error, InvalidField):
            text = "; ".join(f"{_called(name)}: {why}" for name, why in self.error.fields.items())
        if isinstance(self.error, Conflict) and self.error.settled_by:
            text = text.removesuffix(f" ({self.error.settled_by})")  # the page has a field for it, under a label
        return f"{text[:1].upper()}{text[1:]}."

    @property
    def fields(self) -> dict[str, str]:
        return self.error.fields if isinstance(self.error, InvalidField) else {}

    @property
    def items(self) -> tuple[str, ...]:
        return self.error.items if isinstance(self.error, Conflict) else ()

    @property
    def status(self) -> int:
        return self.error.status


def _called(field: str) -> str:
    return LABELS.get(field) or field.replace("_", " ").capitalize()


Show = Callable[[Request, Wrong | None], Response]
Act = Callable[[Request, Form], Response]


def posted(form_name: str, show: Show, *, hashes: bool = False) -> Callable[[Act], Handler]:
    """Turn `act` into a handler of POST: a refusal that the visitor can mend shows the page again, with the reason.

    `hashes`: a password is hashed on the way, which belongs on the pool for that.
    """

    def around(act: Act) -> Handler:
        def run(request: Request, form: Form) -> Response:
            try:
                return act(request, form)
            except ANSWERABLE as error:
                return show(request, Wrong(form_name, error, form))
            except NotFound as error:
                return _shown_without(show, request, Wrong(form_name, error, form))

        @wraps(act)
        async def handler(request: Request) -> Response:
            pools = request.state.pools
            pool = pools.passwords if hashes else pools.database
            response: Response = await pool(run, request, await read_form(request))
            return response

        return handler

    return around


def _shown_without(show: Show, request: Request, wrong: Wrong) -> Response:
    """What a form spoke of is gone, perhaps by another tab: the page says so, unless it is the page's own thing."""
    try:
        return show(request, wrong)
    except NotFound:
        raise wrong.error from None


async def read_form(request: Request) -> Form:
    """Read an HTML form's body."""
    values: dict[str, list[str]] = {}
    async with request.form(max_files=0, max_fields=1000) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                values.setdefault(name, []).append(value)
    return Form(values)


def status_of(wrong: Wrong | None) -> int:
    """The status of a page that shows a form again."""
    return wrong.status if wrong is not None else 200
