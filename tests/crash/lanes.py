"""A busy store: lanes that work at the same time, each telling what it begins and what was acknowledged.

A lane takes a message through its life, one step after the other: appended (often to two accounts at once), flagged,
copied, moved, expunged; one lane makes, renames and deletes mailboxes.  Every step is told twice, as a plain line
that can go through a pipe: ``begin`` before the call, ``done`` with the numbers after it (or ``failed``).
``oracle.py`` knows from these lines alone what must be there after a crash.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from courriel.base.errors import CourrielError
from courriel.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, FlagAction, FlagChange
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Summary
from courriel.ports.store import MailStore

ACCOUNTS = (AccountId(1), AccountId(2))

SIZES = (60, 300, 300, 2_000, 6_000, 6_000, 40_000)
"""Octets of padding: most in the row, some in a pack, some larger than a page or a sector."""

Line = dict[str, Any]
Tell = Callable[[Line], None]


def octets_of(token: str) -> bytes:
    """The message called ``token``; its size and every octet follow from the name."""
    chance = random.Random(token)
    size = chance.choice(SIZES)
    return b"Subject: %b\r\n\r\n%b\r\n" % (token.encode(), chance.randbytes(size // 2).hex().encode())


def token_of(octets: bytes) -> str:
    return octets.partition(b"\r\n")[0].removeprefix(b"Subject: ").decode("ascii", "replace")


def message(account: AccountId, mailbox: MailboxId, token: str, flags: int = 0) -> NewMessage:
    summary = Summary(
        envelope=b'(NIL "%b")' % token.encode(),
        bodystructure=b"(NIL)",
        parts=sha256(token.encode()).digest(),
        preview=token,
        message_id=b"<%b@x>" % token.encode(),
    )
    return NewMessage(account, mailbox, octets_of(token), summary, 1_790_000_000.0, flags=flags)


class Told:
    """Numbers the steps and tells them."""

    def __init__(self, tell: Tell, run: str) -> None:
        self._tell = tell
        self._run = run
        self._steps = 0

    async def step(self, fields: Line, call: Callable[[], Awaitable[Line]]) -> Line:
        """Tell ``fields``, do it, tell the result.  An error is told and goes on up."""
        self._steps += 1
        number = f"{self._run}.{self._steps}"
        self._tell({"n": number, "e": "begin", **fields})
        try:
            result = await call()
        except Exception as error:
            # Only errors raised on purpose may come out of a store.
            wrong = not isinstance(error, CourrielError)
            self._tell({"n": number, "e": "failed", "error": f"{type(error).__name__}: {error}", "wrong": wrong})
            raise
        self._tell({"n": number, "e": "done", **result})
        return result


async def set_up(store: MailStore, tell: Tell) -> None:
    """Make the accounts and tell their mailboxes' UIDVALIDITY."""
    for account in ACCOUNTS:
        await store.create_account(account, SPECIAL_MAILBOXES)
        for box in await store.mailboxes(account):
            tell({"n": f"box {account} {box.path}", "e": "known", "a": account, "path": box.path, "v": box.uidvalidity})


async def live(store: MailStore, tell: Tell, run: str, *, lanes: int, rounds: int | None) -> None:
    """Run the lanes; ``rounds`` messages each, or for ever.  Ends early when the store takes no more."""
    told = Told(tell, run)
    names = {(account, box.path): box.id for account in ACCOUNTS for box in await store.mailboxes(account)}
    works = [message_lane(store, told, names, f"{run}-{lane}", rounds) for lane in range(lanes)]
    outcomes = await asyncio.gather(*works, box_lane(store, told, run, rounds), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, CourrielError):
            raise outcome


