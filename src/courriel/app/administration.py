"""Requests of ``ports.administration``, carried out on an open installation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from courriel import __version__
from courriel.accounts.device_logins import new_password
from courriel.app.doctor import Doctor
from courriel.app.installation import DAY_S, Installation
from courriel.app.list_office import ListOffice
from courriel.app.mailbox_office import MailboxOffice
from courriel.app.outbound import resolver_of
from courriel.app.policy_desk import PolicyDesk
from courriel.app.queue_desk import QueueDesk
from courriel.app.report_desk import ReportDesk
from courriel.app.report_mail import ReportMail
from courriel.app.restoring import bring_back, choose, restorable_row
from courriel.app.script_office import ScriptOffice
from courriel.app.tracing import WireTraces
from courriel.app.zone_desk import ZoneDesk
from courriel.base.errors import CourrielError, FormatError, Unavailable
from courriel.base.log import log
from courriel.base.utc import utc_day
from courriel.delivery.intake import Delivery
from courriel.delivery.relay.relay import Relay
from courriel.delivery.tls_report import tls_reports
from courriel.formats.domain import normalise
from courriel.imap.client import ImapClient
from courriel.mailboxes.access import Access
from courriel.mailboxes.exporting import ExportTally, export_mail
from courriel.mailboxes.importing import Ledger as ImportLedger
from courriel.mailboxes.importing import Tally, import_mail
from courriel.model import journey
from courriel.model.account import Account
from courriel.model.device import HOURLY, Device, DeviceHasNoLogin, NoSuchDevice, canonical_name, canonical_networks
from courriel.model.directory_refusals import AddressTaken, NoSuchDomain
from courriel.model.finding import Finding
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.maildrop import PopView, parse_view
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.queued import State
from courriel.model.refusals import NoJourney, NoSuchAddress
from courriel.model.roster import canonical_address
from courriel.mua.ledger import Ledger
from courriel.mua.migrate import Migration, MigrationTally, plan_rows
from courriel.mua.place import enter
from courriel.mua.place import parse as parse_place
from courriel.net.providers.table import open_provider
from courriel.ports import administration as do
from courriel.ports.zone import RecordReader

T = TypeVar("T")
Handler = Callable[["LocalAdministration", Any], Awaitable[Any]]


class LocalAdministration:
    """Carries requests out here.  ``describe`` tells of the listeners, when there is a server; ``reader`` is its."""

    def __init__(
        self,
        installation: Installation,
        traces: WireTraces | None = None,
        describe: Callable[[], dict[str, Any]] | None = None,
        relay: Relay | None = None,
        intake: Delivery | None = None,
        reader: RecordReader | None = None,
        report_mail: ReportMail | None = None,
    ) -> None:
        self._home = installation
        self.on_domains: Callable[[], None] = lambda: None
        """Called when a domain came or went."""
        self._report_mail = report_mail
        self._reader = reader
        self._queue = QueueDesk(installation.queue, installation.clock.now, relay)
        self._lists = ListOffice(installation, intake)
        self._mailboxes = MailboxOffice(installation)
        self._scripts = ScriptOffice(installation)
        self._traces = traces
        self._describe = describe

    async def perform(self, request: do.AnyRequest) -> AsyncIterator[do.Answer]:
        """Any number of Progress, then one Result or Failure."""
        try:
            if isinstance(request, do.Import):
                async for answer in self._import(request):
                    yield answer
            elif isinstance(request, do.Migrate):
                async for answer in self._migrate(request):
                    yield answer
            elif isinstance(request, do.Export):
                async for answer in self._export(request):
                    yield answer
            else:
                yield do.Result(await HANDLERS[type(request)](self, request))
        except CourrielError as refusal:
            yield do.Failure(_reason(refusal), str(refusal))
        except OSError as error:
            yield do.Failure("Unavailable", str(error))

    def _account(self, login: str) -> Account:
        account = self._home.directory.by_login(login)
        if account is None:
            raise NoSuchAddress(login)
        return account

    def _mail_of(self, login: str) -> AccountId:
        """Whose mail is meant: a user's, or that of the public mailboxes."""
        return PUBLIC_ACCOUNT if login == do.PUBLIC else self._account(login).id

    # --- domains ---------------------------------------------------------------------------
    async def domain_list(self, _request: do.DomainList) -> Any:
        accounts = self._home.directory.accounts()
        return [
            {
                "domain": domain.name,
                "catch_all": domain.catch_all,
                "accounts": sum(account.login.endswith("@" + domain.name) for account in accounts),
            }
            for domain in self._home.directory.domains()
        ]

    async def domain_add(self, request: do.DomainAdd) -> Any:
        added = await self._home.directory.add_domain(request.domain)
        await self._home.dkim.new(added.name)
        self.on_domains()
        return {"domain": added.name}

    async def domain_remove(self, request: do.DomainRemove) -> Any:
        await self._home.directory.remove_domain(request.domain)
        await self._home.dkim.forget(normalise(request.domain))
        self.on_domains()

    async def domain_catch_all(self, request: do.DomainCatchAll) -> Any:
        await self._home.directory.set_catch_all(request.domain, request.address)

    # --- keys of domains --------------------------------------------------------------------------------------
    async def dkim_list(self, request: do.DkimList) -> Any:
        return await self._home.dkim.rows(self._domain(request.domain) if request.domain else "")

    async def dkim_new(self, request: do.DkimNew) -> Any:
        return await self._home.dkim.new(self._domain(request.domain))

    async def dkim_rotate(self, request: do.DkimRotate) -> Any:
        return await self._home.dkim.rotate(self._domain(request.domain))

    async def dkim_retire(self, request: do.DkimRetire) -> Any:
        return await self._home.dkim.retire(self._domain(request.domain), request.selector)

    async def dkim_check(self, request: do.DkimCheck) -> Any:
        domain = self._domain(request.domain) if request.domain else ""
        return await self._ask_zones(lambda zones: self._home.dkim.check(zones.reader, domain))

    def _domain(self, name: str) -> str:
        """Raises NoSuchDomain, FormatError."""
        found = self._home.directory.domain(normalise(name))
        if found is None:
            raise NoSuchDomain(name)
        return found.name

    # --- people -----------------------------------------------------------------------------------------------
    async def user_list(self, _request: do.UserList) -> Any:
        rows = []
        for account in self._home.directory.accounts():
            quota = await self._home.store.quota(account.id)
            rows.append(
                {
                    "login": account.login,
                    "name": account.display_name,
                    "enabled": account.enabled,
                    "messages": quota.used_messages,
                    "octets": quota.used_octets,
                    "quota_octets": quota.limit_octets,
                    "held": account.held,
                    "forward_to": account.forward_to,
                    "keep_copy": account.keep_copy,
                    "pop_view": account.pop_view.value,
                }
            )
        return rows

    async def user_add(self, request: do.UserAdd) -> Any:
        """The login exists once its mailboxes do: a crash in between leaves a login without mailboxes, which the
        next start completes (``complete_accounts``)."""
        record = await self._home.passwords.record(request.password)
        account = await self._home.directory.add_account(request.login, record, request.name)
        if request.quota_octets:
            await self._home.directory.set_quota(account.login, request.quota_octets)
        await self._home.store.create_account(account.id, SPECIAL_MAILBOXES, request.quota_octets)
        log.event("account.added", login=account.login)
        return {"login": account.login}

    async def complete_accounts(self) -> None:
        """Give every login its mailboxes."""
        for account in self._home.directory.accounts():
            await self._home.store.create_account(account.id, SPECIAL_MAILBOXES, account.quota_octets)

    async def user_remove(self, request: do.UserRemove) -> Any:
        account = self._account(request.login)
        await Access(self._home.store, self._home.directory).forget(account.login)
        await self._home.directory.remove_account(account.login)
        await self._home.store.delete_account(account.id)
        await self._home.maildrops.forget(account.id)
        await self._home.sieve.forget_account(account.id)
        await self._home.lessons.forget(account.id)
        log.event("account.removed", login=account.login)

    async def user_password(self, request: do.UserPassword) -> Any:
        account = self._account(request.login)
        await self._home.directory.set_secret(account.login, await self._home.passwords.record(request.password))

    async def user_enable(self, request: do.UserEnable) -> Any:
        account = self._account(request.login)
        await self._home.directory.set_enabled(account.login, request.enabled)

    async def user_quota(self, request: do.UserQuota) -> Any:
        account = self._account(request.login)
        await self._home.directory.set_quota(account.login, request.quota_octets)
        await self._home.store.set_quota(account.id, request.quota_octets)

    async def user_send_as(self, request: do.UserSendAs) -> Any:
        account = self._account(request.login)
        revoked = {canonical_address(one) for one in request.revoke}
        wanted = dict.fromkeys([*account.send_as, *map(canonical_address, request.grant)])
        granted = [one for one in wanted if one not in revoked]
        if granted != list(account.send_as):
            await self._home.directory.set_send_as(account.login, granted)
            log.event("account.send_as", login=account.login, granted=" ".join(granted))
        return {"login": account.login, "own": list(account.addresses), "granted": granted}

    async def user_limits(self, request: do.UserLimits) -> Any:
        account = self._account(request.login)
        hourly, daily = request.messages_per_hour, request.recipients_per_day
        if hourly is not None or daily is not None:
            hourly = account.messages_per_hour if hourly is None else hourly
            daily = account.recipients_per_day if daily is None else daily
            await self._home.directory.set_sending_limits(account.login, hourly, daily)
            account = self._account(account.login)
        house = self._home.settings.submission
        return {
            "login": account.login,
            "messages_per_hour": account.messages_per_hour or house.messages_per_hour,
            "recipients_per_day": account.recipients_per_day or house.recipients_per_day,
        }

    async def user_release(self, request: do.UserRelease) -> Any:
        """First the account, so that what comes meanwhile is not held and forgotten."""
        account = self._account(request.login)
        await self._home.directory.set_held(account.login, "")
        which = do.QueueFilter(state=State.HELD.value, account=str(account.id))
        done = await self._queue.order("delete" if request.delete else "release", which)
        log.event("account.let_go", login=account.login, messages=done["messages"], deleted=request.delete)
        return {"login": account.login, "was_held": account.held, "messages": done["messages"]}

    async def user_forward(self, request: do.UserForward) -> Any:
        account = self._account(request.login)
        await self._home.directory.set_forward(account.login, request.to, request.keep_copy or not request.to)
        log.event("account.forward", login=account.login, to=request.to, keep_copy=request.keep_copy)

    async def user_pop(self, request: do.UserPop) -> Any:
        account = self._account(request.login)
        if request.view:
            view = parse_view(request.view)
            await self._home.directory.set_pop_view(account.login, view)
            if view is PopView.NEW:
                await self._home.maildrops.begin_anew(account.id)
            log.event("account.pop_view", login=account.login, view=view.value)
            account = self._account(account.login)
        return {"login": account.login, "view": account.pop_view.value}

    async def alias_list(self, _request: do.AliasList) -> Any:
        return [{"alias": alias, "targets": list(targets)} for alias, targets in self._home.directory.aliases()]

    async def alias_add(self, request: do.AliasAdd) -> Any:
        await self._home.directory.add_alias(request.alias, request.targets)

    async def alias_remove(self, request: do.AliasRemove) -> Any:
        await self._home.directory.remove_alias(request.alias)

    # --- mailboxes --------------------------------------------------------------------------------------------
    async def mailbox_list(self, request: do.MailboxList) -> Any:
        return await self._mailboxes.rows(request.login)

    async def mailbox_rights(self, request: do.MailboxRights) -> Any:
        return await self._mailboxes.rights(request.login, request.mailbox)

    async def mailbox_share(self, request: do.MailboxShare) -> Any:
        return await self._mailboxes.share(request)

    async def mailbox_unshare(self, request: do.MailboxUnshare) -> Any:
        await self._mailboxes.unshare(request)

    async def mailbox_public_add(self, request: do.MailboxPublicAdd) -> Any:
        return await self._mailboxes.add_public(request)

    async def mailbox_public_remove(self, request: do.MailboxPublicRemove) -> Any:
        await self._mailboxes.remove_public(request.mailbox)

    # --- lists ------------------------------------------------------------------------------------------------
    async def list_list(self, _request: do.ListList) -> Any:
        return await self._lists.rows()

    async def list_show(self, request: do.ListShow) -> Any:
        return await self._lists.row(request.address)

    async def list_add(self, request: do.ListAdd) -> Any:
        return await self._lists.add(request)

    async def list_change(self, request: do.ListChange) -> Any:
        return await self._lists.change(request)

    async def list_remove(self, request: do.ListRemove) -> Any:
        await self._lists.remove(request.address)

    async def list_members(self, request: do.ListMembers) -> Any:
        return await self._lists.members(request.address)

    async def list_add_members(self, request: do.ListAddMembers) -> Any:
        return await self._lists.add_members(request.address, request.members)

    async def list_remove_member(self, request: do.ListRemoveMember) -> Any:
        await self._lists.remove_member(request.address, request.member)

    async def list_held(self, request: do.ListHeld) -> Any:
        return await self._lists.held(request.address)

    async def list_decide(self, request: do.ListDecide) -> Any:
        return await self._lists.decide(request.address, request.id, request.publish)

    # --- scripts ----------------------------------------------------------------------------------------------
    async def script_list(self, request: do.ScriptList) -> Any:
        return await self._scripts.rows(self._account(request.login))

    async def script_put(self, request: do.ScriptPut) -> Any:
        account = self._account(request.login)
        return await self._scripts.put(account, request.name, request.content, request.activate)

    async def script_show(self, request: do.ScriptShow) -> Any:
        return await self._scripts.show(self._account(request.login), request.name)

    async def script_activate(self, request: do.ScriptActivate) -> Any:
        await self._scripts.activate(self._account(request.login), request.name)

    async def script_remove(self, request: do.ScriptRemove) -> Any:
        await self._scripts.remove(self._account(request.login), request.name)

    # --- devices ----------------------------------------------------------------------------------------------
    async def device_list(self, _request: do.DeviceList) -> Any:
        return [msgspec.to_builtins(device) for device in self._home.directory.devices()]

    async def device_add(self, request: do.DeviceAdd) -> Any:
        name, directory = canonical_name(request.name), self._home.directory
        sender = request.sender or f"{name}@{self._first_domain()}"
        networks, hourly = canonical_networks(request.networks), request.hourly or HOURLY
        device = Device(name, networks, canonical_address(sender), hourly, request.login)
        if directory.domain(device.sender.rpartition("@")[2]) is None:
            raise NoSuchDomain(device.sender)
        if not (request.login or networks):
            raise FormatError("device", 0, "needs a network, or a login")
        if request.login and directory.by_login(name) is not None:
            raise AddressTaken(name)  # whoever logs in with the bare local part would be the device
        password = new_password() if request.login else ""
        await directory.add_device(device, await self._home.passwords.record(password) if password else None)
        log.event("device.added", device=name, networks=" ".join(device.networks), has_login=device.has_login)
        return self._recipe(device, password)

    async def device_password(self, request: do.DevicePassword) -> Any:
        directory, password = self._home.directory, new_password()
        device = directory.device(canonical_name(request.name))
        if device is None:
            raise NoSuchDevice(request.name)
        if not device.has_login:
            raise DeviceHasNoLogin(device.name)
        await directory.set_device_secret(device.name, await self._home.passwords.record(password))
        log.event("device.password", device=device.name)
        return self._recipe(device, password)

    def _recipe(self, device: Device, password: str) -> dict[str, Any]:
        """What to type into a device."""
        listen = self._home.settings.listen
        ports = {"port": listen.devices, "submission": listen.submission, "submissions": listen.submissions}
        secret = {"password": password} if password else {}
        told: dict[str, Any] = msgspec.to_builtins(device)
        return told | {"server": self._home.settings.name} | ports | secret

    def _first_domain(self) -> str:
        domains = self._home.directory.domains()
        if not domains:
            raise NoSuchDomain("no domain yet")
        return domains[0].name

    async def device_remove(self, request: do.DeviceRemove) -> Any:
        await self._home.directory.remove_device(canonical_name(request.name))

    # --- stored and waiting mail ----------------------------------------------------------------------------
    async def queue_list(self, request: do.QueueList) -> Any:
        return await self._queue.rows(request.which)

    async def queue_show(self, request: do.QueueShow) -> Any:
        return await self._queue.show(request.id)

    async def queue_order(self, request: do.QueueOrder) -> Any:
        return await self._queue.order(request.what, request.which)

    async def queue_tls(self, request: do.QueueTls) -> Any:
        day = _day(request.day) if request.day else utc_day(self._home.clock.now())
        tallies = await self._home.tls_reports.tallies(day)
        rows = [
            {
                "domain": tally.session.subject.domain,
                "policy": tally.session.subject.type.value,
                "result": tally.session.result,
                "mx": tally.session.mx,
                "ip": tally.session.ip,
                "sessions": tally.sessions,
            }
            for tally in tallies
        ]
        return {"rows": rows, "reports": [*tls_reports(tallies, day, self._home.settings.name).values()]}

    async def journey(self, request: do.Journey) -> Any:
        journeys, name = self._home.journeys, request.name.strip()
        id = name
        if "@" in name:
            known = await journeys.find(f"<{name.removeprefix('<').removesuffix('>')}>")
            if not known:
                raise NoJourney(name)
            id = known[-1]
        steps = list(await journeys.steps(id))
        if not steps:
            raise NoJourney(name)
        for part in dict.fromkeys(str(step.fields["part"]) for step in steps if "part" in step.fields):
            steps += await journeys.steps(part)
        steps.sort(key=lambda step: step.at)
        hops = journey.hops([(step.event, step.at, step.fields) for step in steps])
        return {"id": id, "hops": msgspec.to_builtins(hops)}

    async def check(self, request: do.Check) -> Any:
        report = await self._home.store.check(request.repair)
        if self._home.index is not None:
            findings = (*report.findings, *self._home.index.check(request.repair))
            report = msgspec.structs.replace(report, findings=findings)
        return msgspec.to_builtins(report)

    async def search_status(self, _request: do.SearchStatus) -> Any:
        index = self._home.index
        return [] if index is None else msgspec.to_builtins(await index.state())

    async def search_rebuild(self, _request: do.SearchRebuild) -> Any:
        if self._home.index is None:
            raise Unavailable("there is no index: search.index is off")
        await self._home.index.rebuild()

    async def restore(self, request: do.Restore) -> Any:
        account = self._mail_of(request.login)
        chosen = choose(await self._home.store.expunged(account), request)
        if chosen and not request.dry_run:
            await bring_back(self._home.store, account, chosen)
            log.event("account.restored", login=request.login, messages=len(chosen))
        return [restorable_row(one) for one in chosen]

    async def _import(self, request: do.Import) -> AsyncIterator[do.Answer]:
        account, source = self._mail_of(request.login), Path(request.source)
        ledger = ImportLedger.for_import(self._home.data / "imports", account, source, request.mailbox)
        async for step in import_mail(
            self._home.store, self._home.maildrops, account, source, request.mailbox, ledger, self._home.clock.now()
        ):
            yield do.Result(msgspec.to_builtins(step)) if isinstance(step, Tally) else step

    async def _migrate(self, request: do.Migrate) -> AsyncIterator[do.Answer]:
        home, account = self._home, self._account(request.login)
        place, authority = parse_place(request.source), Path(request.ca) if request.ca else None

        def connect() -> Coroutine[Any, Any, ImapClient]:
            return enter(place, request.password, authority)

        if request.dry_run:
            yield do.Result(await plan_rows(connect, home.store, account.id))
            return
        ledger = Ledger.at(home.data / "migrations", account.id, str(place))
        try:
            async for step in Migration(home.store, account.id, connect, ledger, home.clock.now()).run():
                if isinstance(step, MigrationTally):
                    log.event("account.migrated", login=account.login, messages=step.brought, whole=step.is_whole)
                    yield do.Result(msgspec.to_builtins(step) | {"whole": step.is_whole})
                else:
                    yield step
        finally:
            ledger.close()

    async def _export(self, request: do.Export) -> AsyncIterator[do.Answer]:
        account = self._mail_of(request.login)
        home, target = self._home, Path(request.target)
        async for step in export_mail(home.store, home.maildrops, account, target, request.format):
            yield do.Result(msgspec.to_builtins(step)) if isinstance(step, ExportTally) else step

    # --- the server itself ----------------------------------------------------------------------------------
    async def trace(self, request: do.Trace) -> Any:
        if self._traces is None:
            raise Unavailable("no server runs on this data: there is no wire to trace")
        self._traces.switch(self._account(request.login).id, request.on)

    async def status(self, _request: do.Status) -> Any:
        about: dict[str, Any] = {
            "version": __version__,
            "hostname": self._home.settings.name,
            "listeners": [],
            "ca": "",
        }
        return about | (self._describe() if self._describe is not None else {})

    # --- the DNS --------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def _zones(self) -> AsyncIterator[ZoneDesk]:
        """With the server's resolver, or one of our own where no server runs."""
        if self._reader is not None:
            yield ZoneDesk(self._home, self._reader)
            return
        reader = resolver_of(self._home.settings, self._home.clock)
        try:
            yield ZoneDesk(self._home, reader)
        finally:
            await reader.close()

    async def _ask_zones(self, act: Callable[[ZoneDesk], Coroutine[Any, Any, T]]) -> T:
        """Time limits want a task, and requests over the control socket are begun without one (ADR 1)."""

        async def run() -> T:
            async with self._zones() as zones:
                return await act(zones)

        return await asyncio.create_task(run())

    async def dns_show(self, request: do.DnsShow) -> dict[str, Any]:
        return await self._ask_zones(lambda zones: zones.show(normalise(request.domain), request.services))

    async def dns_inventory(self, request: do.DnsInventory) -> list[dict[str, Any]]:
        async def ask(zones: ZoneDesk) -> list[dict[str, Any]]:
            named = await zones.inventory(normalise(request.domain))
            return named + await ReportDesk(self._home, zones.reader).strangers(normalise(request.domain))

        return await self._ask_zones(ask)

    async def dns_publish(self, request: do.DnsPublish) -> dict[str, Any]:
        domain = normalise(request.domain)
        zone = normalise(request.zone) if request.zone else domain
        services, ttl_s = request.services, request.ttl_s
        if request.provider:
            writer = open_provider(request.provider, request.token, time.time)
            return await self._ask_zones(lambda zones: zones.publish_through(domain, writer, zone, services, ttl_s))
        return await self._ask_zones(
            lambda zones: zones.publish(domain, request.server, request.key, zone, services, ttl_s)
        )

    async def dns_dmarc(self, request: do.DnsDmarc) -> dict[str, Any]:
        domain = normalise(request.domain)
        return await self._ask_zones(lambda zones: PolicyDesk(self._home, zones).answer(request, domain))

    async def reports(self, request: do.Reports) -> list[dict[str, Any]]:
        domain = normalise(request.domain) if request.domain else ""
        return await self._ask_zones(lambda zones: ReportDesk(self._home, zones.reader).show(domain, request.days))

    async def user_learnt(self, request: do.UserLearnt) -> dict[str, Any]:
        account = self._account(request.login)
        if request.forget:
            await self._home.lessons.forget(account.id)
            await self._home.marks.forget(account.id)
        return {"login": account.login, **msgspec.to_builtins(self._home.marks.learnt(account.id))}

    async def reports_sent(self, request: do.ReportsSent) -> list[dict[str, Any]]:
        if request.send:
            if self._report_mail is None:
                raise Unavailable("the server is not running")
            await self._report_mail.send_due()
        since = utc_day(max(0.0, self._home.clock.now() - request.days * DAY_S))
        return [msgspec.to_builtins(one) for one in await self._home.judged_mails.sent(since)]

    async def doctor(self, request: do.Doctor) -> list[dict[str, Any]]:
        async def examine(zones: ZoneDesk) -> list[Finding]:
            return await Doctor(zones, self._home.settings).examine(normalise(request.domain), request.outside)

        return [msgspec.to_builtins(finding) for finding in await self._ask_zones(examine)]


