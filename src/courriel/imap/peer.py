"""One client as commands see it: its connection, its session, its numbers, and what all clients share.

Commands write untagged replies through it and return the text of the tagged one.  Telling of changes in the selected
mailbox (EXISTS, EXPUNGE, VANISHED, FETCH) is here too, because IDLE and every command end with it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.log import Level
from courriel.imap.answers import AnswerCache, FlagTexts, SelectCache, row_starts
from courriel.imap.contexts import Context, gone
from courriel.imap.facts import FactCache, KnownFacts
from courriel.imap.folded import FoldedTexts
from courriel.imap.replies import No
from courriel.imap.session import Feature, Session
from courriel.imap.settings import ImapSettings
from courriel.imap.view import Numbers
from courriel.imap.wire import codes, sets
from courriel.imap.wire.fragments import Fragments
from courriel.imap.wire.response import RECENT, quoted
from courriel.mailboxes.access import Access, Place
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.rights import ALL, DELETE_MESSAGES, KEEP_SEEN, NOBODY, READ, WRITE, Acl, Operation, Rights
from courriel.net.connection import Connection
from courriel.ports.credentials import Authenticator, SaslExchange
from courriel.ports.index import TextIndex
from courriel.ports.lessons import Lessons
from courriel.ports.store import MailStore

UID_ROW: Final = b"* %d UIDFETCH ("

ACCOUNTS_REMEMBERED: Final = 4096
"""Accounts whose rendered flags are kept; those with an open connection keep theirs anyway."""


@dataclass(slots=True)
class Shared:
    """What all clients of the server share.  ``appending_octets``: messages being received just now."""

    store: MailStore
    authenticator: Authenticator
    clock: Clock
    settings: ImapSettings
    tls: ssl.SSLContext | None
    answers: AnswerCache
    access: Access
    index: TextIndex | None = None
    lessons: Lessons | None = None
    appending_octets: int = 0
    flag_texts: dict[AccountId, FlagTexts] = field(default_factory=dict)
    selects: SelectCache = field(default_factory=SelectCache)
    folded: FoldedTexts = field(default_factory=FoldedTexts)
    facts: FactCache = field(init=False)

    def __post_init__(self) -> None:
        self.facts = FactCache(self.settings.fact_cache_octets)

    def texts(self, account: AccountId) -> FlagTexts:
        """Flags of an account, rendered once for all."""
        texts = self.flag_texts.get(account)
        if texts is None:
            if len(self.flag_texts) >= ACCOUNTS_REMEMBERED:
                self.flag_texts.clear()
            texts = self.flag_texts[account] = FlagTexts(lambda: self.store.keyword_names(account))
        return texts


class Notice(Protocol):
    """What a client asked to be told between commands: ``commands/notify.py``."""

    wants_messages: bool
    """Of the selected mailbox."""
    wants_flags: bool
    pending: bool
    """Something has happened that was not looked at yet."""

    def arrived(self, first_uid: int) -> None: ...

    def own(self, names: Iterable[str] = (), uids: Iterable[int] = ()) -> None: ...

    async def follow(self) -> None: ...

    async def fetch_fresh(self) -> None: ...

    def stop(self) -> None: ...


class Peer:
    """One client."""

    __slots__ = (
        "_acl",
        "_late",
        "_stop",
        "_texts",
        "connection",
        "contexts",
        "exchange",
        "finishing",
        "fragments",
        "idle_tag",
        "notice",
        "numbers",
        "reserved",
        "session",
        "shared",
        "starting_deflate",
        "starting_tls",
        "tag",
    )

    def __init__(self, connection: Connection, shared: Shared) -> None:
        self.connection = connection
        self.fragments = Fragments(shared.settings.login_line_octets)
        self.exchange: SaslExchange | None = None  # a SASL exchange waits for the client's next line
        self.finishing: Account | None = None  # ... which is only its consent
        self.starting_tls = False
        self.starting_deflate = False
        self.shared = shared
        self.reserved = 0  # octets of the messages that are being received
        self.session = Session()
        self.numbers: Numbers | None = None
        self.tag = b""
        self.idle_tag: bytes | None = None
        self.notice: Notice | None = None  # None: NOTIFY was never used
        self._stop: Callable[[], None] | None = None
        self._texts: FlagTexts | None = None
        self._acl: Acl = NOBODY
        self.contexts: dict[bytes, Context] = {}
        """By tag: results that the client is kept informed of."""
        self._late = False  # the mailbox changed, and a sleeping client has not heard of it

    # --- who and what -----------------------------------------------------------------------------------------
    @property
    def store(self) -> MailStore:
        return self.shared.store

    @property
    def lessons(self) -> Lessons | None:
        """Where it is kept what people teach of junk."""
        return self.shared.lessons

    @property
    def account(self) -> Account:
        account = self.session.account
        assert account is not None, "the verb's states let only clients in that are logged in"
        return account

    @property
    def selected(self) -> Numbers:
        numbers = self.numbers
        assert numbers is not None, "the verb's states let only clients in that have a mailbox"
        return numbers

    @property
    def texts(self) -> FlagTexts:
        texts = self._texts
        if texts is None:
            texts = self._texts = self.shared.texts(self.selected.view.account)
        return texts

    def find(self, path: str, operation: Operation) -> Coroutine[None, None, Place]:
        """The mailbox of this name, own or another's, for this."""
        return self.shared.access.find(self.account, path, operation)

    def owner_of(self, place: Place) -> AccountId | None:
        """Whose a mailbox is; None: the client's own."""
        return None if place.account == self.account.id else place.account

    def write(self, data: bytes) -> None:
        self.connection.write(data)

    def reserve(self, octets: int) -> None:
        """Count octets of a message that is being received.  Raises No when that is too much over all clients."""
        shared = self.shared
        if shared.appending_octets + octets > shared.settings.append_memory_octets:
            raise No(codes.LIMIT + b"Too many messages are being received just now")
        self.reserved += octets
        shared.appending_octets += octets

    def release(self) -> None:
        """All that was reserved is done with."""
        self.shared.appending_octets -= self.reserved
        self.reserved = 0

    def unauthenticate(self) -> None:
        """Back to where the client had not logged in.  RFC 8437 §2, §4: TLS and compression stay, nothing else does.

        Nothing of one account may be left for the next one.
        """
        if self.notice is not None:
            self.notice.stop()
            self.notice = None
        self.deselect()
        self.session = Session()
        self._texts = None
        self.fragments.line_limit = self.shared.settings.login_line_octets

    def facts(self, known: Numbers | None = None) -> KnownFacts:
        """What the messages of a mailbox, of the selected one if none is given, say of themselves."""
        return KnownFacts(self.store, self.shared.facts, known or self.selected)

    # --- the selected mailbox -----------------------------------------------------------------------------------
    def select(self, numbers: Numbers, read_only: bool, place: Place) -> None:
        """``place`` is what was found: of the rights in it, and no later ones, the client is told now."""
        owner = self.owner_of(place)
        if owner is not None or self._acl is not NOBODY:
            self._texts = None  # keywords are their account's
        self._acl = NOBODY if owner is None else place.mailbox.acl
        self.numbers = numbers
        self.session.selected(read_only, place.rights, owner)

    def deselect(self) -> None:
        """Let go of the selected mailbox, if there is one."""
        self.stop_idling()
        self.contexts.clear()
        if self.numbers is not None:
            self.numbers = None
            self.session.deselected()

    def idle(self) -> None:
        """From now on the client hears of every change at once.  RFC 2177.

        Only now: a mailbox that eight busy clients watch would wake all of them for every STORE.
        """
        self.idle_tag = self.tag
        notice, numbers = self.notice, self.numbers
        if numbers is None:
            return
        followed = notice is not None and notice.wants_messages and numbers.view.account == self.account.id
        if not followed and (notice is None or notice.wants_messages or self.contexts):
            self._stop = numbers.view.watch(self._wake)

    def stop_idling(self) -> None:
        self.idle_tag = None
        self._late = False
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _wake(self) -> None:
        """The mailbox changed while the client sleeps."""
        if self.connection.closing:
            return
        if not self.contexts and self.notice is None:
            self.tell(expunges=True)
            self.connection.flush()
        else:
            self._late = True
            self.connection.prompt(self.catch_up)

    async def catch_up(self) -> None:
        """Tell what happened while the client said nothing, and what happens meanwhile: prompts that come while
        something is under way are looked after here."""
        connection = self.connection
        while not connection.closing:
            if connection.congested:  # who reads slowly is told once, of the end
                await connection.drain()
            if self._late:
                self._late = False
                await self.report(expunges=True)
            elif self.notice is not None and self.notice.pending:
                await self.notice.follow()
            else:
                return

    def may_stay(self) -> bool:
        """Take in what has become of the rights to another's mailbox, and tell.  False: it may be read no more, and
        the connection ends (RFC 4314 §5.1.1)."""
        view, session = self.selected.view, self.session
        if view.acl is self._acl:
            return True
        self._acl = view.acl
        rights, read_only = self.shared.access.rights(self.account, view), session.read_only
        if not rights & READ:
            self.deselect()
            self.write(b"* BYE The selected mailbox is not shared with you any more\r\n")
            self.connection.close()
            return False
        if rights != session.rights:
            session.granted(rights)
            self.write(flag_facts(self))
            if session.read_only is not read_only:
                self.write(b"* OK [%b] Your rights have changed\r\n" % mode(session))
        return True

    def enable_condstore(self) -> None:
        """A command used mod-sequences: from now on flags come with theirs.  RFC 7162 §3.1.2."""
        if self.session.condstore:
            return
        self.session.enable(Feature.CONDSTORE)
        if self.numbers is not None:
            self.write(b"* OK [HIGHESTMODSEQ %d] Mod-sequences are on\r\n" % self.numbers.view.modseq)

    # --- news ---------------------------------------------------------------------------------------------------
    def own(self, *names: str) -> None:
        """The client changed these mailboxes' names, subscriptions or annotations ("": the server's) itself."""
        if self.notice is not None:
            self.notice.own(names)

    def own_messages(self, goal: Place, uids: Iterable[int]) -> None:
        """The client put these messages into a mailbox itself."""
        if self.notice is None or self.numbers is None:
            return
        view = self.numbers.view
        if (view.account, view.mailbox) == (goal.account, goal.mailbox.id):
            self.notice.own(uids=uids)

    async def report(self, expunges: bool, with_uid: bool = False, asked: bool = False) -> None:
        """Write what happened in the selected mailbox, and what that does to results that are kept up.

        What the client wants to hear of unasked, NOTIFY says (RFC 5465 §3.1: FETCH then comes with the UID); ``asked``
        it is told all.  §5.2: what is fetched of new messages follows the results they joined.
        """
        known, notice = self.numbers, self.notice
        if known is None or (self.session.owner is not None and not self.may_stay()):
            return
        if asked or notice is None or notice.wants_messages:
            if self.contexts and expunges and (lost := gone(known)):
                self.write(b"".join([context.lose(known, lost) for context in self.contexts.values()]))
            self.tell(expunges, with_uid or (notice is not None and not asked))
        await self._keep_up(known)
        if notice is not None:
            await notice.fetch_fresh()

    async def _keep_up(self, known: Numbers) -> None:
        """Tell what has become of results, then send what is wanted of those that are new."""
        for step in (Context.renew, Context.fetch_joined):
            for context in list(self.contexts.values()):
                try:
                    self.write(await step(context, known))
                except CourrielError as error:  # RFC 5267 §4.3.1: what cannot be kept up is said to end
                    self.connection.event("imap.context.failed", Level.WARNING, error=str(error))
                    del self.contexts[context.tag]
                    self.write(b"* NO [NOUPDATE %b] No further updates\r\n" % quoted(context.tag))

    def tell(self, expunges: bool, with_uid: bool = False) -> None:
        """Write what happened in the selected mailbox since the last time."""
        numbers = self.numbers
        if numbers is None or (self.session.owner is not None and not self.may_stay()):
            return
        known = numbers.count
        news = numbers.news(expunges)
        if news is None:
            return
        if news.dropped:
            self.deselect()
            self.write(b"* BYE The selected mailbox was deleted\r\n")
            self.connection.close()
            return
        if news.gone:
            self._tell_gone(news.gone)
        if news.exists is not None:
            self._tell_exists(numbers, news.exists)
            if self.notice is not None:
                self.notice.arrived(numbers.uids[known - len(news.gone)])
        if news.flagged and (self.notice is None or self.notice.wants_flags):
            self.write(self.flag_rows(news.flagged, with_uid or self.session.qresync or self.session.rev2))

    def _tell_gone(self, gone: Sequence[tuple[int, int]]) -> None:
        if self.session.qresync or self.session.uidonly:
            self.write(b"* VANISHED %b\r\n" % sets.render([uid for _, uid in gone]))
        else:
            # Each EXPUNGE lowers the numbers above it.
            seqs = [index + 1 - told for told, (index, _) in enumerate(gone)]
            self.write(b"".join(map(b"* %d EXPUNGE\r\n".__mod__, seqs)))

    def _tell_exists(self, numbers: Numbers, exists: int) -> None:
        if self.session.rev2:
            self.write(b"* %d EXISTS\r\n" % exists)
            return
        if self.session.claims_recent:
            first, end = numbers.view.claim_recent(), numbers.view.uidnext
            if first < end:
                numbers.claim(first, int(end))
        self.write(b"* %d EXISTS\r\n* %d RECENT\r\n" % (exists, numbers.recent_count()))

    def flags_now(self, numbers: Numbers, index: int) -> int:
        """Flags for the wire: with \\Recent where this session has it."""
        flags = numbers.flags_at(index)
        if numbers.recent and not self.session.rev2 and numbers.is_recent(numbers.uids[index]):
            flags |= RECENT
        return flags

    def has_recent(self) -> bool:
        """Whether some of the client's messages are \\Recent to it alone."""
        return bool(self.selected.recent) and not self.session.rev2

    def row_start(self, index: int) -> bytes:
        """What a FETCH reply begins with; a UIDFETCH reply where sequence numbers are off (RFC 9586 §3.3)."""
        if self.session.uidonly:
            return UID_ROW % self.selected.uids[index]
        return b"* %d FETCH (" % (index + 1)

    def flag_row(self, index: int, with_uid: bool) -> bytes:
        """One FETCH reply with the flags of this message, and its UID."""
        numbers = self.selected
        if self.session.uidonly:
            return self.flag_rows((index,), with_uid)
        text = self.texts.closed[self.flags_now(numbers, index)]
        if with_uid:
            return b"* %d FETCH (UID %d FLAGS %b" % (index + 1, numbers.uids[index], text)
        return b"* %d FETCH (FLAGS %b" % (index + 1, text)

    def flag_rows(self, indexes: Sequence[int], with_uid: bool, with_flags: bool = True) -> bytes:
        """FETCH replies with the flags of these messages (and UID, MODSEQ where they are due)."""
        numbers = self.selected
        uids = numbers.uids
        if not self.session.condstore and not self.session.uidonly:
            if len(indexes) == 1:
                return self.flag_row(indexes[0], with_uid)
            closed = self.texts.closed
            if not with_uid and isinstance(indexes, range) and not numbers.behind:
                starts = row_starts(b"FLAGS ", indexes.start, len(indexes))
                known = numbers.flags_of(indexes.start, indexes.stop, self.has_recent())
                return b"".join(chain.from_iterable(zip(starts, map(closed.__getitem__, known), strict=True)))
            if numbers.behind or self.has_recent():
                return b"".join([self.flag_row(index, with_uid) for index in indexes])
            flags = numbers.flags
            if with_uid:
                form = b"* %d FETCH (UID %d FLAGS %b"
                return b"".join([form % (index + 1, uids[index], closed[flags[index]]) for index in indexes])
            return b"".join([b"* %d FETCH (FLAGS %b" % (index + 1, closed[flags[index]]) for index in indexes])
        texts = self.texts
        replies = []
        for index in indexes:
            now = numbers.view.index(uids[index])
            row = b"UID %d " % uids[index] if with_uid and not self.session.uidonly else b""
            if with_flags:
                row += b"FLAGS %b " % texts[self.flags_now(numbers, index)]
            if now >= 0 and self.session.condstore:
                row += b"MODSEQ (%d)" % numbers.view.modseqs[now]
            replies.append(b"%b%b)\r\n" % (self.row_start(index), row.rstrip(b" ")))
        return b"".join(replies)


def mode(session: Session) -> bytes:
    """The response code for how the mailbox is open."""
    return b"READ-ONLY" if session.read_only else b"READ-WRITE"


def flag_facts(peer: Peer) -> bytes:
    """FLAGS and PERMANENTFLAGS, by the client's rights (RFC 4314 §5.1.1)."""
    session = peer.session
    names = b"".join(b" " + name.encode() for name in peer.store.keyword_names(peer.selected.view.account).values())
    flags = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft" + names
    permanent = b"" if session.read_only else flags + b" \\*"
    if permanent and session.rights != ALL:
        permanent = _permanent(session.rights, names)
    return b"* FLAGS (%b)\r\n* OK [PERMANENTFLAGS (%b)] Flags that stay\r\n" % (flags, permanent)


def _permanent(rights: Rights, keywords: bytes) -> bytes:
    flags = [b"\\Answered \\Flagged \\Draft" + keywords + b" \\*"] if rights & WRITE else []
    flags += [b"\\Deleted"] if rights & DELETE_MESSAGES else []
    flags += [b"\\Seen"] if rights & KEEP_SEEN else []
    return b" ".join(flags)
