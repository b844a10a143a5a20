"""Accounts and views of a shard that are in memory.  STORAGE §5; PERFORMANCE §4 rule 4.

Whoever uses one holds it, and all share it: here they are held weakly.  Those used last are also held for their own
sake, up to a limit.  What a group did is shown to them here, after its commit.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import apsw

from courriel.model.ids import AccountId, MailboxId
from courriel.model.refusals import NoSuchMailbox
from courriel.store.sqlite.connection import meaning
from courriel.store.sqlite.grants import Grants
from courriel.store.sqlite.pending import PendingFlags
from courriel.store.sqlite.reads import Reads
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.state import AccountState, load_account
from courriel.store.sqlite.transaction import AccountDraft, Appeared, MailboxDropped, Removed, Transaction
from courriel.store.sqlite.view import SqliteView

Key: TypeAlias = tuple[AccountId, MailboxId]
Views: TypeAlias = WeakValueDictionary[Key, SqliteView]
_T = TypeVar("_T")


class WhenIdle(Protocol):
    """``commit.py: Committer.when_idle``."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T]: ...


class Residents:
    """See above.  All on the loop thread; ``views`` is shared with ``reads``."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        when_idle: WhenIdle,
        source: Source,
        reads: Reads,
        views: Views,
        pending: PendingFlags,
        settings: StoreSettings,
    ) -> None:
        self._loop = loop
        self._when_idle = when_idle
        self._source = source
        self._reads = reads
        self._pending = pending
        self._settings = settings
        self._views = views
        self.grants = Grants(source.reader)
        self._used_views: OrderedDict[Key, SqliteView] = OrderedDict()
        self.accounts: WeakValueDictionary[AccountId, AccountState] = WeakValueDictionary()
        self._used_accounts: OrderedDict[AccountId, AccountState] = OrderedDict()
        self._changed: set[AccountId] = set()
        self.unsettled: dict[AccountId, AccountState] = {}
        """Accounts whose newest changes other connections do not see yet, held so that nobody reads them there."""
        self.claimed: dict[Key, AccountState] = {}
        """Mailboxes whose \\Recent was claimed since the last group; only these accounts know, so they are held."""

    # --- accounts ---------------------------------------------------------------------------------------------
    def known_account(self, account: AccountId) -> AccountState | None:
        """The account when it is in memory."""
        state = self._used_accounts.get(account)
        if state is None:
            return self.accounts.get(account)
        self._used_accounts.move_to_end(account)
        return state

    async def account(self, account: AccountId) -> AccountState:
        """Raises NoSuchMailbox when there is no such account."""
        state = self.known_account(account)
        if state is None:
            state = await self._when_idle(lambda: self._load_account(account))
        return state

    def account_now(self, account: AccountId) -> AccountState:
        """The same without suspending.  While a group runs this is right all the same: a group works on accounts
        in memory only, so one that must be read is not part of it."""
        return self.known_account(account) or self._load_account(account)

    def _load_account(self, account: AccountId) -> AccountState:
        state = self.accounts.get(account)
        if state is None:
            try:
                # What is not in memory is settled (see ``unsettled``), and this connection is never lent.
                state = load_account(self._source.reader, account)
            except apsw.Error as error:
                raise meaning(error) from error
            if state is None:
                raise NoSuchMailbox(f"no account {account}")
            self._keep_account(state)
        return state

    def _keep_account(self, state: AccountState) -> None:
        self.accounts[state.id] = state
        self._used_accounts[state.id] = state
        if len(self._used_accounts) > self._settings.idle_accounts:
            self._used_accounts.popitem(last=False)

    def hold(self, drafts: Mapping[AccountId, AccountDraft]) -> None:
        """Keep accounts in memory until ``unsettled`` is cleared."""
        for account, draft in drafts.items():
            self.unsettled[account] = draft.base

    def take_changed(self) -> list[AccountId]:
        """Accounts in memory that changed since the last call."""
        changed = [account for account in self._changed if account in self.accounts]
        self._changed.clear()
        return changed

    # --- views ------------------------------------------------------------------------------------------------
    def known_view(self, account: AccountId, mailbox: MailboxId) -> SqliteView | None:
        """The view when it is in memory."""
        key = (account, mailbox)
        return self._used_views.get(key) or self._views.get(key)

    async def view(self, account: AccountId, mailbox: MailboxId) -> SqliteView:
        """Raises NoSuchMailbox."""
        key = (account, mailbox)
        view = self._used_views.get(key)
        if view is not None:
            self._used_views.move_to_end(key)
            return view
        view = self._views.get(key)
        if view is not None:
            self._keep_view(key, view)
            return view
        state = await self.account(account)
        return await self._when_idle(lambda: self._load_view(state, mailbox))

    def idle_views(self) -> list[SqliteView]:
        """Views in memory that are kept for their recent use."""
        return list(self._used_views.values())

    def _load_view(self, owner: AccountState, mailbox: MailboxId) -> SqliteView:
        key = (owner.id, mailbox)
        view = self._views.get(key)
        if view is not None:
            return view
        state = owner.mailboxes.get(mailbox)
        if state is None:
            raise NoSuchMailbox(f"mailbox {mailbox}")
        view = SqliteView(self._loop, owner, state, self._settings.view_changes, self.claimed)
        self._reads.fill(view)
        self._pending.show_in(view)
        self._views[key] = view
        self._keep_view(key, view)
        return view

    def _keep_view(self, key: Key, view: SqliteView) -> None:
        self._used_views[key] = view
        if len(self._used_views) > self._settings.idle_views:
            self._used_views.popitem(last=False)

    # --- what happened ----------------------------------------------------------------------------------------
    def show(self, context: Transaction) -> None:
        """Bring all up to date with a group that is committed, then wake who watches."""
        self._forget_claims(context)
        for account, draft in context.drafts.items():
            if account in context.deleted:
                continue
            draft.publish()
        for state in context.made.values():
            self._keep_account(state)
        self._show_effects(context)
        if context.regranted:
            self._show_rights(context)
        for account, draft in context.drafts.items():
            state = draft.base
            if draft.journal:
                state.journal.extend(draft.journal)
                self._changed.add(account)
                self.wake(state.watchers)
            state.trim_journal()
            if account in context.deleted:
                self.wake(state.watchers)
                self.accounts.pop(account, None)
                self._used_accounts.pop(account, None)

    def _forget_claims(self, context: Transaction) -> None:
        """Of the claims, keep those that came too late for this group."""
        for (account, mailbox), state in list(self.claimed.items()):
            known, draft = state.mailboxes.get(mailbox), context.drafts.get(account)
            written = None if draft is None else draft.mailboxes.get(mailbox)
            late = known is not None and (written is None or written.recent != known.recent)
            if not late or self.accounts.get(account) is not state:
                del self.claimed[account, mailbox]

    def _show_effects(self, context: Transaction) -> None:
        views = self._views
        for effect in context.effects:
            view = views.get((effect.account, effect.mailbox))
            if view is None:
                continue
            if isinstance(effect, Appeared):
                self._reads.columns.extend(view, effect, context.now)
                view.arrive(effect.uids, effect.flags, effect.modseqs, effect.ids, effect.sizes)
            elif isinstance(effect, Removed):
                view.remove(effect.uids, effect.modseq)
            elif isinstance(effect, MailboxDropped):
                view.drop(effect.modseq)
                views.pop((effect.account, effect.mailbox), None)
                self._used_views.pop((effect.account, effect.mailbox), None)

    def _show_rights(self, context: Transaction) -> None:
        """Sessions on a mailbox learn at once what they still may."""
        for key, (before, after) in context.regranted.items():
            self.grants.replace(key, before, after)
            view = self._views.get(key)
            if view is not None:
                view.wake()

    def wake(self, watchers: Iterable[Callable[[], None]]) -> None:
        for wake in watchers:
            self._loop.call_soon(wake)

    def start_anew(self) -> None:
        """Forget views and read accounts again, while no group is under way: the tables were changed by a repair."""
        for view in list(self._views.values()):
            view.drop(view.state.modseq)
        self._views.clear()
        self._used_views.clear()
        self.claimed.clear()
        self._reads.forget_all()
        self.grants.load(self._source())
        for state in list(self.accounts.values()):
            fresh = load_account(self._source(), state.id)
            if fresh is not None:
                state.renew(fresh)
