"""Who lives here, in memory: domains, accounts, aliases and lists, and where an address leads.

The one set of rules for every directory, whatever keeps its rows.  Local parts are compared in lower case and NFC,
domains as A-labels (RFC 5321 §2.4 leaves local parts to the host; §4.5.1 asks for postmaster; ``user+detail``
RFC 5233 §4).

Pure.  Making changes durable, ids and secrets are the directory adapters' business; they tell the roster what is
true.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.domain import normalise
from courriel.model.account import Account, Domain, Target, TargetKind
from courriel.model.directory_refusals import AddressTaken
from courriel.model.envelope import Address
from courriel.model.ids import AccountId
from courriel.model.mailing_list import Call, MailingList, Role, check

LOCAL_OCTETS: Final = 64
"""Longest local part.  RFC 5321 §4.5.3.1.1."""

ALIAS_HOPS: Final = 100
"""Most aliases followed for one address; beyond that it is a loop or a mistake."""

ALIAS_TARGETS: Final = 1_000
"""Most addresses one address may lead to; beyond that it is a mailing list and should be one."""

POSTMASTER: Final = "postmaster"

_DOT_STRING: Final = re.compile(r'[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,."]+(?:\.[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,."]+)*')
"""Dot-string of RFC 5321 §4.1.2 with the characters of RFC 6531 §3.3.  What can be *given* a mailbox here."""


def fold_local(local: str) -> str:
    """A local part in the spelling in which it is compared."""
    return local.lower() if local.isascii() else unicodedata.normalize("NFC", local).lower()


def canonical_domain(name: str) -> str:
    """The spelling of a domain as it is kept.  Raises FormatError."""
    return normalise(name)


def canonical_address(text: str) -> str:
    """The one spelling of an address that is kept here: folded local part, A-labels.  Raises FormatError.

    Only dot-strings: nobody is given an address that needs quotes.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        raise FormatError("address", len(text), "no @")
    if _DOT_STRING.fullmatch(local) is None:
        raise FormatError("address", 0, "RFC 5321 §4.1.2, Dot-string")
    if len(local.encode("utf-8", "surrogatepass")) > LOCAL_OCTETS:
        raise LimitExceeded("address", LOCAL_OCTETS, "local_octets")
    return f"{fold_local(local)}@{normalise(domain)}"


