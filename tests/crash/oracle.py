"""What must be there after a crash, known from outside: from the lines the lanes told, not from the store.

``expect`` turns lines into the states each message and mailbox may be in: a step that was acknowledged has happened,
one that was only begun may have happened, wholly or not at all.  ``judge`` looks at an opened store and lists what
is wrong.

Acknowledged flag changes may be lost by a power cut (``lossy``) unless something durable was asked for later and
acknowledged: the next transaction brings all flags so far to the disk (PERFORMANCE, "Decided").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from courriel.base.errors import CourrielError
from courriel.model.flags import DELETED, SEEN
from courriel.model.ids import AccountId, MailboxId, ModSeq
from courriel.ports.store import Column, MailStore
from tests.crash.lanes import ACCOUNTS, Line, message, octets_of, token_of

GONE = "~"
"""Before a mailbox's name: expunged from it, and restorable."""

PROBE = "probe"

Placement = tuple[str, int, int]
"""Mailbox, UID (0: not known), flags."""

State = tuple[Placement, ...]


@dataclass(slots=True)
class Step:
    """One call: what was asked, when it began and was acknowledged (places in the list of lines), what it gave."""

    asked: Line
    begun_at: int
    done_at: int | None = None
    result: Line = field(default_factory=dict)


@dataclass(slots=True)
class Expected:
    """What may be, and what must never be given again."""

    messages: dict[tuple[int, str], set[State]] = field(default_factory=lambda: defaultdict(lambda: {()}))
    boxes: dict[tuple[int, str], set[str | None]] = field(default_factory=lambda: defaultdict(lambda: {None}))
    together: list[list[tuple[int, str]]] = field(default_factory=list)
    uidvalidity: dict[tuple[int, str], int] = field(default_factory=dict)
    made_uidvalidity: dict[tuple[int, str], int] = field(default_factory=dict)
    highest_uid: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    highest_modseq: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    ids: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)


def steps_of(lines: Sequence[Line]) -> list[Step]:
    """In the order in which they began."""
    steps: dict[str, Step] = {}
    for at, line in enumerate(lines):
        if line["e"] == "begin":
            steps[line["n"]] = Step(line, at)
        elif line["e"] == "done":
            steps[line["n"]].done_at = at
            steps[line["n"]].result = line
    return list(steps.values())


def expect(lines: Sequence[Line], *, lossy: bool) -> Expected:
    expected = Expected()
    for line in lines:
        if line["e"] == "known":
            expected.uidvalidity[line["a"], line["path"]] = line["v"]
        elif line["e"] == "failed" and line["wrong"]:
            expected.wrong.append(f"a store raised {line['error']}")
    steps = steps_of(lines)
    durable = [step.begun_at for step in steps if step.asked["op"] != "flag" and step.done_at is not None]
    last_durable = max(durable, default=-1)
    for step in steps:
        done = step.done_at is not None
        if lossy and done and step.asked["op"] == "flag":
            done = step.done_at is not None and step.done_at < last_durable
        remember_numbers(expected, step)
        if "token" in step.asked:
            follow_message(expected, step, done)
        else:
            follow_box(expected, step, done)
    return expected


def remember_numbers(expected: Expected, step: Step) -> None:
    """Whatever was told to somebody must not be given to anything else."""
    accounts, result = step.asked["a"], step.result
    target = step.asked.get("to") or step.asked.get("box")
    for account, uid in zip(accounts, result.get("uids", ()), strict=False):
        expected.highest_uid[account, target] = max(expected.highest_uid[account, target], uid)
    for account, modseq in zip(accounts, result.get("modseqs", ()), strict=False):
        expected.highest_modseq[account] = max(expected.highest_modseq[account], modseq)
    for account, number in zip(accounts, result.get("ids", ()), strict=False):
        expected.ids[account].append(number)


def follow_message(expected: Expected, step: Step, done: bool) -> None:
    asked = step.asked
    if asked["op"] == "append" and step.done_at is None and len(asked["a"]) > 1:
        expected.together.append([(account, asked["token"]) for account in asked["a"]])
    for n, account in enumerate(asked["a"]):
        key = (account, asked["token"])
        uids = step.result.get("uids", ())
        after = {applied(state, asked, uids[n] if n < len(uids) else 0) for state in expected.messages[key]}
        expected.messages[key] = after if done else expected.messages[key] | after


