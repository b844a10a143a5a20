"""What people's doors (command line, later the web) may ask of an installation.

One method, many requests: the same request is carried out here when the server is stopped, or sent to it over
its control socket when it runs.  Values are plain enough for JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import msgspec


class Request(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Root of all requests; the tag is its name on the control socket."""


class Status(Request, tag="status", frozen=True):
    """What runs here: version, listeners, accounts, connections."""


class DomainList(Request, tag="domain.list", frozen=True):
    """Rows ``{domain, catch_all, accounts}``."""


class DomainAdd(Request, tag="domain.add", frozen=True):
    domain: str


class DomainRemove(Request, tag="domain.remove", frozen=True):
    """Refused while accounts or aliases live in it."""

    domain: str


class DomainCatchAll(Request, tag="domain.catch-all", frozen=True):
    """``address`` None takes the catch-all away."""

    domain: str
    address: str | None


class DkimList(Request, tag="dkim.list", frozen=True):
    """Rows ``{domain, selector, algorithm, state, made_at, since, seen_at, name, host, type, value, strings}`` of a
    domain's keys, of all with ""; from ``name`` on it is the record to publish (``host``: the name without the domain),
    ``seen_at`` "" while the DNS has it not."""

    domain: str = ""


class DkimNew(Request, tag="dkim.new", frozen=True):
    """Make the keys that a domain lacks: the rows of ``DkimList``."""

    domain: str


class DkimRotate(Request, tag="dkim.rotate", frozen=True):
    """Let the spares sign that are published: the rows of ``DkimList``."""

    domain: str


class DkimRetire(Request, tag="dkim.retire", frozen=True):
    """Sign no more with a key, whose record is to be taken back: the rows of ``DkimList``."""

    domain: str
    selector: str


class DkimCheck(Request, tag="dkim.check", frozen=True):
    """Look for the keys of a domain (of all with "") in the DNS, and do what is due: the rows of ``DkimList``."""

    domain: str = ""


class UserList(Request, tag="user.list", frozen=True):
    """Rows ``{login, name, enabled, messages, octets, quota_octets, held, forward_to, keep_copy, pop_view}``; ``held``
    says why its mail is held."""


class UserAdd(Request, tag="user.add", frozen=True):
    """A new account with its special mailboxes."""

    login: str
    password: str
    name: str = ""
    quota_octets: int = 0


class UserRemove(Request, tag="user.remove", frozen=True):
    """The account and all its mail."""

    login: str


class UserPassword(Request, tag="user.password", frozen=True):
    login: str
    password: str


class UserEnable(Request, tag="user.enable", frozen=True):
    login: str
    enabled: bool


class UserQuota(Request, tag="user.quota", frozen=True):
    """0 octets: no limit."""

    login: str
    quota_octets: int


class UserSendAs(Request, tag="user.send-as", frozen=True):
    """Let an account send as further addresses, or no longer: ``{login, own, granted}``, all as they are then."""

    login: str
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()


class UserLimits(Request, tag="user.limits", frozen=True):
    """How much an account may send, 0: as everybody; None leaves it: ``{login, messages_per_hour,
    recipients_per_day}``."""

    login: str
    messages_per_hour: int | None = None
    recipients_per_day: int | None = None


class UserRelease(Request, tag="user.release", frozen=True):
    """Let an account that was held send again; its held mail goes, or is deleted: ``{login, was_held, messages}``."""

    login: str
    delete: bool = False


class UserForward(Request, tag="user.forward", frozen=True):
    """Send an account's mail on to ``to``, and keep a copy or not; ``to`` "" ends it."""

    login: str
    to: str
    keep_copy: bool = True


PUBLIC: Final = "public"
"""For a login, where mailboxes are meant: those that are nobody's.  A user of that name goes by the full address."""


class MailboxList(Request, tag="mailbox.list", frozen=True):
    """Rows ``{mailbox, messages, unseen, octets, shared}``; ``shared`` has rights (letters) by identifier."""

    login: str


class MailboxRights(Request, tag="mailbox.rights", frozen=True):
    """Rows ``{who, rights}``, the owner first."""

    login: str
    mailbox: str


class MailboxShare(Request, tag="mailbox.share", frozen=True):
    """Give ``who`` rights, letters of RFC 4314 §2.1 (after ``+`` or ``-``: a change): ``{mailbox, who, rights}``."""

    login: str
    mailbox: str
    who: str
    rights: str


