"""``courriel mail``: send, list and read mail over the open protocols, with any provider's server.

With ``--data DIR`` the ports and the certificate authority of the server that runs on it are found by themselves.
What can be done while away is ``mail_away.py``'s business.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from courriel.cli.discovery import discover
from courriel.cli.doors import Doors
from courriel.cli.options import json_option
from courriel.cli.output import EXIT_REFUSED, ask, console, errors, refuse, rows_table, show
from courriel.formats import encoded_word
from courriel.formats.header import split_block
from courriel.formats.message.build import Attachment, Draft, Person, build
from courriel.formats.message.summary import summarise
from courriel.formats.message.text import decoded_text
from courriel.formats.path import parse_address
from courriel.imap import client as imap_client
from courriel.imap.client import ImapClient
from courriel.model.attempt import Attempt, Result, Stage
from courriel.mua.autoconfig import Endpoint, Servers
from courriel.mua.cache import Cache
from courriel.mua.cache import Send as Queued
from courriel.net.tls import client_context
from courriel.net.tls_policy import verified
from courriel.ports.administration import Failure, Status
from courriel.smtp.client import NoSession, Outgoing, Peer, SmtpClient, outgoing

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Server:
    """Where a person's mail is, and how to get in."""

    imap: Endpoint
    submission: Endpoint
    ca: Path | None
    user: str
    login: str
    """The name to log in with, where that is not the address."""
    password: str


def server_options(function: F) -> F:
    for option in (
        click.option("--user", required=True, help=_("Name to log in with (an address).")),
        click.option("--server", "host", help=_("Host of the mail server.")),
        click.option("--imap-port", type=int, default=993, show_default=True, help=_("IMAP with TLS.")),
        click.option("--smtp-port", type=int, default=465, show_default=True, help=_("Submission with TLS.")),
        click.option(
            "--ca", type=click.Path(exists=True, path_type=Path), help=_("Certificate authority to trust (PEM).")
        ),
        click.option(
            "--data",
            type=click.Path(exists=True, path_type=Path),
            help=_("Data directory of a server on this machine."),
        ),
    ):
        function = option(function)
    return function


def server_of(
    doors: Doors, data: Path | None, host: str | None, imap_port: int, smtp_port: int, ca: Path | None, user: str
) -> Server:
    """The server meant by the options; the password is COURRIEL_PASSWORD or asked for."""
    servers = None
    if data is None and host is None:
        servers = _discovered(user)
    elif data is not None:
        about = ask(doors.administration(data), Status(), quiet=True)
        ports = {one["service"]: one["port"] for one in about["listeners"]}
        if not ports:
            refuse(Failure("Unavailable", _("no server runs on {data}").format(data=data)))
        host, imap_port, smtp_port = "localhost", ports["imaps"], ports["submissions"]
        ca = Path(about["ca"]) if about["ca"] else None
    password = os.environ.get("COURRIEL_PASSWORD")
    if password is None:
        password = click.prompt(_("Password"), hide_input=True, err=True)
    if servers is not None:
        return Server(servers.imap, servers.submission, ca, user, servers.user, str(password))
    imap, submission = Endpoint(host or "", imap_port, True), Endpoint(host or "", smtp_port, True)
    return Server(imap, submission, ca, user, user, str(password))


def _discovered(address: str) -> Servers:
    """The servers of an address, found on the net; the person is asked where only an unsigned DNS names them."""
    servers = asyncio.run(discover(address)) if "@" in address else None
    if servers is None:
        raise click.UsageError(_("Say where the mail is: --server HOST, or --data DIR for a server on this machine."))
    if not servers.sure:
        hosts = ", ".join(dict.fromkeys((servers.imap.host, servers.submission.host)))
        asked = _("Only the DNS, unsigned, says that your mail is at {hosts}. Go there?")
        click.confirm(asked.format(hosts=hosts), abort=True, err=True)
    return servers


@click.command(
    "servers",
    help=_(
        "Find the servers of an address: SRV records, the provider's autoconfig file, the usual names.\n\n"
        "Example: courriel mail servers alice@example.org"
    ),
)
@click.argument("address")
@json_option
def servers_(address: str, as_json: bool) -> None:
    found = asyncio.run(discover(address))
    if found is None:
        refuse(Failure("NothingFound", address))
    rows = [
        {"what": what, "host": one.host, "port": one.port, "tls": "TLS" if one.implicit_tls else "STARTTLS"}
        for what, one in (("IMAP", found.imap), (_("submission"), found.submission))
    ]
    columns = [("what", ""), ("host", _("host")), ("port", _("port")), ("tls", _("TLS"))]
    value = {"user": found.user, "found_by": found.found_by, "sure": found.sure, "servers": rows}
    show(value, as_json, rows_table(rows, columns, ""))


