"""Gatepost: what everything is given.  It is passed along, never looked up.

Only this file and the settings read the clock, draw random numbers or look at the environment.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeVar, cast

from gatepost import access
from gatepost.access import Decision, Reason
from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import Conflict, Forbidden, InvalidToken, NotFound, Unauthenticated
from gatepost.memory import Memory
from gatepost.principal import EMBEDDER, PLATFORM, Entity, Method, Principal, Question, Subject
from gatepost.store.journal import Journal
from gatepost.store.revision import Revision
from gatepost.store.store import Change, Store
from gatepost.store.tail import Tail, hints_for

if TYPE_CHECKING:
    from gatepost.access import AuthorizationModel
    from gatepost.opening import FirstStart
    from gatepost.records import ProviderToken
    from gatepost.settings import Settings
    from gatepost.tokens.passwords import Passwords
    from gatepost.tokens.sealing import Sealer

T = TypeVar("T")

_ULID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Gatepost:
    """One Gatepost in this process: its settings, its store, and what it holds in memory."""

    def __init__(
        self, settings: Settings, store: Store, memory: Memory, sealer: Sealer, passwords: Passwords, dice: Dice
    ) -> None:
        self.settings = settings
        self.database = store
        self.memory = memory
        self.sealer = sealer
        self.passwords = passwords
        self.dice = dice
        self.journal = Journal(store, self.now)
        self.first_start: FirstStart | None = None
        self.demo_people: Sequence[object] = ()  # the sign-in page offers them by name
        self.give_back: Callable[[Sequence[ProviderToken]], None] = lambda _: None
        self._providers: object = None
        self._tail: Tail | None = None
        self._joined: Change | None = None
        self._closers: list[Callable[[], None]] = []

    @classmethod
    def open(cls, source: str | Settings | None = None) -> Self:
        """Open the database at a URL, or as a loaded configuration says; create or upgrade it first.

        Raises `ConfigurationError` with everything that is wrong, `Unavailable` if the database does not answer.
        """
        # The opening makes the first roles and the first admin, and so stands above this file.
        from gatepost.opening import open_gatepost

        return open_gatepost(cls, source)

    def follow(self) -> None:
        """Start following the changes that other processes make."""
        self._tail = Tail(hints_for(self.database), self.memory.catch_up)
        self._tail.start()
        self.journal.start()

    def at_close(self, stop: Callable[[], None]) -> None:
        """Have `stop` called before the database goes."""
        self._closers.append(stop)

    def close(self) -> None:
        """Stop following, write what is buffered, and let the database go."""
        while self._closers:
            self._closers.pop()()
        if self._tail is not None:
            self._tail.stop()
        self.journal.stop()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- time and dice ----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.dice.now()

    def new_id(self) -> str:
        return self.dice.new_id()

    def providers_made_by(self, make: Callable[[Gatepost], T]) -> T:
        """What `make` makes of this gate, made once: the providers, with what they know of endpoints and keys.

        The type is the caller's, for signing in elsewhere is a layer above this one.
        """
        if self._providers is None:
            self._providers = make(self)
        return cast("T", self._providers)

    # -- may? -------------------------------------------------------------------------------------------------------

    def check(
        self,
        subject: str | Subject | Entity | None,
        action: str,
        resource: str | Entity,
        *,
        context: Mapping[str, object] | None = None,
        at_least: str | Revision | None = None,
    ) -> Decision:
        """Answer whether `subject` may do `action` to `resource`; None is the embedding application itself.

        `at_least` makes this process catch up with a revision first.  Raises `ValueError` for what is not `type:id`,
        `InvalidField` for an action that the resource's type does not have, `Unavailable` when no answer can be given.
        """
        if at_least is not None:
            self.reach(at_least)
        if isinstance(subject, str):
            subject = Subject.parse(subject)
        elif isinstance(subject, Entity):
            subject = Subject.of(subject)
        if isinstance(resource, str):
            resource = Entity.parse(resource)
        if subject is None:
            return self.decide(EMBEDDER.asks(action, resource, context))
        question = Question(subject=subject, action=action, resource=resource, context=context or {})
        return self.decide(question)

    def decide(self, question: Question) -> Decision:
        """Answer one question.  A disabled person may nothing, whatever the graph says."""
        graph = self.memory.graph
        revision = graph.revision
        if not self.is_disabled(question.subject):
            decision = access.check(question, graph)
            # Asked again: whom a revision disables is disabled before the graph answers as of that revision.
            if not decision.allowed or not self.is_disabled(question.subject):
                return decision
        no = False
        return Decision(no, Reason.DISABLED, revision, question, graph)

    def is_disabled(self, subject: Subject) -> bool:
        disabled = self.memory.disabled
        return bool(disabled) and not subject.relation and f"{subject.type}:{subject.id}" in disabled

    def may(self, caller: Principal, action: str, resource: Entity = PLATFORM) -> bool:
        return self.decide(caller.asks(action, resource)).allowed

    def require(self, caller: Principal, action: str, resource: Entity = PLATFORM, *, seen_by: str = "view") -> None:
        """Return if `caller` may, raise if not.

        Whoever is anonymous is asked to sign in (`Unauthenticated`).  Anyone else gets `NotFound` for what they cannot
        see (`seen_by`: the action that shows it; empty where there is nothing to see) and `Forbidden` for what they can.
        """
        decision = self.decide(caller.asks(action, resource))
        if decision.allowed:
            return
        sees = not caller.is_anonymous and (not seen_by or self._sees(caller, seen_by, action, resource))
        self.refused(caller, action, resource, decision)  # once all is asked: who must not wait may have to begin again
        if caller.is_anonymous:
            raise Unauthenticated("this needs a signed-in caller")
        if sees:
            thing = "" if resource == PLATFORM else f" on {resource}"
            raise Forbidden(f"this takes {action}{thing}, which {caller.subject} does not have", detail=decision.reason)
        what = "such thing" if resource == PLATFORM else str(resource)
        raise NotFound(f"there is no {what}", detail=decision.reason)

    def _sees(self, caller: Principal, seen_by: str, action: str, resource: Entity) -> bool:
        """Tell whether a refused caller knows of the thing anyhow.  `view` of the platform itself shows nothing."""
        return seen_by != action and (resource != PLATFORM or seen_by != "view") and self.may(caller, seen_by, resource)

    def require_signed_in(self, caller: Principal, wanted: str = "") -> None:
        """Return for whoever asks about their own things; `wanted` has to be within the ceiling of their token."""
        if caller.is_anonymous:
            raise Unauthenticated("this needs a signed-in caller")
        if wanted and caller.scope is not None and not caller.scope.covers(wanted):
            raise Forbidden(f"this credential's scope does not cover {wanted}")

    def refused(self, caller: Principal, action: str, resource: Entity, decision: Decision) -> None:
        """Count a refusal; it is written with the next batch."""
        self.journal.note(
            AuditRecord.of(
                caller,
                f"refused.{action}",
                resource,
                at=self.now(),
                outcome=Outcome.REFUSED,
                reason=str(decision.reason),
            )
        )

    # -- changing ---------------------------------------------------------------------------------------------------

    @contextmanager
    def change(
        self, caller: Principal, action: str, resource: Entity = PLATFORM, *, seen_by: str = ""
    ) -> Iterator[Change]:
        """Change something that takes `action` on `resource`.

        The question is asked twice: before the lock, so that whoever may not cannot make others wait; and under it, on
        the newest state, so that a revocation made elsewhere a moment ago still counts.
        """
        self.require(caller, action, resource, seen_by=seen_by)
        with self.change_unasked() as tx:
            self.still_holds(caller)
            self.require(caller, action, resource, seen_by=seen_by)
            yield tx

    @contextmanager
    def change_unasked(self) -> Iterator[Change]:
        """Change something for which the asking is done otherwise: a sign-in, a sign-out, the first start."""
        if self._joined is not None:
            yield self._joined
            return
        with self.database.change(self.memory.catch_up_to, self.memory.applied) as tx:
            yield tx
        if tx.released:
            self.give_back(tx.released)

    def within(self, tx: Change, model: AuthorizationModel | None = None) -> Self:
        """This gate, whose changes all join `tx`: for operations of which all are to be done, or none.

        Each is asked as ever, on what held before `tx`, so that nothing done in it widens what its caller may.  With a
        `model`, that is judged as `model` has it, which loads all tuples anew.
        """
        joined = copy(self)
        joined._joined = tx  # noqa: SLF001 - it is one of us
        if model is not None:
            joined.memory = self.memory.judged_by(model, tx.connection)
        return joined

    def under(self, model: AuthorizationModel) -> Self:
        """This gate with another model and no tuples: to ask what the model allows, and never who may."""
        other = copy(self)
        other.memory = self.memory.judged_by(model, None)
        return other

    def still_holds(self, caller: Principal) -> None:
        """Raise `InvalidToken` if what the caller came with was ended in the meantime, or who they are.

        A password is nothing that ends, nor is an application's word: with one, somebody who is deleted could leave
        behind a token or a resource of theirs for whoever gets the name next.
        """
        name, memory = str(caller.subject), self.memory
        if name in memory.disabled or name in memory.gone or memory.has_ended(caller.credential_id):
            raise InvalidToken(detail="ended while the change was waiting")
        if caller.roles and caller.method in (Method.SESSION, Method.ACCESS_TOKEN):
            carried = self.memory.session_roles.of(caller.credential_id)
            if carried is None or not caller.roles <= carried.roles:
                raise InvalidToken(detail="a role of the session was taken back while the change was waiting")

    # -- consistency ------------------------------------------------------------------------------------------------

    def has_reached(self, wanted: Revision) -> bool:
        at = self.memory.revision
        return at.epoch == wanted.epoch and at.number >= wanted.number

    def reach(self, wanted: str | Revision) -> None:
        """Catch up with `wanted` before answering.

        A revision of another epoch cannot be compared any more: the newest state is the best answer then.  Raises
        `ValueError` for what is no revision, `Conflict` for one that was never given.
        """
        if isinstance(wanted, str):
            wanted = Revision.parse(wanted)
        if self.has_reached(wanted):
            return
        self.memory.catch_up()
        at = self.memory.revision
        if at.epoch == wanted.epoch and at.number < wanted.number:
            raise Conflict(f"revision {wanted} was never given: the newest is {at}")


class Dice:
    """The clock and the random numbers.  Tests give their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_millis = 0
        self._last_random = 0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def clock(self) -> float:
        return time.time()

    def urandom(self, count: int) -> bytes:
        return os.urandom(count)

    def stamp(self) -> str:
        return self.urandom(8).hex()

    def new_id(self) -> str:
        """A ULID: 48 bits of milliseconds and 80 random bits, ever growing within this process."""
        millis = int(self.now().timestamp() * 1000)
        with self._lock:
            if millis <= self._last_millis:
                self._last_random += 1
            else:
                self._last_millis = millis
                self._last_random = int.from_bytes(self.urandom(10)) >> 1  # room to grow within the millisecond
            value = self._last_millis << 80 | self._last_random
        return "".join(_ULID_ALPHABET[value >> shift & 31] for shift in range(125, -5, -5))

    def secret(self, length: int) -> str:
        """`length` characters of base 62: 5.95 bits each."""
        letters: list[str] = []
        while len(letters) < length:
            letters += [_BASE62[byte % 62] for byte in self.urandom(length) if byte < 248]
        return "".join(letters[:length])
