"""People's own rules, step ``filter``: the scripts of those who get a message say where it goes.  RFC 5228.

Each reader's script runs once, after the expansion and before anything is stored, so that all is still one commit,
and a refusal can be given in the session.  What scripts send (answers, notices, reports) waits until the message is
taken.  Who has no script costs one look-up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from courriel import __version__
from courriel.base.i18n import N_
from courriel.base.log import Level, log
from courriel.delivery import forward
from courriel.delivery.deliver import LONG_OCTETS
from courriel.delivery.judge import header_length
from courriel.delivery.letter import Letter
from courriel.delivery.route import Drop, Place, Plan, Route, make_plan
from courriel.model.account import Target
from courriel.model.envelope import NULL_PATH, Address, Door, Recipient, address_of
from courriel.model.ids import AccountId
from courriel.model.refusals import Rejected
from courriel.model.script import Kept
from courriel.model.transit import Transit
from courriel.ports.directory import Directory
from courriel.ports.sieve import SieveStore
from courriel.ports.store import MailStore
from courriel.sieve.actions import FileInto, Keep, Notify, Redirect, Reject
from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.problems import BadScript, OutOfTime, Problem
from courriel.sieve.run import Environment, Outcome, Script, execute
from courriel.sieve.settings import SieveSettings

READY_OCTETS: Final = 2 * 1024 * 1024
"""``rules.ready``: source of the scripts kept ready, some 500 of 50 rules; the longest unused give way.  An octet of
source takes 23 in memory then (50 rules), 92 at worst."""

JUNK: Final = Place(special_use="\\Junk")
"""Where mail goes whose rejection nobody can be told of without harm."""


class After(msgspec.Struct, frozen=True):
    """What is left to do for one reader once the message is taken."""

    account: AccountId
    drop: Drop
    letter: Letter
    outcome: Outcome
    script: Kept
    report: str | None = None
    """The reason of a rejection that its sender gets a report of."""


class _Round(msgspec.Struct):
    """One message under way through the scripts of its readers."""

    transit: Transit
    plan: Plan
    letters: list[Letter]
    first: Letter | None
    """The letter for the people of the envelope; None where there is none."""
    readers: set[AccountId]
    """Who gets it, or got it: nobody twice, so redirects cannot go round."""
    sorted: list[Letter] = []
    """Letters whose drops are as scripts want them."""
    after: list[After] = []
    rejected: list[tuple[Letter, Drop, Reject]] = []


class Ready:
    """Scripts by digest, with at most ``most`` octets of source; those used last stay."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._scripts: dict[bytes, tuple[Script, int]] = {}
        self.octets = 0

    def get(self, digest: bytes) -> Script | None:
        found = self._scripts.pop(digest, None)
        if found is None:
            return None
        self._scripts[digest] = found  # now the last to go
        return found[0]

    def put(self, digest: bytes, script: Script, octets: int) -> None:
        if self.get(digest) is not None:  # two deliveries made it at the same time
            return
        self._scripts[digest] = (script, octets)
        self.octets += octets
        while self.octets > self._most:
            _, gone = self._scripts.pop(next(iter(self._scripts)))
            self.octets -= gone