def conversation(work: Awaitable[T]) -> T:
    """Run one conversation; what the other side refused becomes a sentence."""

    async def run() -> T:
        return await work

    try:
        return asyncio.run(run())
    except imap_client.Refused as refusal:
        refuse(Failure("AuthenticationFailed" if refusal.code == "AUTHENTICATIONFAILED" else "Refused", refusal.text))
    except NoSession as refusal:
        refuse(Failure(_kind(refusal), refusal.attempt.reply))


def _kind(refusal: NoSession) -> str:
    if refusal.attempt.stage is Stage.CONNECT:
        return "Unavailable"
    return "AuthenticationFailed" if refusal.code == 535 else "Refused"


async def entered(server: Server) -> ImapClient:
    """A connection that is logged in."""
    place, context = server.imap, client_context(server.ca)
    client = await ImapClient.connect(place.host, place.port, context, starttls=not place.implicit_tls)
    try:
        await client.login(server.login, server.password)
    except BaseException:
        client.abandon()
        raise
    return client


async def _imap(server: Server, mailbox: str) -> tuple[ImapClient, int]:
    client = await entered(server)
    return client, await client.select(mailbox, readonly=True)


@click.group(help=_("Send, list and read mail, with this server or any other."))
def mail() -> None:
    pass


@mail.command(
    "send",
    help=_(
        "Send a message; its text is read from standard input.\n\n"
        "Example: echo Hello | courriel mail send --server mail.example.org --user alice@example.org"
        " --to bob@example.org --subject Hi"
    ),
)
@server_options
@click.option("--to", "receivers", multiple=True, required=True, help=_("Receiver. May be repeated."))
@click.option("--cc", "copies", multiple=True, help=_("Receiver of a copy. May be repeated."))
@click.option("--subject", default="", help=_("Subject."))
@click.option("--from", "sender", help=_("Sender's address (else the name you log in with)."))
@click.option(
    "--attach",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("File to attach. May be repeated."),
)
@click.option(
    "--later",
    metavar="CACHE",
    type=click.Path(path_type=Path, file_okay=False),
    help=_("Do not send now: keep it in this cache until “courriel mail sync”."),
)
@click.pass_obj
def send(
    doors: Doors,
    /,
    receivers: tuple[str, ...],
    copies: tuple[str, ...],
    subject: str,
    sender: str | None,
    files: tuple[Path, ...],
    later: Path | None,
    **where: Any,
) -> None:
    user = str(where["user"])
    sender = sender or user
    text = "" if sys.stdin.isatty() else sys.stdin.read()
    author = _person(sender)
    draft = Draft(
        sender=author,
        to=tuple(map(_person, receivers)),
        cc=tuple(map(_person, copies)),
        subject=subject,
        text=text,
        date=datetime.now(UTC).astimezone(),
        message_id=f"<{secrets.token_hex(16)}@{author.path.domain}>",
        attachments=tuple(Attachment(file.name, file.read_bytes()) for file in files),
    )
    everybody = (*receivers, *copies)
    content = build(draft, secrets.token_hex(12))
    if later is not None:
        Cache.of(later, user.lower()).put(Queued(sender, everybody, content))
        console.print(_("It waits for “courriel mail sync”."))
        return
    server = server_of(doors, **where)
    attempts = conversation(_send(server, outgoing(sender, everybody, content)))
    taken = []
    for receiver, attempt in zip(everybody, attempts, strict=True):
        if attempt.result is Result.DELIVERED:
            taken.append(receiver)
        else:
            text = _("Refused for {receiver}: {text}").format(receiver=receiver, text=attempt.reply)
            errors.print(text, style="red", markup=False)
    if taken:
        console.print(_("Sent to {receivers}.").format(receivers=", ".join(taken)), markup=False)
    if len(taken) < len(attempts):
        raise click.exceptions.Exit(EXIT_REFUSED)


def _person(address: str) -> Person:
    return Person("", parse_address(address))