HANDLERS: Final[dict[type[do.Request], Handler]] = {
    do.DnsShow: LocalAdministration.dns_show,
    do.Doctor: LocalAdministration.doctor,
    do.DnsDmarc: LocalAdministration.dns_dmarc,
    do.UserLearnt: LocalAdministration.user_learnt,
    do.Reports: LocalAdministration.reports,
    do.ReportsSent: LocalAdministration.reports_sent,
    do.DnsInventory: LocalAdministration.dns_inventory,
    do.DnsPublish: LocalAdministration.dns_publish,
    do.DomainList: LocalAdministration.domain_list,
    do.DomainAdd: LocalAdministration.domain_add,
    do.DomainRemove: LocalAdministration.domain_remove,
    do.DomainCatchAll: LocalAdministration.domain_catch_all,
    do.DkimList: LocalAdministration.dkim_list,
    do.DkimNew: LocalAdministration.dkim_new,
    do.DkimRotate: LocalAdministration.dkim_rotate,
    do.DkimRetire: LocalAdministration.dkim_retire,
    do.DkimCheck: LocalAdministration.dkim_check,
    do.UserList: LocalAdministration.user_list,
    do.UserAdd: LocalAdministration.user_add,
    do.UserRemove: LocalAdministration.user_remove,
    do.UserPassword: LocalAdministration.user_password,
    do.UserEnable: LocalAdministration.user_enable,
    do.UserQuota: LocalAdministration.user_quota,
    do.UserSendAs: LocalAdministration.user_send_as,
    do.UserLimits: LocalAdministration.user_limits,
    do.UserRelease: LocalAdministration.user_release,
    do.UserForward: LocalAdministration.user_forward,
    do.MailboxList: LocalAdministration.mailbox_list,
    do.MailboxRights: LocalAdministration.mailbox_rights,
    do.MailboxShare: LocalAdministration.mailbox_share,
    do.MailboxUnshare: LocalAdministration.mailbox_unshare,
    do.MailboxPublicAdd: LocalAdministration.mailbox_public_add,
    do.MailboxPublicRemove: LocalAdministration.mailbox_public_remove,
    do.UserPop: LocalAdministration.user_pop,
    do.AliasList: LocalAdministration.alias_list,
    do.AliasAdd: LocalAdministration.alias_add,
    do.AliasRemove: LocalAdministration.alias_remove,
    do.ListList: LocalAdministration.list_list,
    do.ListShow: LocalAdministration.list_show,
    do.ListAdd: LocalAdministration.list_add,
    do.ListChange: LocalAdministration.list_change,
    do.ListRemove: LocalAdministration.list_remove,
    do.ListMembers: LocalAdministration.list_members,
    do.ListAddMembers: LocalAdministration.list_add_members,
    do.ListRemoveMember: LocalAdministration.list_remove_member,
    do.ListHeld: LocalAdministration.list_held,
    do.ListDecide: LocalAdministration.list_decide,
    do.ScriptList: LocalAdministration.script_list,
    do.ScriptPut: LocalAdministration.script_put,
    do.ScriptShow: LocalAdministration.script_show,
    do.ScriptActivate: LocalAdministration.script_activate,
    do.ScriptRemove: LocalAdministration.script_remove,
    do.DeviceList: LocalAdministration.device_list,
    do.DeviceAdd: LocalAdministration.device_add,
    do.DevicePassword: LocalAdministration.device_password,
    do.DeviceRemove: LocalAdministration.device_remove,
    do.Journey: LocalAdministration.journey,
    do.QueueList: LocalAdministration.queue_list,
    do.QueueShow: LocalAdministration.queue_show,
    do.QueueTls: LocalAdministration.queue_tls,
    do.QueueOrder: LocalAdministration.queue_order,
    do.Check: LocalAdministration.check,
    do.SearchStatus: LocalAdministration.search_status,
    do.SearchRebuild: LocalAdministration.search_rebuild,
    do.Restore: LocalAdministration.restore,
    do.Trace: LocalAdministration.trace,
    do.Status: LocalAdministration.status,
}
"""Every request but Import, Migrate and Export, which answer more than once."""


def _reason(refusal: CourrielError) -> str:
    """The name a refusal goes by: its class, or FormatError for all that is badly written."""
    return "FormatError" if isinstance(refusal, FormatError) else type(refusal).__name__


def _day(text: str) -> str:
    """A day as it is kept.  Raises FormatError."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise FormatError("day", 0, "a date like 2026-11-24") from None
