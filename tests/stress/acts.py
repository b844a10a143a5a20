"""What mail programs do under stress: each act says commands, knows what must come of them, and checks that it did.

Acts are a table.  A new verb of the server is a new function here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random

from courriel.imap.wire.client_response import Response, fetch_items
from tests.imap.test_sessions import numbers
from tests.stress.session import Session, number
from tests.stress.world import Box, Letter, World

FLAGS = (b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Draft", b"$Label", b"$Junk", b"NonJunk")
NAMES = ("INBOX", "Archive", "Trash", "Junk", "Work", "Work/a", "Work/a/b", "Été & Cie", "日本/語", "new", "INBOX/x")


class Stress:
    """The sessions, the world, and the dice.  ``emailids``: what was told for each origin."""

    def __init__(self, world: World, sessions: list[Session], random: Random) -> None:
        self.world, self.sessions, self.random = world, sessions, random
        self.emailids: dict[int, bytes] = {}
        self.letters = 0

    def octets(self) -> bytes:
        self.letters += 1
        lines = b"x" * self.random.choice((0, 40, 5_000))
        return b"From: a@b.test\r\nSubject: token%dend\r\n\r\n%b\r\n" % (self.letters, lines)

    def flags(self, most: int = 3) -> frozenset[bytes]:
        return frozenset(self.random.sample(FLAGS, self.random.randint(0, most)))

    def some(self, session: Session) -> list[int]:
        """UIDs that a session knows of, whether they are still there or not."""
        known = session.uids()
        return sorted(self.random.sample(known, self.random.randint(1, min(4, len(known))))) if known else []

    def name(self, session: Session) -> str:
        return "INBOX" if session.login != b"alice" else self.random.choice(NAMES)

    def check_emailid(self, letter: Letter, told: bytes) -> None:
        told = told.replace(b"M1_", b"M")
        assert self.emailids.setdefault(letter.origin, told) == told, "a copy has another EMAILID"
        assert len(set(self.emailids.values())) == len(self.emailids), "two messages have one EMAILID"


Act = Callable[[Stress, Session, Box], Awaitable[None]]


def uid_set(uids: Sequence[int]) -> bytes:
    return b",".join(b"%d" % uid for uid in uids)


# --- in the selected mailbox ------------------------------------------------------------------------------------
async def fetch(stress: Stress, session: Session, box: Box) -> None:
    uids = stress.some(session)
    if not uids:
        return
    there = {letter.uid: letter for letter in box.some(uids)}
    # What somebody else expunged may be said to be gone (RFC 2180 §4.1.2), or still be shown.
    may_say = (b"OK",) if len(there) == len(uids) else (b"OK", b"NO")
    told = await session.say(b"UID FETCH %b (EMAILID RFC822.SIZE BODY.PEEK[])" % uid_set(uids), *may_say)
    rows = [fetch_items(one) for one in told if one.name == b"FETCH" and b"EMAILID" in fetch_items(one)]
    by_uid = {number(row[b"UID"]): row for row in rows}
    assert there.keys() <= by_uid.keys() <= set(uids)
    for uid, letter in there.items():
        assert by_uid[uid][b"BODY[]"] == letter.octets and number(by_uid[uid][b"RFC822.SIZE"]) == len(letter.octets)
        stress.check_emailid(letter, by_uid[uid][b"EMAILID"][0])  # type: ignore[index, arg-type]


async def read(stress: Stress, session: Session, box: Box) -> None:
    """Without PEEK it is \\Seen from now on, unless the mailbox is only examined."""
    uids = stress.some(session)[:1]
    [letter] = box.some(uids) or [None]
    if letter is None:
        return
    await session.say(b"UID FETCH %d (BODY[TEXT])" % letter.uid)
    if not session.read_only:
        letter.change(letter.flags | {b"\\Seen"})


async def store(stress: Stress, session: Session, box: Box) -> None:
    uids = stress.some(session)
    if not uids:
        return
    flags, sign = stress.flags() or frozenset([b"\\Seen"]), stress.random.choice((b"+", b"-", b""))
    by_uid, silent = stress.random.random() < 0.5, stress.random.random() < 0.3
    if by_uid:
        text = b"UID STORE %b" % uid_set(uids)
    else:
        text = b"STORE %b" % uid_set([at for at, one in enumerate(session.messages, 1) if one[0] in set(uids)])
    if silent:
        for message in session.messages:
            if message[0] in uids and message[1] is not None:
                message[1] = changed(message[1], sign, flags)
    text += b" %bFLAGS%b (%b)" % (sign, b".SILENT" if silent else b"", b" ".join(flags))
    if session.read_only:
        await session.say(text, b"NO")
        await session.choose(stress.world.name(box))
        return
    for letter in box.some(uids):
        letter.change(changed(letter.flags, sign, flags))
    await session.say(text)


def changed(before: frozenset[bytes], sign: bytes, flags: frozenset[bytes]) -> frozenset[bytes]:
    return before | flags if sign == b"+" else before - flags if sign == b"-" else flags


async def store_unchanged(stress: Stress, session: Session, box: Box) -> None:
    """UNCHANGEDSINCE, RFC 7162 §3.1.3, with somebody else between the look and the change."""
    uids = stress.some(session)[:2]
    letters = box.some(uids)
    if not letters or session.read_only:
        return
    told = await session.say(b"UID FETCH %b (MODSEQ)" % uid_set([one.uid for one in letters]))
    seen = {one.uid: one.version for one in letters}
    rows = [fetch_items(one) for one in told if one.name == b"FETCH" and b"MODSEQ" in fetch_items(one)]
    since = max(number(row[b"MODSEQ"]) for row in rows)
    await between(stress, session, box)
    letters = [one for one in letters if one in box.letters]
    conflicts = [one.uid for one in letters if one.version != seen[one.uid]]
    for one in letters:
        if one.uid not in conflicts:
            one.change(one.flags | {b"$Label"})
    await session.say(b"UID STORE %b (UNCHANGEDSINCE %d) +FLAGS ($Label)" % (uid_set(list(seen)), since))
    code = session.answer.code
    assert (numbers(code[1]) if code and code[0] == b"MODIFIED" else []) == conflicts


async def between(stress: Stress, session: Session, box: Box) -> None:
    other = stress.random.choice(stress.sessions)
    if other is not session and other.box is box:
        await other.rouse()
        await stress.random.choice((store, expunge, read))(stress, other, box)


async def copy_or_move(stress: Stress, session: Session, box: Box) -> None:
    uids, target = stress.some(session), stress.name(session)
    if not uids:
        return
    moving, by_uid = stress.random.random() < 0.5 and not session.read_only, stress.random.random() < 0.5
    numbers_ = uid_set(uids)
    if not by_uid:
        numbers_ = uid_set([at for at, one in enumerate(session.messages, 1) if one[0] in set(uids)])
    verb = (b"UID " if by_uid else b"") + (b"MOVE" if moving else b"COPY")
    text = b"%b %b %b" % (verb, numbers_, session.quoted(target))
    goal, letters = stress.world.boxes.get(target), box.some(uids)
    if goal is None:
        await session.say(text, b"NO")
        assert session.answer.code[:1] == [b"TRYCREATE"]
        return
    if not letters:
        await session.say(text, b"NO")
        return
    targets = stress.world.copy(letters, goal)
    if moving:
        box.remove(letters)
    told = await session.say(text)
    [code] = [one.code for one in (*told, session.answer) if one.code[:1] == [b"COPYUID"]]
    stress.world.learn_validity(goal, number(code[1]))
    assert (numbers(code[2]), numbers(code[3])) == ([letter.uid for letter in letters], targets)


async def expunge(stress: Stress, session: Session, box: Box) -> None:
    doomed = [letter for letter in box.letters if b"\\Deleted" in letter.flags]
    text = b"EXPUNGE"
    if stress.random.random() < 0.4 and (uids := stress.some(session)):
        doomed = [letter for letter in doomed if letter.uid in uids]
        text = b"UID EXPUNGE " + uid_set(uids)
    if session.read_only:
        await session.say(text, b"NO")
        return
    box.remove(doomed)
    await session.say(text)


async def search(stress: Stress, session: Session, box: Box) -> None:
    await session.sync()
    token = stress.random.randint(1, stress.letters or 1)
    keys: list[tuple[bytes, Callable[[Letter], bool]]] = [
        (b"UNSEEN", lambda one: not one.seen),
        (b"NOT DELETED", lambda one: b"\\Deleted" not in one.flags),
        (b"KEYWORD $Junk", lambda one: b"$Junk" in one.flags),
        (b"OR FLAGGED UNKEYWORD $Label", lambda one: b"\\Flagged" in one.flags or b"$Label" not in one.flags),
        (b"SUBJECT token%dend" % token, lambda one: b"token%dend" % token in one.octets),
        (b"LARGER 1000", lambda one: len(one.octets) > 1000),
    ]
    key, holds = stress.random.choice(keys)
    expected = [letter.uid for letter in box.letters if holds(letter)]
    await session.say(b"UID SEARCH " + key)
    assert session.searched == expected, f"{key!r}: {session.searched}, must be {expected}"
    await session.say(b"UID SEARCH RETURN (SAVE COUNT) " + key)
    told = await session.say(b"UID FETCH $ (UID)")
    assert [number(fetch_items(one)[b"UID"]) for one in told if one.name == b"FETCH"] == expected
    if expected and (email := stress.emailids.get(box.some(expected)[0].origin)):
        if session.login != b"alice":
            email = email.replace(b"M", b"M1_")
        await session.say(b"UID SEARCH EMAILID " + email)
        assert expected[0] in session.searched


async def close(stress: Stress, session: Session, box: Box) -> None:
    silent = stress.random.random() < 0.5
    if not silent and not session.read_only:
        box.remove([letter for letter in box.letters if b"\\Deleted" in letter.flags])
    await session.say(b"UNSELECT" if silent else b"CLOSE")
    session.box, session.messages = None, []


async def nap(stress: Stress, session: Session, box: Box) -> None:
    """IDLE, for as long as it has nothing to do."""
    await session.idle()


# --- of the account ---------------------------------------------------------------------------------------------
async def append(stress: Stress, session: Session, _: Box) -> None:
    name = stress.name(session)
    news = [(stress.octets(), stress.flags()) for _ in range(stress.random.choice((1, 1, 2)))]
    text = b"APPEND " + session.quoted(name)
    for octets, flags in news:
        text += b" (%b) {%d+}\r\n%b" % (b" ".join(flags), len(octets), octets)
    goal = stress.world.boxes.get(name)
    if goal is None:
        await session.say(text, b"NO")
        return
    uids = [stress.world.append(goal, octets, flags) for octets, flags in news]
    await session.say(text)
    assert session.answer.code[0] == b"APPENDUID" and numbers(session.answer.code[2]) == uids
    stress.world.learn_validity(goal, number(session.answer.code[1]))


async def choose(stress: Stress, session: Session, _: Box) -> None:
    name = stress.random.choice(["INBOX", stress.name(session)])
    if name in stress.world.boxes:
        await session.choose(name, read_only=stress.random.random() < 0.15)


async def come_back(stress: Stress, session: Session, _: Box) -> None:
    """The line breaks; others go on; it comes back, with QRESYNC where it can."""
    await session.leave()
    session.box = None
    for _step in range(stress.random.randint(0, 3)):
        other = stress.random.choice(stress.sessions)
        if other is not session and other.box is not None:
            await other.rouse()
            await stress.random.choice((store, expunge, copy_or_move))(stress, other, other.box)
    await session.connect()
    if session.enable == b"QRESYNC" and session.last is not None:
        await session.resync()


async def status(stress: Stress, session: Session, _: Box) -> None:
    name = stress.name(session)
    text = b"STATUS %b (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE)" % session.quoted(name)
    box = stress.world.boxes.get(name)
    told = await session.say(text, b"NO" if box is None else b"OK")
    if box is not None:
        check_status(stress.world, box, next(one for one in told if one.name == b"STATUS"))


def check_status(world: World, box: Box, told: Response) -> None:
    items = told.values[-1]
    assert isinstance(items, list)
    values = {bytes(items[at] or b""): number(items[at + 1]) for at in range(0, len(items), 2)}
    world.learn_validity(box, values.pop(b"UIDVALIDITY"))
    assert values == {
        b"MESSAGES": len(box.letters),
        b"UIDNEXT": box.uidnext,
        b"UNSEEN": sum(not letter.seen for letter in box.letters),
        b"DELETED": sum(b"\\Deleted" in letter.flags for letter in box.letters),
        b"SIZE": sum(len(letter.octets) for letter in box.letters),
    }


async def listing(stress: Stress, session: Session, _: Box) -> None:
    """All mailboxes of the account with their STATUS, and what is subscribed."""
    if session.login != b"alice":
        return
    world = stress.world
    told = await session.say(
        b'LIST "" "*" RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE))'
    )
    listed = {session.unquoted(one.values[2]): set(one.values[0]) for one in told if one.name == b"LIST"}  # type: ignore[arg-type]
    assert listed.keys() == world.boxes.keys()
    for name, attributes in listed.items():
        assert (b"\\HasChildren" in attributes) is bool(world.below(name)), name
        assert (b"\\Subscribed" in attributes) is (name in world.subscribed), name
    counted = [one for one in told if one.name == b"STATUS"]
    assert len(counted) == len(listed)
    for one in counted:
        check_status(world, world.boxes[session.unquoted(one.values[0])], one)  # type: ignore[arg-type]
    told = await session.say(b'LIST (SUBSCRIBED) "" "*"')
    assert {session.unquoted(one.values[2]) for one in told if one.name == b"LIST"} == world.subscribed  # type: ignore[arg-type]


async def create(stress: Stress, session: Session, _: Box) -> None:
    name = stress.name(session)
    if session.login == b"alice":
        await session.say(b"CREATE " + session.quoted(name), b"OK" if stress.world.create(name) else b"NO")


async def delete(stress: Stress, session: Session, _: Box) -> None:
    """Whoever has it open is disconnected (the deleter is not), and comes back."""
    name = stress.name(session)
    box = stress.world.boxes.get(name)
    if session.login != b"alice":
        return
    done = stress.world.delete(name)
    await session.say(b"DELETE " + session.quoted(name), b"OK" if done else b"NO")
    if done and session.box is box:
        session.box, session.messages = None, []
    for other in stress.sessions:
        if done and other.box is box and other is not session:
            await other.connect()


async def rename(stress: Stress, session: Session, _: Box) -> None:
    name, new = stress.name(session), stress.name(session)
    if session.login == b"alice":
        done = stress.world.rename(name, new)
        await session.say(b"RENAME %b %b" % (session.quoted(name), session.quoted(new)), b"OK" if done else b"NO")


async def subscribe(stress: Stress, session: Session, _: Box) -> None:
    """A subscription outlives its mailbox (RFC 9051 §6.3.7)."""
    name, world = stress.name(session), stress.world
    if session.login != b"alice":
        return
    if stress.random.random() < 0.5:
        await session.say(b"SUBSCRIBE " + session.quoted(name), b"OK" if name in world.boxes else b"NO")
        if name in world.boxes:
            world.subscribed.add(name)
    else:
        await session.say(b"UNSUBSCRIBE " + session.quoted(name), b"OK" if name in world.subscribed else b"NO")
        world.subscribed.discard(name)


SELECTED: dict[Act, int] = {
    fetch: 5, read: 3, store: 8, store_unchanged: 3, copy_or_move: 6, expunge: 3, search: 4, close: 1, nap: 3,
}  # fmt: skip
"""Acts in a mailbox, and how often."""

ANYWHERE: dict[Act, int] = {
    append: 6, choose: 2, come_back: 2, status: 3, listing: 2, create: 2, delete: 1, rename: 1, subscribe: 1,
}  # fmt: skip


async def act(stress: Stress, said: list[str]) -> None:
    """One act of one session, and then it knows the truth; now and then all others do too."""
    random = stress.random
    session = random.choice(stress.sessions)
    table = ANYWHERE if session.box is None else SELECTED | ANYWHERE
    [chosen] = random.choices(list(table), list(table.values()))
    await session.rouse()
    said.append(f"{stress.sessions.index(session)} {chosen.__name__}")
    await chosen(stress, session, session.box or Box())
    if chosen is not nap:
        await session.sync()
    if random.random() < 0.05:
        for other in stress.sessions:
            await other.sync()