def applied(state: State, asked: Line, uid: int) -> State:
    """The state after a step; the same where the step finds nothing to do."""
    match asked["op"]:
        case "append":
            return (*state, (asked["box"], uid, asked["flags"]))
        case "flag":
            return tuple((b, u, f | asked["flags"]) if b == asked["box"] else (b, u, f) for b, u, f in state)
        case "copy":
            return (*state, *((asked["to"], uid, f) for b, _, f in state if b == asked["box"]))
        case "move":
            return tuple((asked["to"], uid, f) if b == asked["box"] else (b, u, f) for b, u, f in state)
        case "expunge":
            return tuple((GONE + b, u, f) if b == asked["box"] else (b, u, f) for b, u, f in state)
    raise AssertionError(asked["op"])


def follow_box(expected: Expected, step: Step, done: bool) -> None:
    key = (step.asked["a"][0], step.asked["name"])
    after = {None} if step.asked["op"] == "delete" else {step.asked["path"]}
    expected.boxes[key] = after if done else expected.boxes[key] | after
    if "v" in step.result:
        expected.made_uidvalidity[key] = step.result["v"]


async def judge(store: MailStore, lines: Sequence[Line], *, lossy: bool = False, probe: str = "") -> list[str]:
    """What is wrong with the store, in plain words; nothing when all is well.

    With ``probe`` (a name not used before) also appends to every mailbox, to see which numbers are given next.
    """
    expected = expect(lines, lossy=lossy)
    wrong = list(expected.wrong)
    try:
        for account in ACCOUNTS:
            if any(key[0] == account for key in expected.uidvalidity):
                wrong += await judge_account(store, account, expected)
        wrong += await judge_together(store, expected)
        if probe:
            wrong += [fault for account in ACCOUNTS for fault in await judge_next(store, account, expected, probe)]
    except CourrielError as error:
        wrong.append(f"reading failed: {type(error).__name__}: {error}")
    return wrong


async def judge_account(store: MailStore, account: AccountId, expected: Expected) -> list[str]:
    wrong: list[str] = []
    found: dict[str, list[Placement]] = defaultdict(list)
    boxes = {box.path: box for box in await store.mailboxes(account)}
    total_octets = total_messages = 0
    for box in boxes.values():
        view = await store.view(account, box.id)
        count = len(view.uids)
        ids: Sequence[Any] = await store.column(view, Column.ID, 0, count)
        sizes: Sequence[Any] = await store.column(view, Column.SIZE, 0, count)
        for uid, flags, number in zip(view.uids, view.flags, ids, strict=True):
            octets = await store.read(account, number)
            token = token_of(octets)
            found[token].append((box.path, uid, flags))
            if octets != octets_of(token):
                wrong.append(f"{account} {box.path} {uid}: octets of {token!r} are not what was sent")
        seen = (count, sum(not f & SEEN for f in view.flags), sum(bool(f & DELETED) for f in view.flags), sum(sizes))
        if (box.total, box.unseen, box.deleted, box.size_octets) != seen:
            wrong.append(f"{account} {box.path}: counters {box} are not the sums {seen}")
        if list(view.uids) != sorted(set(view.uids)) or (count and view.uids[-1] >= view.uidnext):
            wrong.append(f"{account} {box.path}: UIDs out of order")
        if count and max(view.modseqs) > view.modseq:
            wrong.append(f"{account} {box.path}: a message has a number above HIGHESTMODSEQ")
        if len(set(view.modseqs)) != count:
            wrong.append(f"{account} {box.path}: two messages have the same number")
        total_octets, total_messages = total_octets + sum(sizes), total_messages + count
    for gone in await store.expunged(account):
        octets = await store.read(account, gone.id)
        if octets != octets_of(token_of(octets)):
            wrong.append(f"{account} expunged {gone.uid}: octets are not what was sent")
        found[token_of(octets)].append((GONE + gone.path, gone.uid, 0))
    entries = await store.journal(account, ModSeq(0))
    named = {number: entry.modseq for entry in entries or () for number in entry.mailboxes}
    wrong += [
        f"{account} {box.path}: the journal does not reach {box.modseq}"
        for box in boxes.values()
        if entries is not None and named.get(box.id, 0) < box.modseq
    ]
    quota = await store.quota(account)
    if (quota.used_octets, quota.used_messages) != (total_octets, total_messages):
        wrong.append(f"{account}: quota {quota} is not the sum {total_octets, total_messages}")
    for token in {*found, *(token for owner, token in expected.messages if owner == account)}:
        states = expected.messages.get((account, token), {()})
        if not token.startswith(PROBE) and not any(fits(found[token], state) for state in states):
            wrong.append(f"{account} {token}: found {found[token]}, expected one of {sorted(states)}")
    for (owner, path), uidvalidity in expected.uidvalidity.items():
        if owner == account and (path not in boxes or boxes[path].uidvalidity != uidvalidity):
            wrong.append(f"{account} {path}: UIDVALIDITY is no longer {uidvalidity}")
    return wrong + judge_made_boxes(account, boxes, expected)


