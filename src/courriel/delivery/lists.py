"""Mail for lists, in each of their roles: posts, joining and leaving, answers, bounces.

What a post comes to are letters, which are taken with the message that brought them; what else is to be said (a
question, a notice) is mail of our own, handed in before the answer.  All of it can happen twice after a crash, and
does no harm then: a question is asked again, a day's bounce counts once.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from courriel.base.errors import FormatError
from courriel.base.i18n import LANGUAGES
from courriel.base.log import Level, log
from courriel.delivery import list_post, tell
from courriel.delivery.judge import header_length
from courriel.delivery.letter import Letter
from courriel.delivery.list_post import Verdict
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.notices import Notice, Wording, write
from courriel.delivery.route import find_target, make_plan
from courriel.formats import address as addresses
from courriel.formats.message.build import Person
from courriel.formats.path import parse_address
from courriel.formats.reports import dsn
from courriel.model.account import Target
from courriel.model.envelope import NULL_PATH, Address, Body, Door, Recipient, address_of
from courriel.model.mailing_list import (
    BOUNCE_DAYS,
    Asked,
    Call,
    Joining,
    MailingList,
    Member,
    NotAsked,
    Question,
    Role,
    bounce_key,
)
from courriel.model.notify import NEVER
from courriel.model.refusals import MailRefusal, NoSuchAddress, NotPermitted
from courriel.model.roster import canonical_address
from courriel.model.transit import Transit
from courriel.model.wishes import Granted
from courriel.ports.directory import Directory
from courriel.ports.lists import ListBook

DAY_S: Final = 86_400

ASK_AGAIN_S: Final = 3_600.0
"""``list.ask_again``: one question to an address in this time; else a forger could fill a mailbox with them."""

QUESTION_DAYS: Final = 14
"""``list.question_days``: how long a question waits for its answer, and a post for its moderator."""

NOTIFY: Final = frozenset({"FAILURE"})
"""What a list wants to hear of its posts: members come and go by failures, a delay is nobody's business."""


class HandIn(Protocol):
    """Takes mail of our own (``intake.Delivery.hand_in``)."""

    def __call__(self, recipient: Recipient, content: bytes) -> Awaitable[object]: ...