class Rules:
    """Runs scripts, and makes letters of what they want."""

    def __init__(
        self,
        scripts: SieveStore,
        store: MailStore,
        directory: Directory,
        settings: SieveSettings,
        hostname: str,
        keys: Sequence[bytes],
        find: Callable[[Door, Address, Address], Target | None],
    ) -> None:
        """``find`` is how intake finds the target of an address."""
        self._scripts = scripts
        self._store = store
        self._directory = directory
        self._settings = settings
        self._hostname = hostname
        self._keys = keys
        self._find = find
        self._ready = Ready(READY_OCTETS)

    def concern(self, letters: Sequence[Letter]) -> bool:
        """Whether anybody of those readers has a script at work."""
        active = self._scripts.active
        for letter in letters:
            for drop in letter.drops:
                if active(drop.account.id) is not None:
                    return True
        return False

    async def sort(self, transit: Transit, plan: Plan, letters: list[Letter]) -> list[After]:
        """Change ``letters`` and ``plan`` as the scripts want it; returns what is to be done when all is taken."""
        readers = {drop.account.id for letter in letters for drop in letter.drops}
        first = next((letter for letter in letters if letter.drops is plan.drops), None)
        now = _Round(transit, plan, letters, first, readers, [], [], [])
        at = 0
        while at < len(letters):  # what is redirected to somebody here is appended on the way
            await self._sort_letter(now, letters[at])
            at += 1
        letters += now.sorted
        self._settle_rejections(now)
        return now.after

    async def _sort_letter(self, now: _Round, letter: Letter) -> None:
        drops, kept, edited = letter.drops, list[Drop](), list[Drop]()
        for drop in drops:
            active = self._scripts.active(drop.account.id)
            if active is None:
                kept.append(drop)
                continue
            outcome = await self._outcome(now.transit, letter, drop, active)
            now.after.append(After(drop.account.id, drop, letter, outcome, active))
            for content, places in _places(await self._carry(now, letter, drop, outcome)).items():
                sorted = msgspec.structs.replace(drop, places=tuple(places))
                if content is None:
                    kept.append(sorted)
                else:
                    edited.append(sorted)
                    now.sorted.append(msgspec.structs.replace(letter, content=content, drops=[sorted], remote=[]))
        if letter is now.first:
            now.plan.drops = kept + edited
        letter.drops = kept

    # --- running ------------------------------------------------------------------------------------------------
    async def _outcome(self, transit: Transit, letter: Letter, drop: Drop, active: Kept) -> Outcome:
        """What a reader's script wants.  Whatever is wrong with it, the mail is kept."""
        account, settings = drop.account.id, self._settings
        try:
            script = await self._script(account, active)
            environment = await self._environment(transit, letter, drop, script)
        except BadScript as error:
            return Outcome((Keep(),), (), error.problems[0])
        message = Message(letter.content, letter.fields)
        if len(letter.content) < LONG_OCTETS:
            try:
                return execute(script, message, environment, settings, settings.loop_ms / 1000)
            except OutOfTime:
                message = Message(letter.content, letter.fields)  # it may have been edited
        try:
            return await asyncio.to_thread(execute, script, message, environment, settings)
        except OutOfTime:
            text, most = N_("it took more than {count} ms of processor time"), settings.cpu_ms
            return Outcome((Keep(),), (), Problem(1, text, {"count": most}))

    async def _script(self, account: AccountId, kept: Kept) -> Script:
        """Ready to run.  Raises BadScript."""
        script = self._ready.get(kept.digest)
        if script is None:
            content = await self._scripts.read(account, kept.name)
            script = await asyncio.to_thread(compile_script, content, self._settings)
            self._ready.put(kept.digest, script, len(content))
        return script

    async def _environment(self, transit: Transit, letter: Letter, drop: Drop, script: Script) -> Environment:
        account, client, now = drop.account.id, transit.envelope.client, transit.received_at
        mailboxes, uses = frozenset[str](), dict[str, str]()
        if not script.capabilities.isdisjoint(("mailbox", "special-use")):
            boxes = await self._store.mailboxes(account)
            mailboxes = frozenset(box.path for box in boxes)
            uses = {f"\\{box.role.value}": box.path for box in boxes if box.role is not None}
        included = await self._included(account) if "include" in script.capabilities else {}
        items = {"domain": self._hostname.partition(".")[2], "host": self._hostname, "location": "MS"}
        items |= {"name": "Courriel", "phase": "during", "version": __version__}
        return Environment(
            str(letter.reverse_path),
            str(drop.recipient.address),
            now,
            time.thread_time,
            client.login,
            items | ({"remote-ip": client.ip} if client.ip else {}),
            mailboxes,
            uses,
            lambda id: self._scripts.known(account, f"duplicate {id}", now),
            lambda location, name: included.get(name) if location == "personal" else None,
            transit.spam,
            transit.virus,
        )

    async def _included(self, account: AccountId) -> dict[str, Script]:
        """The account's scripts that work, by name.  RFC 6609 §3.2: those of others are none of its."""
        found = {}
        for kept in await self._scripts.scripts(account):
            try:
                found[kept.name] = await self._script(account, kept)
            except BadScript:
                log.event("sieve.include.bad", Level.WARNING, account=account, script=kept.name)
        return found

    # --- what comes of it ---------------------------------------------------------------------------------------
    async def _carry(
        self, now: _Round, letter: Letter, drop: Drop, outcome: Outcome
    ) -> list[tuple[bytes | None, Place]]:
        """Where the mail is filed, with the content that is filed; redirects become letters."""
        filed: list[tuple[bytes | None, Place]] = []
        for action in outcome.actions:
            if isinstance(action, Keep):
                filed.append((action.content, Place(flags=action.flags)))
            elif isinstance(action, FileInto):
                place = Place(action.mailbox, action.flags, action.create, action.special_use)
                filed.append((action.content, place))
            elif isinstance(action, Redirect):
                if not await self._redirect(now, letter, drop, action):
                    filed.append((None, Place()))
            elif isinstance(action, Reject):
                now.rejected.append((letter, drop, action))
        _tell(now.transit, drop, outcome)
        return filed

    async def _redirect(self, now: _Round, letter: Letter, drop: Drop, action: Redirect) -> bool:
        """A letter for the address; False when the message was here before: then it is kept (RFC 5228 §10)."""
        transit, owner = now.transit, drop.account.login
        content = letter.content if action.content is None else action.content
        if owner in forward.been_at(content[: header_length(content)]):
            now.plan.loops.append(owner)
            return False
        to = msgspec.structs.replace(drop.recipient, address=address_of(action.address), key="")
        fields = b"Delivered-To: %b\r\n%b" % (owner.encode("utf-8"), letter.fields)
        new = msgspec.structs.replace(
            letter,
            reverse_path=self._sender_there(transit, letter.reverse_path, owner),
            content=content,
            fields=fields,
            drops=[],
            remote=[to],
            personal="",
            forwarder=owner,
            account="",
        )
        if self._directory.domain(to.address.domain) is not None:
            await self._lead_inside(now, new, to)
        if new.remote or new.drops:
            now.letters.append(new)
        return True

    def _sender_there(self, transit: Transit, sender: Address, owner: str) -> Address:
        """Null where a bounce would be led on to a name that may be stolen, as when mail is forwarded."""
        if sender == transit.envelope.reverse_path and not transit.may_be_answered:
            return NULL_PATH
        return forward.sender_there(sender, owner.rpartition("@")[2], self._directory, self._keys, transit.received_at)

    async def _lead_inside(self, now: _Round, letter: Letter, to: Recipient) -> None:
        """The address is one of ours: its readers get the letter at once.  Lists, people who are sent on to, and those
        who have no room just now get it through the queue, as from outside."""
        sub = make_plan(
            lambda address: self._find(Door.OWN, letter.reverse_path, address),
            self._directory,
            (to,),
            lambda: frozenset({letter.forwarder}),
        )
        if sub.forwards or sub.calls or any(route.refusal is not None for route in sub.routes):
            return
        octets = len(letter.fields) + len(letter.content)
        for drop in sub.drops:
            if drop.account.quota_octets and not (await self._store.quota(drop.account.id)).has_room(octets, 1):
                return
        letter.drops = [drop for drop in sub.drops if drop.account.id not in now.readers]
        letter.remote = sub.remote
        now.readers.update(drop.account.id for drop in letter.drops)

    # --- rejections ---------------------------------------------------------------------------------------------
    def _settle_rejections(self, now: _Round) -> None:
        """In the session where that can be; else a report to people of the house; else, since reports to strangers hit
        those whose name was forged (AUTH attack row 37), the mail goes to the reader's junk."""
        refused = [self._places_of(now, *one) for one in now.rejected]
        door, routes = now.transit.envelope.door, now.plan.routes
        given_up = {place for places in refused for place in places}
        left = [n for n, route in enumerate(routes) if route.refusal is None and n not in given_up]
        for (letter, drop, action), places in zip(now.rejected, refused, strict=True):
            if places and (not left or door is Door.LMTP):
                for place in places:
                    reason = Rejected(f"by {drop.account.login}", action.reason)
                    routes[place] = Route(routes[place].recipient, None, reason)
            elif self._is_of_the_house(now.transit, letter):
                [number] = [n for n, after in enumerate(now.after) if after.drop == drop and after.letter is letter]
                now.after[number] = msgspec.structs.replace(now.after[number], report=action.reason)
            else:
                apart = msgspec.structs.replace(drop, places=(JUNK,))
                letter.drops.append(apart)
                if letter is now.first:
                    now.plan.drops = [*now.plan.drops, apart]
                log.event("sieve.reject.untold", msg=now.transit.id, account=drop.account.login)

    def _places_of(self, now: _Round, letter: Letter, drop: Drop, _action: Reject) -> list[int]:
        """The places of those recipients in the envelope who are this reader and nobody else."""
        account = drop.account
        if letter is not now.first or account.forward_to:
            return []
        if now.transit.envelope.door is Door.OWN and not self._is_of_the_house(now.transit, letter):
            return []
        return [
            number
            for number, route in enumerate(now.plan.routes)
            if (target := route.target) is not None
            and [one.id for one in target.accounts if one.enabled] == [account.id]
            and not (target.forward_to or target.lists)
        ]

    def _is_of_the_house(self, transit: Transit, letter: Letter) -> bool:
        """Whether its sender is known to be who it says: somebody logged in, or this server itself."""
        sender, envelope = letter.reverse_path, transit.envelope
        proven = envelope.client.is_logged_in or envelope.door is Door.OWN
        return proven and not sender.is_null and self._directory.domain(sender.domain) is not None


def _places(filed: list[tuple[bytes | None, Place]]) -> dict[bytes | None, list[Place]]:
    found: dict[bytes | None, list[Place]] = {}
    for content, place in filed:
        found.setdefault(content, []).append(place)
    return found


def _tell(transit: Transit, drop: Drop, outcome: Outcome) -> None:
    """Note for the message's journey what the script wanted."""
    wanted = ", ".join(_word(action) for action in outcome.actions)
    problem = outcome.error.sentence(str) if outcome.error is not None else ""
    fields: dict[str, str | int] = {"account": drop.account.login, "wanted": wanted}
    transit.notes.append(("delivery.sorted", fields | ({"error": problem} if problem else {})))


def _word(action: object) -> str:
    if isinstance(action, FileInto):
        return f"fileinto {action.mailbox}"
    if isinstance(action, Redirect | Notify):
        return f"{type(action).__name__.lower()} {action.address}"
    assert isinstance(action, msgspec.Struct)
    return type(action).__name__.lower()