class MailboxUnshare(Request, tag="mailbox.unshare", frozen=True):
    """Take the entry of ``who`` away; "" all entries."""

    login: str
    mailbox: str
    who: str = ""


class MailboxPublicAdd(Request, tag="mailbox.public.add", frozen=True):
    """A new public mailbox, with its first entry: ``{mailbox}``."""

    mailbox: str
    who: str
    rights: str


class MailboxPublicRemove(Request, tag="mailbox.public.remove", frozen=True):
    mailbox: str


class UserPop(Request, tag="user.pop", frozen=True):
    """What an account's POP3 clients see (``model/maildrop.py``): ``{login, view}``; ``view`` "" only asks.

    "new" begins with the next login, also when it was "new" before.
    """

    login: str
    view: str = ""


class AliasList(Request, tag="alias.list", frozen=True):
    """Rows ``{alias, targets}``."""


class AliasAdd(Request, tag="alias.add", frozen=True):
    alias: str
    targets: tuple[str, ...]


class AliasRemove(Request, tag="alias.remove", frozen=True):
    alias: str


class DeviceList(Request, tag="device.list", frozen=True):
    """Rows ``{name, networks, sender, hourly, has_login}``."""


class DeviceAdd(Request, tag="device.add", frozen=True):
    """Let a device send: ``{name, networks, sender, hourly, has_login, server, port, submission, submissions}`` to type
    into it, and with ``login`` the ``password``, which is told this once.

    ``sender`` "" is its name at the first domain of ours.  Without ``login`` it needs networks.
    """

    name: str
    networks: tuple[str, ...]
    sender: str = ""
    hourly: int = 0
    login: bool = False


class DevicePassword(Request, tag="device.password", frozen=True):
    """A new password for a device that logs in: as DeviceAdd answers.  The old one ends at once."""

    name: str


class DeviceRemove(Request, tag="device.remove", frozen=True):
    name: str


class ListSettings(msgspec.Struct, frozen=True):
    """What is to be set of a list (``model/mailing_list.py``); None stays as it is."""

    name: str | None = None
    owners: tuple[str, ...] | None = None
    moderators: tuple[str, ...] | None = None
    posting: str | None = None
    joining: str | None = None
    subject_prefix: str | None = None
    archive: str | None = None
    verp: bool | None = None
    own_copy: bool | None = None
    bounces: int | None = None


class ListList(Request, tag="list.list", frozen=True):
    """Rows as ``ListShow``."""


class ListShow(Request, tag="list.show", frozen=True):
    """All settings of a list, and how many ``members``, ``suspended`` and ``held`` posts it has."""

    address: str


class ListAdd(Request, tag="list.add", frozen=True):
    """A new list; the row of ``ListShow``."""

    address: str
    settings: ListSettings = ListSettings()


class ListChange(Request, tag="list.change", frozen=True):
    """The row of ``ListShow``."""

    address: str
    settings: ListSettings


class ListRemove(Request, tag="list.remove", frozen=True):
    """With its members and the posts that wait."""

    address: str


class ListMembers(Request, tag="list.members", frozen=True):
    """Rows ``{address, joined_at, suspended}``."""

    address: str


class ListAddMembers(Request, tag="list.add-members", frozen=True):
    """``{added}``: those who were not on it, or were suspended.  All of them or none."""

    address: str
    members: tuple[str, ...]


class ListRemoveMember(Request, tag="list.remove-member", frozen=True):
    address: str
    member: str


class ListHeld(Request, tag="list.held", frozen=True):
    """Rows ``{id, from, subject, at, octets}`` of posts that wait for a moderator."""

    address: str


class ListDecide(Request, tag="list.decide", frozen=True):
    """Publish a post that waits, or drop it: ``{id}`` of the published message, or ""."""

    address: str
    id: int
    publish: bool


class QueueFilter(msgspec.Struct, frozen=True):
    """Which messages of the queue: all that match everything that is set.

    ``sender`` and ``recipient`` are addresses or domains, ``state`` is a value of ``model.queued.State``, ``account``
    the id of who submitted it, as text.
    """

    ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    state: str = ""
    account: str = ""


class QueueList(Request, tag="queue.list", frozen=True):
    """Rows ``{id, from, to, queued_at, octets, state, next_at, tries, reason}``; ``to`` has those that match."""

    which: QueueFilter = QueueFilter()


class Journey(Request, tag="journey", frozen=True):
    """The way of a message: ``{id, hops}``, hops as ``model.journey.Hop``; ``name`` is our id or its Message-ID."""

    name: str


