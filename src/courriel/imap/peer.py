"""One client as commands see it: its connection, its session, its numbers, and what all clients share.

Commands write untagged replies through it and return the text of the tagged one.  Telling of changes in the selected
mailbox (EXISTS, EXPUNGE, VANISHED, FETCH) is here too, because IDLE and every command end with it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.log import Level
from courriel.imap.answers import AnswerCache, FlagTexts, SelectCache, row_starts
from courriel.imap.contexts import Context, gone
from courriel.imap.facts import FactCache, KnownFacts
from courriel.imap.session import Feature, Session
from courriel.imap.settings import ImapSettings
from courriel.imap.view import Numbers
from courriel.imap.wire import sets
from courriel.imap.wire.fragments import Fragments
from courriel.imap.wire.response import RECENT, quoted
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.net.connection import Connection
from courriel.ports.credentials import Authenticator, SaslExchange
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
    appending_octets: int = 0
    flag_texts: dict[AccountId, FlagTexts] = field(default_factory=dict)
    selects: SelectCache = field(default_factory=SelectCache)
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


class Peer:
    """One client."""

    __slots__ = (
        "_late",
        "_stop",
        "_texts",
        "connection",
        "contexts",
        "exchange",
        "finishing",
        "fragments",
        "idle_tag",
        "numbers",
        "session",
        "shared",
        "starting_tls",
        "tag",
    )

    def __init__(self, connection: Connection, shared: Shared) -> None:
        self.connection = connection
        self.fragments = Fragments(shared.settings.login_line_octets)
        self.exchange: SaslExchange | None = None  # a SASL exchange waits for the client's next line
        self.finishing: Account | None = None  # ... which is only its consent
        self.starting_tls = False
        self.shared = shared
        self.session = Session()
        self.numbers: Numbers | None = None
        self.tag = b""
        self.idle_tag: bytes | None = None
        self._stop: Callable[[], None] | None = None
        self._texts: FlagTexts | None = None
        self.contexts: dict[bytes, Context] = {}
        """By tag: results that the client is kept informed of."""
        self._late = False  # the mailbox changed while they were told

    # --- who and what -----------------------------------------------------------------------------------------
    @property
    def store(self) -> MailStore:
        return self.shared.store

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
            texts = self._texts = self.shared.texts(self.account.id)
        return texts

    def write(self, data: bytes) -> None:
        self.connection.write(data)

    def facts(self, known: Numbers | None = None) -> KnownFacts:
        """What the messages of a mailbox, of the selected one if none is given, say of themselves."""
        return KnownFacts(self.store, self.shared.facts, known or self.selected)

    # --- the selected mailbox -----------------------------------------------------------------------------------
    def select(self, numbers: Numbers, read_only: bool) -> None:
        self.numbers = numbers
        self.session.selected(read_only)

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
        if self.numbers is not None:
            self._stop = self.numbers.view.watch(self._wake)

    def stop_idling(self) -> None:
        self.idle_tag = None
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _wake(self) -> None:
        """The mailbox changed while the client sleeps."""
        if self.connection.closing:
            return
        if not self.contexts:
            self.tell(expunges=True)
            self.connection.flush()
        elif not self.connection.act(self._report_all()):
            self._late = True

    async def _report_all(self) -> None:
        """Tell a sleeping client everything, also what happens meanwhile."""
        self._late = True
        while self._late and not self.connection.closing:
            self._late = False
            await self.report(expunges=True)

    def enable_condstore(self) -> None:
        """A command used mod-sequences: from now on flags come with theirs.  RFC 7162 §3.1.2."""
        if self.session.condstore:
            return
        self.session.enable(Feature.CONDSTORE)
        if self.numbers is not None:
            self.write(b"* OK [HIGHESTMODSEQ %d] Mod-sequences are on\r\n" % self.numbers.view.modseq)

    # --- news ---------------------------------------------------------------------------------------------------
    async def report(self, expunges: bool, with_uid: bool = False) -> None:
        """Write what happened in the selected mailbox, and what that does to results that are kept up."""
        known = self.numbers
        if known is None or not self.contexts:
            self.tell(expunges, with_uid)
            return
        if expunges and (lost := gone(known)):
            self.write(b"".join([context.lose(known, lost) for context in self.contexts.values()]))
        self.tell(expunges, with_uid)
        for context in list(self.contexts.values()):
            try:
                self.write(await context.renew(known))
            except CourrielError as error:  # RFC 5267 §4.3.1: what cannot be kept up is said to end
                self.connection.event("imap.context.failed", Level.WARNING, error=str(error))
                del self.contexts[context.tag]
                self.write(b"* NO [NOUPDATE %b] No further updates\r\n" % quoted(context.tag))

    def tell(self, expunges: bool, with_uid: bool = False) -> None:
        """Write what happened in the selected mailbox since the last time."""
        numbers = self.numbers
        if numbers is None:
            return
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
        if news.flagged:
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
        if not self.session.read_only:
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