def fits(found: Sequence[Placement], state: State) -> bool:
    """Whether the copies found are those of ``state``, each exactly once."""
    left = list(state)
    for box, uid, flags in found:
        match = next(
            (one for one in left if one[0] == box and one[1] in (0, uid) and (one[2] == flags or box.startswith(GONE))),
            None,
        )
        if match is None:
            return False
        left.remove(match)
    return not left


def judge_made_boxes(account: AccountId, boxes: dict[str, Any], expected: Expected) -> list[str]:
    wrong = []
    for (owner, name), paths in expected.boxes.items():
        if owner != account:
            continue
        present = [path for path in boxes if path.rpartition("/")[2] == name]
        if len(present) > 1 or (present[0] if present else None) not in paths:
            wrong.append(f"{account}: mailbox {name} found as {present}, expected one of {paths}")
        uidvalidity = expected.made_uidvalidity.get((owner, name))
        if present and uidvalidity is not None and boxes[present[0]].uidvalidity != uidvalidity:
            wrong.append(f"{account} {present[0]}: UIDVALIDITY is no longer {uidvalidity}")
    validities = [box.uidvalidity for box in boxes.values()]
    if len(set(validities)) != len(validities):
        wrong.append(f"{account}: two mailboxes have the same UIDVALIDITY")
    return wrong


async def judge_together(store: MailStore, expected: Expected) -> list[str]:
    """A delivery to several that was not acknowledged reached all of them or none."""
    tokens: dict[int, set[str]] = {}
    for account in {account for keys in expected.together for account, _ in keys}:
        number = (await store.mailbox(AccountId(account), "INBOX")).id
        view = await store.view(AccountId(account), number)
        envelopes = await store.column(view, Column.ENVELOPE, 0, len(view.uids))
        tokens[account] = {bytes(e).split(b'"')[1].decode() for e in envelopes}  # type: ignore[arg-type]
    return [
        f"{keys}: delivered to some of them only"
        for keys in expected.together
        if len({token in tokens[account] for account, token in keys}) != 1
    ]


async def judge_next(store: MailStore, account: AccountId, expected: Expected, probe: str) -> list[str]:
    """Which numbers come next: none that was given before."""
    wrong = []
    if not any(key[0] == account for key in expected.uidvalidity):
        return []
    for box in await store.mailboxes(account):
        [stored] = await store.append([message(account, MailboxId(box.id), f"{PROBE}-{probe}-{box.id}")])
        told = expected.highest_uid.get((account, box.path), 0)
        if stored.uid <= told or stored.uid < box.uidnext:
            wrong.append(f"{account} {box.path}: UID {stored.uid} was given again (told {told}, next {box.uidnext})")
        if stored.modseq <= expected.highest_modseq[account]:
            wrong.append(f"{account} {box.path}: number {stored.modseq} <= told {expected.highest_modseq[account]}")
        if stored.id in expected.ids[account]:
            wrong.append(f"{account} {box.path}: id {stored.id} was given again")
    made = await store.create_mailbox(account, f"{PROBE}/{probe}")
    used = {v for (owner, _), v in {**expected.uidvalidity, **expected.made_uidvalidity}.items() if owner == account}
    if made.uidvalidity in used or made.id in expected.ids[account]:
        wrong.append(f"{account}: a new mailbox got UIDVALIDITY {made.uidvalidity} or id {made.id} a second time")
    if len(set(expected.ids[account])) != len(expected.ids[account]):
        wrong.append(f"{account}: an id was told twice")
    return wrong