class QueueShow(Request, tag="queue.show", frozen=True):
    """One message: the row, and ``recipients`` with all that is known of each; ``header`` is its header."""

    id: str


class QueueTls(Request, tag="queue.tls", frozen=True):
    """How TLS sessions with other servers went on a UTC day ("2026-11-24", "" for today): ``{rows, reports}``.

    Rows are ``{domain, policy, result, mx, ip, sessions}``, ``result`` "" for success; reports as RFC 8460 §4.4.
    """

    day: str = ""


class QueueOrder(Request, tag="queue.order", frozen=True):
    """Do ``what`` ("hold", "release", "retry" or "delete") with the recipients that match: ``{messages}``.

    "delete" takes whole messages, and nobody is told.
    """

    what: str
    which: QueueFilter


class Check(Request, tag="check", frozen=True):
    """Compare the truth with everything derived from it; mend it when ``repair``."""

    repair: bool = False


class SearchStatus(Request, tag="search.status", frozen=True):
    """Rows of the index of words: ``{shard, bodies, indexed, octets}``; none without an index."""


class SearchRebuild(Request, tag="search.rebuild", frozen=True):
    """Throw the index away, to be made anew while the server runs."""


class Restore(Request, tag="restore", frozen=True):
    """Bring expunged messages back to their mailboxes: rows ``{id, mailbox, from, subject, octets, expunged_at,
    forget_at}`` of those that match everything that is set, the last deleted first; with ``dry_run`` the same rows,
    and nothing else.  ``since`` is when they were deleted, in POSIX seconds; ``mailbox`` is canonical.

    Refused (NotRestorable) when one of ``ids`` cannot be brought back: nothing is then.
    """

    login: str
    ids: tuple[int, ...] = ()
    mailbox: str = ""
    since: float = 0.0
    dry_run: bool = False


class Import(Request, tag="import", frozen=True):
    """Read an mbox file or a Maildir into an account, below ``mailbox``; goes on where an earlier run stopped."""

    login: str
    source: str
    mailbox: str = "INBOX"


class Migrate(Request, tag="migrate", frozen=True):
    """Bring an account over from another server by IMAP; goes on where an earlier run stopped.

    ``source`` as ``mua/place.py`` reads it; ``ca`` is a file of a further authority to believe.  Rows of the plan,
    ``{source, mailbox}``, with ``dry_run``; else the fields of ``mua.migrate.MigrationTally`` and ``whole``.
    """

    login: str
    source: str
    password: str
    ca: str = ""
    dry_run: bool = False


class Export(Request, tag="export", frozen=True):
    """Write an account's mail as ``format`` ("mbox", "maildir") into the directory ``target``."""

    login: str
    target: str
    format: str = "maildir"


class DnsShow(Request, tag="dns.show", frozen=True):
    """What the DNS should say of a domain and what it says: ``{domain, rows, spf_lookups, spf_octets, unknown}``.

    Rows are ``{name, type, value, purpose, needed, state, found, secure}`` (``model/zone_record.py``).  ``services``
    are names of ``zones/presets.py`` that are to send for the domain too.
    """

    domain: str
    services: tuple[str, ...] = ()


class DnsInventory(Request, tag="dns.inventory", frozen=True):
    """Who may send for a domain by its SPF record: rows ``{mechanism, sender, name, lookups}``."""

    domain: str


PROVIDERS: Final = ("cloudflare", "desec", "gandi", "hetzner", "ovh")
"""Companies with zones whose interfaces we speak."""


class DnsPublish(Request, tag="dns.publish", frozen=True):
    """Bring what is missing into the zone, by dynamic updates (RFC 2136) or a provider: ``{changes, rows}``, rows as of
    then.

    ``server`` is ``ip`` or ``ip:port``; ``key`` the text of a TSIG key, "" for none; ``zone`` "" is the domain itself.
    With a ``provider`` (``net/providers/table.py``) and its ``token`` there is no server.
    """

    domain: str
    server: str = ""
    key: str = ""
    zone: str = ""
    services: tuple[str, ...] = ()
    ttl_s: int = 3600
    provider: str = ""
    token: str = ""


class UserLearnt(Request, tag="user.learnt", frozen=True):
    """What an account has taught of junk: ``{login, junk, good, last}``; ``forget``: all of it is forgotten first."""

    login: str
    forget: bool = False