async def message_lane(
    store: MailStore, told: Told, names: dict[tuple[AccountId, str], MailboxId], lane: str, rounds: int | None
) -> None:
    chance = random.Random(lane)
    turn = 0
    while rounds is None or turn < rounds:
        turn += 1
        accounts = list(ACCOUNTS) if chance.random() < 0.4 else [chance.choice(ACCOUNTS)]
        token = f"{lane}-{turn}"
        uids = await append(store, told, names, accounts, token, chance.choice((0, 0, SEEN)))
        await life(store, told, names, chance, accounts[0], token, uids[0])


async def append(
    store: MailStore,
    told: Told,
    names: dict[tuple[AccountId, str], MailboxId],
    accounts: list[AccountId],
    token: str,
    flags: int,
) -> list[int]:
    news = [message(account, names[account, "INBOX"], token, flags) for account in accounts]

    async def call() -> Line:
        stored = await store.append(news)
        return {
            "uids": [one.uid for one in stored],
            "ids": [one.id for one in stored],
            "modseqs": [one.modseq for one in stored],
        }

    fields = {"op": "append", "a": accounts, "token": token, "box": "INBOX", "flags": flags}
    return list((await told.step(fields, call))["uids"])


async def life(
    store: MailStore,
    told: Told,
    names: dict[tuple[AccountId, str], MailboxId],
    chance: random.Random,
    account: AccountId,
    token: str,
    uid: int,
) -> None:
    """What becomes of one message after it was appended to INBOX."""
    box = "INBOX"
    common = {"a": [account], "token": token}
    for _ in range(chance.randint(0, 3)):
        bits = chance.choice((SEEN, FLAGGED, ANSWERED, DELETED, SEEN | DELETED))

        async def flag(bits: int = bits, box: str = box, uid: int = uid) -> Line:
            result = await store.change_flags(account, names[account, box], [uid], FlagChange(FlagAction.ADD, bits))
            return {"modseqs": [result.modseq]}

        await told.step({"op": "flag", **common, "box": box, "flags": bits}, flag)
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    if chance.random() < 0.3:

        async def copy(box: str = box, uid: int = uid) -> Line:
            copied = await store.copy(account, names[account, box], [uid], names[account, "Archive"])
            return {"uids": list(copied.targets)}

        await told.step({"op": "copy", **common, "box": box, "to": "Archive"}, copy)
    if chance.random() < 0.4:

        async def move(box: str = box, uid: int = uid) -> Line:
            moved = await store.move(account, names[account, box], [uid], names[account, "Trash"])
            return {"uids": list(moved.targets)}

        [uid] = (await told.step({"op": "move", **common, "box": box, "to": "Trash"}, move))["uids"]
        box = "Trash"
    if chance.random() < 0.4:

        async def expunge(box: str = box, uid: int = uid) -> Line:
            await store.expunge(account, names[account, box], [uid])
            return {"modseqs": [(await store.view(account, names[account, box])).modseq]}

        await told.step({"op": "expunge", **common, "box": box}, expunge)


async def box_lane(store: MailStore, told: Told, run: str, rounds: int | None) -> None:
    chance = random.Random(run)
    turn = 0
    while rounds is None or turn < rounds:
        turn += 1
        account = chance.choice(ACCOUNTS)
        name, path = f"{run}-{turn}", f"made/{run}-{turn}"
        common = {"a": [account], "name": name}

        async def create(account: AccountId = account, path: str = path) -> Line:
            made = await store.create_mailbox(account, path)
            return {"v": made.uidvalidity, "ids": [made.id]}

        await told.step({"op": "create", **common, "path": path}, create)
        if chance.random() < 0.5:
            old, path = path, f"renamed/{name}"

            async def rename(account: AccountId = account, old: str = old, path: str = path) -> Line:
                await store.rename_mailbox(account, old, path)
                return {}

            await told.step({"op": "rename", **common, "path": path}, rename)
        if chance.random() < 0.5:

            async def delete(account: AccountId = account, path: str = path) -> Line:
                await store.delete_mailbox(account, path)
                return {}

            await told.step({"op": "delete", **common}, delete)
        await asyncio.sleep(0)
