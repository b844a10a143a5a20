"""One run of a script over one message.  RFC 5228 §2.10.

Pure: time, look-ups and the clock of the processor are handed in; what comes out is a list of actions, and a trace if
the script was made with one.  An error gives the message to the usual mailbox and nothing else (RFC 5228 §2.10.6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from courriel.base.i18n import N_
from courriel.sieve.actions import Action, Discard, FileInto, Keep, Redirect, Reject, Seen, Step, Vacation
from courriel.sieve.message import Message
from courriel.sieve.problems import OutOfTime, Problem, RunError
from courriel.sieve.settings import DEFAULT, SieveSettings

SPEND: Final = 32
"""Small steps between two looks at the clock, which takes as long as one of them."""

INBOX: Final = "INBOX"

StepFunction = Callable[["Run"], object]
TestFunction = Callable[["Run"], bool]


class Script(msgspec.Struct, frozen=True):
    """A script, checked and ready.  ``capabilities`` are those it requires."""

    run: StepFunction
    capabilities: frozenset[str]


class Environment(msgspec.Struct, frozen=True):
    """What a run is told of the world.

    ``sender`` "" is the null reverse-path; ``recipient`` the address that led here.  ``items`` are those of RFC 5183
    §4.1 by name.  ``mailboxes`` are paths, ``special_uses`` attributes like ``\\Junk`` in lower case → path.  ``seen``
    says whether an id of ``duplicate`` was remembered; ``script`` gives an included script, None if there is none.
    ``spam`` 0 (not tested), 1 (clean) to 10; ``virus`` 0 to 5 (RFC 5235).  ``cpu`` is the processor time in seconds.
    """

    sender: str
    recipient: str
    now: float
    cpu: Callable[[], float]
    login: str = ""
    items: Mapping[str, str] = {}
    mailboxes: frozenset[str] = frozenset()
    special_uses: Mapping[str, str] = {}
    seen: Callable[[str], bool] = lambda _id: False
    script: Callable[[str, str], Script | None] = lambda _location, _name: None
    spam: int = 0
    virus: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """``actions`` with the implicit keep, if it stands; ``error`` is why it is all there is."""

    actions: tuple[Action, ...]
    seen: tuple[Seen, ...] = ()
    error: Problem | None = None
    trace: tuple[Step, ...] = ()


class Stop(Exception):
    """``stop``, and ``return`` at the top."""


class Return(Exception):
    """``return`` in an included script.  RFC 6609 §3.3."""


class Break(Exception):
    """``break``.  RFC 5703 §3.2; ``name`` "" is the innermost loop."""

    def __init__(self, name: str) -> None:
        self.name = name


class Run:
    """The state of a run; steps and tests change it."""

    __slots__ = (
        "_cpu",
        "_deadline",
        "_spent",
        "actions",
        "calls",
        "declared",
        "depth",
        "environment",
        "flags",
        "globals",
        "implicit_keep",
        "included",
        "locals",
        "matched",
        "message",
        "parts",
        "seen",
        "settings",
        "trace",
        "trail",
    )

    def __init__(self, message: Message, environment: Environment, settings: SieveSettings, cpu_s: float) -> None:
        self.message = message
        self.environment = environment
        self.settings = settings
        self.actions: list[Action] = []
        self.seen: list[Seen] = []
        self.implicit_keep = True
        self.flags: list[str] = []
        """The internal variable of RFC 5232 §3."""
        self.locals: dict[str, str] = {}
        self.globals: dict[str, str] = {}
        self.declared: set[str] = set()
        """Names that this script shares with the others (``global``).  RFC 6609 §3.4.1."""
        self.matched: list[str] = []
        self.parts: list[object] = []
        """The part that each ``foreverypart`` around is at, innermost last."""
        self.included: set[str] = set()
        self.calls = 0
        self.trail: list[str] = []
        """Included scripts that are under way, innermost last."""
        self.depth = 0
        self.trace: list[Step] = []
        self._cpu = environment.cpu
        self._deadline = self._cpu() + cpu_s
        self._spent = 0

    def spend(self) -> None:
        """A small step was done."""
        self._spent += 1
        if self._spent % SPEND == 0:
            self.check_time()

    def check_time(self) -> None:
        """Before or amid something that may take long.  Raises OutOfTime."""
        if self._cpu() > self._deadline:
            raise OutOfTime

    def act(self, action: Action, line: int) -> None:
        """Have something done at the end.  Raises RunError for too much, and for what cannot go together."""
        actions, settings = self.actions, self.settings
        if len(actions) >= settings.actions:
            raise RunError(Problem(line, N_("more than {count} actions"), {"count": settings.actions}))
        if isinstance(action, Redirect):
            others = [one for one in actions if isinstance(one, Redirect) and one.address != action.address]
            if len(others) >= settings.redirects:
                raise RunError(Problem(line, N_("more than {count} redirects"), {"count": settings.redirects}))
        if any(_clash(one, action) or _clash(action, one) for one in actions):
            raise RunError(Problem(line, N_("what is rejected cannot be kept, filed, redirected or answered as well")))
        if isinstance(action, Vacation) and any(isinstance(one, Vacation) for one in actions):
            raise RunError(Problem(line, N_("one vacation answer is enough")))
        actions.append(action)

    def variable(self, name: str) -> str:
        """The value of a variable (lower case; a number is a match), "" for one that is not set."""
        if name.isdecimal():
            number = int(name)
            return self.matched[number] if number < len(self.matched) else ""
        place, key = self._place(name)
        return place.get(key, "")

    def set_variable(self, name: str, value: str, line: int) -> None:
        """Raises RunError when there are too many."""
        place, key = self._place(name)
        if key not in place and len(self.locals) + len(self.globals) >= self.settings.variables:
            raise RunError(Problem(line, N_("more than {count} variables"), {"count": self.settings.variables}))
        place[key] = value[: self.settings.variable_characters]

    def _place(self, name: str) -> tuple[dict[str, str], str]:
        if name.startswith("global."):
            return self.globals, name.removeprefix("global.")
        return (self.globals if name in self.declared else self.locals), name


def _clash(one: Action, other: Action) -> bool:
    """RFC 5429 §2.4, RFC 5230 §4.7."""
    return isinstance(one, Reject) and isinstance(other, Keep | FileInto | Redirect | Vacation | Reject)


def execute(
    script: Script,
    message: Message,
    environment: Environment,
    settings: SieveSettings = DEFAULT,
    cpu_s: float | None = None,
) -> Outcome:
    """Run it.  Raises OutOfTime."""
    run = Run(message, environment, settings, settings.cpu_ms / 1000 if cpu_s is None else cpu_s)
    try:
        script.run(run)
    except (Stop, Return, Break):
        pass
    except RunError as error:
        return Outcome((Keep(),), (), error.problem, tuple(run.trace))
    actions = run.actions
    if run.implicit_keep:
        actions.append(Keep(tuple(run.flags), message.current()))
    return Outcome(_settled(actions), tuple(run.seen), None, tuple(run.trace))


def _settled(actions: list[Action]) -> tuple[Action, ...]:
    """Each mailbox and address once: what was asked for last, in the place where it stood first.  RFC 5228 §2.10.3."""
    found: dict[object, Action] = {}
    for number, action in enumerate(actions):
        found[_target(action, number)] = action
    done = [one for one in found.values() if not isinstance(one, Discard)]
    return tuple(done) or (Discard(),)


def _target(action: Action, number: int) -> object:
    if isinstance(action, Keep) or (isinstance(action, FileInto) and action.mailbox.upper() == INBOX):
        return Keep
    if isinstance(action, FileInto):
        return (action.mailbox, action.special_use)
    return action.address if isinstance(action, Redirect) else number