class Roster:
    """All that a directory must know to answer without suspending.

    Changes are told by ``put_…`` and ``drop_…``, which never refuse and may be repeated.
    """

    def __init__(self) -> None:
        self._domains: dict[str, Domain] = {}
        self._accounts: dict[AccountId, Account] = {}
        self._holders: dict[str, AccountId] = {}
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._lists: dict[str, MailingList] = {}
        self._by_local: dict[str, list[AccountId]] = {}
        self._owned: dict[str, AccountId] = {}
        self._owned_stale = False

    # --- being told -------------------------------------------------------------------------------------------
    def put_domain(self, domain: Domain) -> None:
        self._domains[domain.name] = domain
        self._owned_stale |= bool(self._aliases)

    def drop_domain(self, name: str) -> None:
        self._domains.pop(name, None)
        self._owned_stale = True

    def put_account(self, account: Account) -> None:
        """``login`` is a canonical address; ``addresses`` is worked out here."""
        before = self._accounts.get(account.id)
        if before is None:
            self._holders[account.login] = account.id
            self._by_local.setdefault(account.login.partition("@")[0], []).append(account.id)
            self._owned_stale |= bool(self._aliases)
        addresses = before.addresses if before is not None else (account.login,)
        self._accounts[account.id] = msgspec.structs.replace(account, addresses=addresses)

    def drop_account(self, account: AccountId) -> None:
        gone = self._accounts.pop(account, None)
        if gone is not None:
            self._holders.pop(gone.login, None)
            self._by_local[gone.login.partition("@")[0]].remove(account)
            self._owned_stale |= bool(self._aliases)

    def put_alias(self, alias: str, targets: tuple[str, ...]) -> None:
        """Both are canonical addresses."""
        self._aliases[alias] = targets
        self._owned_stale = True

    def drop_alias(self, alias: str) -> None:
        if self._aliases.pop(alias, None) is not None:
            self._owned_stale = True

    def put_list(self, kept: MailingList) -> None:
        """All its addresses are canonical."""
        self._lists[kept.address] = kept

    def drop_list(self, address: str) -> None:
        self._lists.pop(address, None)

    # --- answering --------------------------------------------------------------------------------------------
    def domain(self, name: str) -> Domain | None:
        known = self._domains.get(name)
        if known is not None:
            return known
        try:
            return self._domains.get(normalise(name))
        except FormatError:
            return None

    def domains(self) -> Sequence[Domain]:
        return sorted(self._domains.values(), key=lambda domain: domain.name)

    def account(self, account: AccountId) -> Account | None:
        self._own()
        return self._accounts.get(account)

    def accounts(self) -> Sequence[Account]:
        self._own()
        return list(self._accounts.values())

    def aliases(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        return sorted(self._aliases.items())

    def lists(self) -> Sequence[MailingList]:
        return sorted(self._lists.values(), key=lambda one: one.address)

    def list(self, address: str) -> MailingList | None:
        return self._lists.get(address)

    def uses_of_domain(self, name: str) -> int:
        """How many accounts, aliases and lists live in a domain."""
        end = "@" + name
        return sum(1 for address in (*self._holders, *self._aliases, *self._lists) if address.endswith(end))

    def is_taken(self, address: str) -> bool:
        """Whether an address is an account, an alias, a list, or one beside a list."""
        return address in self._holders or address in self._aliases or self._call(address, "") is not None

    def list_is_in_the_way(self, wanted: MailingList) -> str | None:
        """An address of ``wanted``, its own or one beside it, that somebody has; None: it can be kept."""
        return next((text for role in Role if self.is_taken(text := wanted.beside(role))), None)

    def by_login(self, login: str) -> Account | None:
        self._own()
        local, at, domain = login.rpartition("@")
        if at:
            key = self._key(local, domain)
            holder = self._holders.get(key) if key is not None else None
        else:
            namesakes = self._by_local.get(fold_local(login), ())
            holder = namesakes[0] if len(namesakes) == 1 else None
        return self._accounts[holder] if holder is not None else None

    def resolve(self, address: Address) -> Target | None:
        self._own()
        if not address.domain:
            return self._postmaster("") if fold_local(address.local) == POSTMASTER else None
        domain = self.domain(address.domain)
        if domain is None:
            return None
        local = fold_local(address.local)
        target = self._resolve_local(local, address.local, domain.name, set())
        if target is None and domain.catch_all is not None:
            target = self._through(domain.catch_all, TargetKind.CATCH_ALL)
        if target is None and local.partition("+")[0] == POSTMASTER:
            target = self._postmaster(domain.name)
        return target

    def may_send_as(self, account: AccountId, address: Address) -> bool:
        """Own addresses, those granted, and both with ``+detail``; one that was granted may be elsewhere."""
        self._own()
        domain, who = self.domain(address.domain), self._accounts.get(account)
        if who is None or (domain is None and not who.send_as):
            return False
        local = fold_local(address.local)
        name = domain.name if domain is not None else _normal(address.domain)
        spellings = {f"{local}@{name}", f"{local.partition('+')[0]}@{name}"}
        return not spellings.isdisjoint(who.send_as) or any(self._owner(one) == account for one in spellings)

    # --- rules ------------------------------------------------------------------------------------------------
    def _key(self, local: str, domain: str) -> str | None:
        known = self.domain(domain)
        return f"{fold_local(local)}@{known.name}" if known is not None else None

    def _owner(self, key: str) -> AccountId | None:
        holder = self._holders.get(key)
        return holder if holder is not None else self._owned.get(key)

    def _resolve_local(self, local: str, spelt: str, domain: str, seen: set[str]) -> Target | None:
        """Exact address, alias, address without detail, alias without; the detail keeps its capitals."""
        target = self._exact(f"{local}@{domain}", None, seen)
        if target is not None:
            return target
        base, plus, _ = local.partition("+")
        if not plus or not base:
            return None
        detail = unicodedata.normalize("NFC", spelt).partition("+")[2]
        return self._exact(f"{base}@{domain}", detail or None, seen)

    def _exact(self, key: str, detail: str | None, seen: set[str]) -> Target | None:
        holder = self._holders.get(key)
        if holder is not None:
            kind = TargetKind.PRIMARY if detail is None else TargetKind.DETAIL
            return Target((self._accounts[holder],), kind, detail)
        if key in self._aliases:
            kind = TargetKind.ALIAS if detail is None else TargetKind.DETAIL
            return self._expand(key, kind, detail, seen)
        call = self._call(key, detail or "") if self._lists else None
        return self._called(call, detail, seen) if call is not None else None

    def _call(self, key: str, detail: str) -> Call | None:
        """The list, and the role in which ``key`` calls it."""
        known = self._lists.get(key)
        if known is not None:
            return Call(known, Role.POST, detail)
        local, _, domain = key.rpartition("@")
        base, hyphen, word = local.rpartition("-")
        known = self._lists.get(f"{base}@{domain}") if hyphen else None
        role = _ROLES.get(word)
        return Call(known, role, detail) if known is not None and role is not None else None

    def _called(self, call: Call, detail: str | None, seen: set[str]) -> Target | None:
        """Owners are people, like those behind an alias; every other role is the list's own business."""
        if call.role is Role.OWNER:
            return self._expand_to(call.list.beside(Role.OWNER), call.list.owners, TargetKind.ALIAS, None, seen)
        return Target((), TargetKind.LIST, detail, (), (call,))

    def _expand(self, alias: str, kind: TargetKind, detail: str | None, seen: set[str]) -> Target | None:
        return self._expand_to(alias, self._aliases[alias], kind, detail, seen)

    def _expand_to(
        self, alias: str, targets: tuple[str, ...], kind: TargetKind, detail: str | None, seen: set[str]
    ) -> Target | None:
        """Follow an alias; each is entered once, so loops end and the work is bounded.  None: leads nowhere."""
        if alias in seen or len(seen) >= ALIAS_HOPS:
            return None
        seen.add(alias)
        accounts: dict[AccountId, Account] = {}
        forward: dict[str, None] = {}
        lists: dict[str, Call] = {}
        for text in targets:
            found = self._one_target(text, seen)
            if isinstance(found, str):
                forward[found] = None
            elif found is not None:
                accounts.update((account.id, account) for account in found.accounts)
                forward.update(dict.fromkeys(found.forward_to))
                lists.update((call.list.beside(call.role), call) for call in found.lists)
                detail = detail if detail is not None or len(targets) > 1 else found.detail
            if len(accounts) + len(forward) >= ALIAS_TARGETS:
                break
        if not accounts and not forward and not lists:
            return None
        return Target(tuple(accounts.values()), kind, detail, tuple(forward), tuple(lists.values()))

    def _one_target(self, text: str, seen: set[str]) -> Target | str | None:
        """A target elsewhere is itself; one of ours is where it leads, without the catch-all."""
        local, _, domain = text.rpartition("@")
        if domain not in self._domains:
            return text
        return self._resolve_local(local, local, domain, seen)

    def _through(self, address: str, kind: TargetKind) -> Target | None:
        found = self._one_target(address, set())
        if found is None:
            return None
        if isinstance(found, str):
            return Target((), kind, None, (found,))
        return Target(found.accounts, kind, found.detail, found.forward_to, found.lists)

    def _postmaster(self, domain: str) -> Target | None:
        """RFC 5321 §4.5.1: where nobody was named, the postmaster of another domain of ours, then the oldest
        account of the domain, then the oldest of all."""
        for other in self._domains:
            target = self._exact(f"{POSTMASTER}@{other}", None, set())
            if target is not None:
                return Target(target.accounts, TargetKind.ALIAS, None, target.forward_to, target.lists)
        enabled = [account for account in self._accounts.values() if account.enabled]
        at_home = [account for account in enabled if account.login.endswith("@" + domain)]
        oldest = min(at_home or enabled, key=lambda account: account.id, default=None)
        return Target((oldest,), TargetKind.ALIAS) if oldest is not None else None

    def _own(self) -> None:
        """Work out anew, where that is needed, which aliases belong to one account alone.

        An alias that leads to several people is nobody's own: it may not be written from.
        """
        if not self._owned_stale:
            return
        self._owned_stale = False
        own: dict[AccountId, list[str]] = {}
        for alias in self._aliases:
            target = self._expand(alias, TargetKind.ALIAS, None, set())
            if target is not None and len(target.accounts) == 1 and not target.forward_to and not target.lists:
                own.setdefault(target.accounts[0].id, []).append(alias)
        self._owned = {alias: account for account, aliases in own.items() for alias in aliases}
        for account in list(self._accounts.values()):
            addresses = (account.login, *sorted(own.get(account.id, ())))
            if addresses != account.addresses:
                self._accounts[account.id] = msgspec.structs.replace(account, addresses=addresses)


def _normal(domain: str) -> str:
    """A domain as it is kept; what is none stays as it is, and equals nothing that is kept."""
    try:
        return normalise(domain)
    except FormatError:
        return domain


_ROLES: Final = {role.value: role for role in Role if role is not Role.POST}


def canonical_targets(targets: Iterable[str]) -> tuple[str, ...]:
    """Targets of an alias as they are kept, each once.  Raises FormatError; at least one, at most ALIAS_TARGETS."""
    kept = tuple(dict.fromkeys(canonical_address(target) for target in targets))
    if not kept:
        raise FormatError("alias", -1, "no target")
    if len(kept) > ALIAS_TARGETS:
        raise LimitExceeded("alias", -1, "alias_targets")
    return kept


def canonical_list(wanted: MailingList) -> MailingList:
    """A list as it is kept: all addresses canonical, each once.  Raises FormatError."""
    return check(
        msgspec.structs.replace(
            wanted,
            address=canonical_address(wanted.address),
            owners=tuple(dict.fromkeys(map(canonical_address, wanted.owners))),
            moderators=tuple(dict.fromkeys(map(canonical_address, wanted.moderators))),
        )
    )


def canonical_forward(login: str, forward_to: str) -> str:
    """Where an account's mail is sent on to, "" for nowhere.  Raises FormatError; AddressTaken: that is itself."""
    kept = canonical_address(forward_to) if forward_to else ""
    if kept == login:
        raise AddressTaken(kept)
    return kept