async def outbound(server: Server, sender: str, receivers: Sequence[str], message: bytes) -> list[Attempt]:
    """Hand a message to the submission server; one attempt a receiver.  A server that is not reached is an OSError."""
    try:
        return await _send(server, outgoing(sender, receivers, message))
    except NoSession as refusal:
        if refusal.attempt.stage is Stage.CONNECT:
            raise OSError(refusal.attempt.reply) from refusal
        return [refusal.attempt]


async def _send(server: Server, message: Outgoing) -> list[Attempt]:
    place = server.submission
    policy = verified(place.host, ca=server.ca, first=place.implicit_tls)
    client = await SmtpClient.connect(Peer(place.host, place.port, place.host, policy))
    try:
        await client.login(server.login, server.password)
        return await client.send(message)
    finally:
        await client.close()


@mail.command("list", help=_("The newest messages of a mailbox."))
@server_options
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.option("--count", type=click.IntRange(1, 10_000), default=20, show_default=True, help=_("How many."))
@json_option
@click.pass_obj
def list_(doors: Doors, /, mailbox: str, count: int, as_json: bool, **where: Any) -> None:
    rows = conversation(_list(server_of(doors, **where), mailbox, count))
    show(rows, as_json, messages_table(rows))


def messages_table(rows: Sequence[Mapping[str, Any]]) -> Table | str:
    """Rows ``{uid, date, from, subject, seen}`` as people read them."""
    columns = [
        ("uid", _("no.")),
        ("date", _("date")),
        ("from", _("from")),
        ("subject", _("subject")),
        ("seen", _("read")),
    ]
    return rows_table(rows, columns, _("No messages here."))


async def _list(server: Server, mailbox: str, count: int) -> list[dict[str, Any]]:
    client, total = await _imap(server, mailbox)
    first = max(1, total - count + 1)
    fetched = await client.fetch(f"{first}:*", "(UID FLAGS ENVELOPE)") if total else []
    await client.close()
    return [_row(items) for items in fetched]


def _row(items: dict[bytes, Any]) -> dict[str, Any]:
    envelope, flags = items[b"ENVELOPE"], items[b"FLAGS"]
    date, subject, senders = envelope[0] or b"", envelope[1] or b"", envelope[2] or []
    return {
        "uid": int(items[b"UID"]),
        "date": date.decode("ascii", "replace"),
        "from": _sender(senders[0]) if senders else "",
        "subject": encoded_word.decode(subject),
        "seen": b"\\Seen" in flags,
    }


def _sender(address: list[bytes | None]) -> str:
    """Name or address of one ENVELOPE address (name, route, local part, domain)."""
    name, _route, local, domain = address
    if name:
        return encoded_word.decode(name)
    return f"{(local or b'').decode('utf-8', 'replace')}@{(domain or b'').decode('utf-8', 'replace')}"


@mail.command("read", help=_("One message: its main fields and its text."))
@server_options
@click.argument("uid", metavar="NO", type=click.IntRange(1))
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.option("--raw", is_flag=True, help=_("All octets as they are stored."))
@click.pass_obj
def read(doors: Doors, /, uid: int, mailbox: str, raw: bool, **where: Any) -> None:
    message = conversation(_read(server_of(doors, **where), mailbox, uid))
    if message is None:
        refuse(Failure("NoSuchMessage", str(uid)))
    show_message(message, raw)


def show_message(message: bytes, raw: bool) -> None:
    """All octets, or the main fields and the text."""
    if raw:
        sys.stdout.buffer.write(message)
        return
    block = split_block(message)
    for name, title in ((b"From", _("From")), (b"To", _("To")), (b"Date", _("Date")), (b"Subject", _("Subject"))):
        console.print(f"{title}: {encoded_word.decode(block.get(name) or b'')}", markup=False, soft_wrap=True)
    console.print()
    console.print(message_text(message), markup=False, soft_wrap=True)


def message_text(message: bytes) -> str:
    """The message's text as a person reads it."""
    return "\n".join(decoded_text(message, summarise(message).parts, 0))


async def _read(server: Server, mailbox: str, uid: int) -> bytes | None:
    client, _total = await _imap(server, mailbox)
    fetched = await client.fetch(str(uid), "(BODY.PEEK[])", uid=True)
    await client.close()
    body = next((items.get(b"BODY[]") for items in fetched), None)
    return body if isinstance(body, bytes) else None