class ListDesk:
    """Answers calls.  ``keys`` seal what is put into addresses, the first is the newest."""

    def __init__(
        self,
        directory: Directory,
        book: ListBook,
        keys: Sequence[bytes],
        hostname: str,
        hand_in: HandIn,
        now: Callable[[], float],
        languages: tuple[str, ...] = LANGUAGES,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._directory = directory
        self._book = book
        self._keys = keys
        self._hostname = hostname
        self._hand_in = hand_in
        self._now = now
        self._languages = languages
        self._randomness = randomness

    # --- at RCPT --------------------------------------------------------------------------------------------------
    def check(self, call: Call) -> None:
        """Raises NoSuchAddress for a key we did not write."""
        kept, detail = call.list, call.detail
        if call.role is Role.CONFIRM:
            known = list_post.read_answer(self._keys, kept, detail) is not None
        elif call.role in (Role.BOUNCES, Role.UNSUBSCRIBE) and detail:
            known = list_post.read_member_key(self._keys, kept, detail) is not None
        else:
            return
        if not known:
            raise NoSuchAddress(kept.beside(call.role, detail))

    # --- with the message -----------------------------------------------------------------------------------------
    async def answer(self, call: Call, transit: Transit) -> list[Letter]:
        """Do what the mail asks for; letters are still to be taken.  Raises MailRefusal for a post that may not be."""
        header = transit.content[: header_length(transit.content)]
        if call.role is Role.POST:
            return await self._post(call.list, transit, header)
        if call.role is Role.BOUNCES:
            await self._bounced(call, transit, header)
            return []
        if list_post.is_automatic(header, null_sender=transit.envelope.reverse_path.is_null):
            tell.listed(transit, call.list, "ignored", "a program wrote it")
            return []
        if call.role is Role.CONFIRM:
            return await self._answered(call, transit)
        if transit.junk:
            tell.listed(transit, call.list, "ignored", "its sender is not proven")
            return []
        await self._asked_for(call, transit)
        return []

    async def _asked_for(self, call: Call, transit: Transit) -> None:
        kept, sender = call.list, _canonical(str(transit.envelope.reverse_path))
        if not sender:
            return
        if call.role is Role.REQUEST:
            await self._say(Notice.HELP, kept, sender)
            tell.listed(transit, kept, "helped", sender)
        elif call.role is Role.SUBSCRIBE:
            await self._wants_in(kept, transit, sender)
        elif call.detail:
            await self._leaves_at_once(call, transit)
        elif await self._book.find_member(kept.address, sender) is not None:
            await self._ask(Question.LEAVE, Notice.LEAVE, kept, transit, sender)
        else:
            tell.listed(transit, kept, "ignored", f"{sender} is not on it")

    # --- posts ----------------------------------------------------------------------------------------------------
    async def _post(self, kept: MailingList, transit: Transit, header: bytes) -> list[Letter]:
        author = _author(header) or _canonical(str(transit.envelope.reverse_path))
        verdict = list_post.judge(
            kept,
            header,
            author,
            transit.envelope.door,
            null_sender=transit.envelope.reverse_path.is_null,
            is_member=await self._book.find_member(kept.address, author) is not None,
        )
        if verdict is Verdict.REFUSE:
            tell.listed(transit, kept, verdict.value, f"{author} may not post")
            raise NotPermitted(f"{author} may not post to {kept.address}")
        if verdict is Verdict.POST and transit.junk:  # its author's rights are not its sender's
            verdict = Verdict.HOLD
        if verdict is Verdict.HOLD:
            await self._hold(kept, transit, author)
        if verdict is not Verdict.POST:
            tell.listed(transit, kept, verdict.value, author)
            return []
        envelope = transit.envelope
        letter = Letter(
            NULL_PATH,
            transit.content,
            transit.received_field,
            body=envelope.body,
            smtputf8=envelope.smtputf8,
            granted=Granted(require_tls=transit.granted.require_tls),
        )
        return [await self._expand(kept, letter, author, transit)]

    async def _expand(self, kept: MailingList, letter: Letter, author: str, transit: Transit) -> Letter:
        """Address a letter to all members: those here get it at once, the others by the queue."""
        if kept.subject_prefix:
            length = header_length(letter.content)
            letter.content = list_post.with_prefix(letter.content, length, kept.subject_prefix)
        letter.reverse_path = address_of(kept.beside(Role.BOUNCES))
        letter.fields = list_post.fields(kept) + letter.fields
        letter.personal, letter.ret = list_post.personal(kept), "HDRS"
        readers = [
            self._reader(kept, member)
            for member in await self._book.members(kept.address)
            if not member.suspended and (kept.own_copy or member.address != author)
        ]
        # Members who are lists, or addresses here that nobody has, get nothing: that is not the author's business.
        plan = make_plan(self._find, self._directory, tuple(readers), frozenset)
        letter.drops = plan.drops
        letter.remote = [*plan.remote, *(one for onward in plan.forwards.values() for one in onward)]
        tell.listed(transit, kept, Verdict.POST.value, author, len(letter.drops) + len(letter.remote))
        return letter

    def _find(self, address: Address) -> Target | None:
        return find_target(self._directory, Door.OWN, address)

    def _reader(self, kept: MailingList, member: Member) -> Recipient:
        """A member as a recipient, with a key where each has a reverse-path of their own."""
        local, _, domain = member.address.rpartition("@")
        key = list_post.member_key(self._keys, kept, member.id) if kept.verp else ""
        return Recipient(Address(local, domain), NOTIFY, None, key)

    # --- moderation -----------------------------------------------------------------------------------------------
    async def _hold(self, kept: MailingList, transit: Transit, author: str) -> None:
        """Keep the post, and ask the moderators."""
        envelope = transit.envelope
        asked = await self._book.ask(
            Asked(
                *(0, kept.address, Question.POST, author, transit.received_at),
                *(transit.received_field + transit.content, str(envelope.reverse_path)),
                *(envelope.body.value, envelope.smtputf8),
            )
        )
        length = header_length(transit.content)
        subject = next(iter(list_post.subjects(transit.content[:length])), "")
        for moderator in kept.moderators:
            await self._say(
                Notice.HELD,
                kept,
                moderator,
                {"address": author, "subject": subject, "reject": self._confirm(kept, asked, yes=False)},
                reply_to=self._confirm(kept, asked, yes=True),
                attached=transit.content,
            )

    async def publish(self, asked: Asked, transit: Transit) -> list[Letter]:
        """The letters of a post that was held."""
        kept = self._directory.list(asked.list)
        if kept is None:
            return []
        letter = Letter(NULL_PATH, asked.content, body=Body(asked.body), smtputf8=asked.smtputf8)
        return [await self._expand(kept, letter, asked.address, transit)]

    async def held(self, kept: MailingList, id: int) -> Asked:
        """A post that waits.  Raises NotAsked."""
        asked = await self._book.question(kept.address, id)
        if asked is None or asked.question is not Question.POST:
            raise NotAsked(str(id))
        return asked

    async def settle(self, asked: Asked) -> None:
        """The question is answered."""
        await self._book.settle(asked.list, asked.id)

    # --- joining and leaving --------------------------------------------------------------------------------------
    async def _wants_in(self, kept: MailingList, transit: Transit, sender: str) -> None:
        if kept.joining is Joining.CLOSED:
            raise NotPermitted(f"{kept.address} is closed")
        member = await self._book.find_member(kept.address, sender)
        if member is not None and not member.suspended:
            tell.listed(transit, kept, "ignored", f"{sender} is on it already")
            return
        await self._ask(Question.JOIN, Notice.JOIN, kept, transit, sender)

    async def _ask(self, question: Question, notice: Notice, kept: MailingList, transit: Transit, sender: str) -> None:
        known = await self._book.asked_about(kept.address, question, sender)
        if known is not None and known.at > transit.received_at - ASK_AGAIN_S:
            tell.listed(transit, kept, "ignored", f"{sender} was asked a moment ago")
            return
        asked = await self._book.ask(Asked(0, kept.address, question, sender, transit.received_at))
        await self._say(notice, kept, sender, reply_to=self._confirm(kept, asked, yes=True))
        tell.listed(transit, kept, "asked", sender)

    async def _leaves_at_once(self, call: Call, transit: Transit) -> None:
        """The key is the member's own: no question."""
        kept = call.list
        member = await self._member_of(kept, call.detail)
        if member is None:
            tell.listed(transit, kept, "ignored", "has left before")
            return
        await self._leave(kept, member.address)
        tell.listed(transit, kept, "left", member.address)

    async def _leave(self, kept: MailingList, address: str) -> None:
        if await self._book.find_member(kept.address, address) is not None:
            await self._book.remove_member(kept.address, address)
            log.event("list.left", list=kept.address, member=address)
            await self._say(Notice.LEFT, kept, address)

    async def _answered(self, call: Call, transit: Transit) -> list[Letter]:
        """An answer to a question; one that was answered before, or is too old, is passed over."""
        kept = call.list
        read = list_post.read_answer(self._keys, kept, call.detail)
        asked = await self._book.question(kept.address, read[0]) if read is not None else None
        if read is None or asked is None or asked.at < transit.received_at - QUESTION_DAYS * DAY_S:
            tell.listed(transit, kept, "ignored", "answered before, or too old")
            return []
        if asked.question is Question.POST and read[1]:
            letters = await self.publish(asked, transit)
            transit.settles.append(asked)
            return letters
        if asked.question is Question.JOIN:
            await self._join(kept, asked.address, transit.received_at)
        elif asked.question is Question.LEAVE:
            await self._leave(kept, asked.address)
        await self.settle(asked)
        tell.listed(transit, kept, _DONE[asked.question], asked.address)
        return []

    async def _join(self, kept: MailingList, address: str, now: float) -> None:
        await self._book.add_members(kept.address, [address], now)
        log.event("list.joined", list=kept.address, member=address)
        await self._say(Notice.JOINED, kept, address)

    # --- bounces --------------------------------------------------------------------------------------------------
    async def _bounced(self, call: Call, transit: Transit, header: bytes) -> None:
        kept = call.list
        hard = _failed(transit.content, header) if transit.envelope.reverse_path.is_null else None
        if hard is None:
            tell.listed(transit, kept, "ignored", "no report of a failure")
            return
        if call.detail:
            member = await self._member_of(kept, call.detail)
            members = [member] if member is not None else []
        else:
            found = [await self._book.find_member(kept.address, one) for one in hard]
            members = [one for one in found if one is not None]
        for member in members:
            await self._count(kept, member, transit)

    async def _count(self, kept: MailingList, member: Member, transit: Transit) -> None:
        day = int(transit.received_at // DAY_S)
        days = await self._book.note_bounce(bounce_key(member.id), day, BOUNCE_DAYS)
        tell.listed(transit, kept, "bounced", member.address, days)
        if days < kept.bounces or member.suspended:
            return
        await self._book.suspend(kept.address, member.id)
        log.event("list.suspended", Level.WARNING, list=kept.address, member=member.address, days=days)
        for owner in kept.owners:
            await self._say(Notice.SUSPENDED, kept, owner, {"address": member.address, "days": str(days)})

    async def _member_of(self, kept: MailingList, key: str) -> Member | None:
        id = list_post.read_member_key(self._keys, kept, key)
        return await self._book.member(kept.address, id) if id is not None else None

    # --- writing --------------------------------------------------------------------------------------------------
    def _confirm(self, kept: MailingList, asked: Asked, *, yes: bool) -> str:
        return kept.beside(Role.CONFIRM, list_post.answer_token(self._keys, kept, asked.id, yes=yes))

    async def _say(
        self,
        notice: Notice,
        kept: MailingList,
        to: str,
        more: dict[str, str] | None = None,
        *,
        reply_to: str = "",
        attached: bytes | None = None,
    ) -> None:
        """Hand in a notice; one that nobody can get is let go of."""
        now = self._now()
        wording = Wording(self._hostname, new_id(now, self._randomness(RANDOM_OCTETS)), now, self._languages)
        words = {
            "list": kept.address,
            "address": to,
            "join": kept.beside(Role.SUBSCRIBE),
            "leave": kept.beside(Role.UNSUBSCRIBE),
            "owner": kept.beside(Role.OWNER),
        }
        sender = Person(kept.name, parse_address(kept.beside(Role.REQUEST)))
        content = write(notice, wording, sender, to, words | (more or {}), reply_to=reply_to, attached=attached)
        try:
            await self._hand_in(Recipient(address_of(to), NEVER), content)
        except MailRefusal as refusal:
            log.event("list.notice_has_no_reader", Level.WARNING, list=kept.address, to=to, error=str(refusal))


_DONE: Final = {Question.JOIN: "joined", Question.LEAVE: "left", Question.POST: "rejected"}


def _canonical(text: str) -> str:
    """An address as lists keep it; "" for what cannot be one."""
    try:
        return canonical_address(text)
    except FormatError:
        return ""


def _author(header: bytes) -> str:
    """The canonical address of the only From; "" where there is none or several."""
    found = list_post.raw_values(header, "from")
    mailboxes = addresses.parse_mailbox_list(found[0]) if len(found) == 1 else []
    return _canonical(mailboxes[0].address) if len(mailboxes) == 1 else ""


def _failed(content: bytes, header: bytes) -> list[str] | None:
    """The addresses that a report says will never get it; None where it reports no failure for good.

    A report in plain text names nobody for us: then the key of the reverse-path must say whose it is.
    """
    try:
        report = dsn.read(content).report
    except FormatError:
        return [] if list_post.is_plain_bounce(header) else None
    failed = [one for one in report.recipients if one.action is dsn.Action.FAILED and one.status.startswith("5")]
    return [_canonical(one.final_recipient.value) for one in failed] or None