class DnsDmarc(Request, tag="dns.dmarc", frozen=True):
    """Where a domain stands between p=none and p=reject: ``zones.policy_step.Step`` with ``domain``, ``earned``, and
    the ``changes`` made; a ``server`` has the next step published there if reports have earned it (``DnsPublish``)."""

    domain: str
    days: int = 30
    server: str = ""
    key: str = ""
    zone: str = ""
    ttl_s: int = 3600


class Reports(Request, tag="reports", frozen=True):
    """What other servers reported of a domain (of all with "") in the last days: one ``{domain, since, messages,
    aligned, reporters, sources, days, tls}`` a domain.

    ``sources`` are ``{ip, name, messages, aligned, standing, other}`` (``zones/report_table.py``), ``days`` are ``{day,
    messages, aligned}``, ``tls`` are ``{policy, result, sessions}``, ``result`` "" for success.
    """

    domain: str = ""
    days: int = 30


class ReportsSent(Request, tag="reports_sent", frozen=True):
    """Reports of ours of the last days, as ``model.sent_report.SentReport``; ``send``: what is due goes out first, as
    a running server can."""

    days: int = 30
    send: bool = False


class Doctor(Request, tag="doctor", frozen=True):
    """Examine a domain, its records and its ways in and out: rows as ``model.finding.Finding``.

    ``outside`` is the domain whose mail servers are asked whether port 25 is open to the world.
    """

    domain: str
    outside: str = ""


class Trace(Request, tag="trace", frozen=True):
    """Log the wire of an account's new connections (or stop to); never before the login, so no password."""

    login: str
    on: bool


class ScriptList(Request, tag="script.list", frozen=True):
    """Rows ``{name, octets, active}``."""

    login: str


class ScriptPut(Request, tag="script.put", frozen=True):
    """Keep a Sieve script under ``name``.  Refused when something is wrong with it."""

    login: str
    name: str
    content: str
    activate: bool = False


class ScriptShow(Request, tag="script.show", frozen=True):
    """``{name, content}``; ``name`` "": the script at work."""

    login: str
    name: str = ""


class ScriptActivate(Request, tag="script.activate", frozen=True):
    """``name`` "" lets all scripts rest."""

    login: str
    name: str


class ScriptRemove(Request, tag="script.remove", frozen=True):
    login: str
    name: str


AnyRequest = (
    Status
    | DomainList
    | DomainAdd
    | DomainRemove
    | DomainCatchAll
    | DkimList
    | DkimNew
    | DkimRotate
    | DkimRetire
    | DkimCheck
    | UserList
    | UserAdd
    | UserRemove
    | UserPassword
    | UserEnable
    | UserQuota
    | UserSendAs
    | UserLimits
    | UserRelease
    | UserForward
    | MailboxList
    | MailboxRights
    | MailboxShare
    | MailboxUnshare
    | MailboxPublicAdd
    | MailboxPublicRemove
    | UserPop
    | AliasList
    | AliasAdd
    | AliasRemove
    | ListList
    | ListShow
    | ListAdd
    | ListChange
    | ListRemove
    | ListMembers
    | ListAddMembers
    | ListRemoveMember
    | ListHeld
    | ListDecide
    | ScriptList
    | ScriptPut
    | ScriptShow
    | ScriptActivate
    | ScriptRemove
    | DeviceList
    | DeviceAdd
    | DevicePassword
    | DeviceRemove
    | Journey
    | QueueList
    | QueueShow
    | QueueTls
    | QueueOrder
    | Check
    | SearchStatus
    | SearchRebuild
    | Restore
    | Import
    | Migrate
    | Export
    | DnsShow
    | DnsInventory
    | DnsPublish
    | Doctor
    | DnsDmarc
    | UserLearnt
    | Reports
    | ReportsSent
    | Trace
)


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a long request is; ``total`` 0 when not known.  ``unit`` is "messages" or "octets"."""

    done: int
    total: int = 0
    unit: str = "messages"
    what: str = ""


class Result(msgspec.Struct, frozen=True, tag="result"):
    """The last answer of a request that went well."""

    value: Any = None


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The last answer of a request that did not: ``reason`` is the refusal's class, ``detail`` says more."""

    reason: str
    detail: str = ""


Answer = Progress | Result | Failure


class Administration(Protocol):
    """Carries requests out."""

    def perform(self, request: AnyRequest) -> AsyncIterator[Answer]:
        """Any number of Progress, then one Result or Failure."""
        ...
