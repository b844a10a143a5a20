"""``courriel mail sync``, and what can be done while away: read, search, flag, move, and mail that waits to leave.

Everything here works on the cache (``mua/cache.py``) of one account; ``sync`` alone speaks to the server.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any, TypeVar

import click

from courriel.cli.doors import Doors
from courriel.cli.mail import (
    Server,
    conversation,
    entered,
    message_text,
    messages_table,
    outbound,
    server_of,
    server_options,
    show_message,
)
from courriel.cli.options import json_option
from courriel.cli.output import EXIT_REFUSED, Bar, console, refuse, rows_table, show
from courriel.formats import encoded_word
from courriel.formats.header import split_block
from courriel.model.attempt import Result
from courriel.mua.cache import Cache, Flag, Kept, KnownMailbox, Move, Pending, Send
from courriel.mua.sync import Sync, SyncTally
from courriel.ports.administration import Failure, Progress

F = TypeVar("F", bound=Callable[..., object])

FLAGS = {
    "seen": "\\Seen",
    "answered": "\\Answered",
    "flagged": "\\Flagged",
    "deleted": "\\Deleted",
    "draft": "\\Draft",
}
"""Words for system flags; any other word is a keyword."""


def _cache_options(function: F) -> F:
    """Which account's cache; the place of its server need not be known."""
    for option in (
        click.option("--user", required=True, help=_("Name to log in with (an address).")),
        click.option(
            "--cache",
            "directory",
            type=click.Path(path_type=Path, file_okay=False),
            default=lambda: Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "courriel-mail",
            help=_("Directory of what is kept for working while away."),
        ),
    ):
        function = option(function)
    return function


def open_cache(directory: Path, user: str) -> Cache:
    return Cache.of(directory, user.lower())


def _mailbox(cache: Cache, name: str) -> KnownMailbox:
    known = cache.mailbox(name)
    if known is None or not known.uidvalidity:
        refuse(Failure("NoSuchMailbox", _("“courriel mail sync” brings the mailboxes.")))
    return known


@click.command(
    "sync",
    help=_(
        "Bring the cache and the server to agree: what was done while away, then what is new.\n\n"
        "The exit code is 1 when something could not be done; it is shown, and kept until you decide"
        " (courriel mail pending).\n\n"
        "Example: courriel mail sync --server mail.example.org --user alice@example.org"
    ),
)
@server_options
@click.option("--mailbox", "only", default="", help=_("Only this mailbox."))
@click.option(
    "--cache",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "courriel-mail",
    help=_("Directory of what is kept for working while away."),
)
@json_option
@click.pass_obj
def sync(doors: Doors, /, only: str, directory: Path, as_json: bool, **where: Any) -> None:
    server = server_of(doors, **where)
    cache = open_cache(directory, server.user)
    tally = conversation(_sync(server, cache, only))
    value = {
        "done": tally.done, "conflicts": tally.conflicts, "waiting": tally.waiting, "fetched": tally.fetched,
        "flags": tally.flags, "removed": tally.removed,
    }  # fmt: skip
    text = _("{fetched} new messages, {flags} with other flags, {removed} gone; {done} changes of yours done.")
    show(value, as_json, text.format(**value))
    if tally.waiting and not as_json:
        console.print(_("{waiting} messages wait: the server for sending was not reached.").format(**value))
    if tally.conflicts:
        if not as_json:
            console.print(_pending_table(cache.pending()))
        raise click.exceptions.Exit(EXIT_REFUSED)


async def _sync(server: Server, cache: Cache, only: str) -> SyncTally:
    async def post(one: Send) -> str:
        attempts = await outbound(server, one.sender, one.receivers, one.message)
        return "; ".join(attempt.reply for attempt in attempts if attempt.result is not Result.DELIVERED)

    client = await entered(server)
    try:
        with Bar() as bar:
            steps: AsyncIterator[Progress | SyncTally] = Sync(cache, client, post).run(only)
            async for step in steps:
                if isinstance(step, SyncTally):
                    await client.close()
                    return step
                bar.show(step)
    finally:
        client.abandon()
    raise AssertionError("every run ends with its tally")


@click.command(
    "search",
    help=_(
        "Messages whose sender, subject or text has TEXT, as of the last sync (without TEXT, the newest); nothing is"
        " asked of the server."
    ),
)
@_cache_options
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.option("--count", type=click.IntRange(1, 10_000), default=20, show_default=True, help=_("How many."))
@click.argument("wanted", metavar="[TEXT]", default="")
@json_option
def search(user: str, directory: Path, mailbox: str, count: int, wanted: str, as_json: bool) -> None:
    cache = open_cache(directory, user)
    known = _mailbox(cache, mailbox)
    messages = cache.newest(known.name, 1_000_000 if wanted else count)
    if wanted:
        messages = [one for one in messages if _has(one, wanted.casefold())][-count:]
    rows = [_row(one) for one in messages]
    show(rows, as_json, messages_table(rows))


def _row(one: Kept) -> dict[str, Any]:
    block = split_block(one.raw)
    return {
        "uid": one.uid,
        "date": (block.get(b"Date") or b"").decode("ascii", "replace").strip(),
        "from": encoded_word.decode(block.get(b"From") or b"").strip(),
        "subject": encoded_word.decode(block.get(b"Subject") or b"").strip(),
        "seen": "\\Seen" in one.flags,
    }


def _has(one: Kept, wanted: str) -> bool:
    row = _row(one)
    return wanted in f"{row['from']}\n{row['subject']}".casefold() or wanted in message_text(one.raw).casefold()


@click.command("show", help=_("One message as of the last sync; nothing is asked of the server."))
@_cache_options
@click.argument("uid", metavar="NO", type=click.IntRange(1))
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.option("--raw", is_flag=True, help=_("All octets as they are stored."))
def show_(user: str, directory: Path, uid: int, mailbox: str, raw: bool) -> None:
    cache = open_cache(directory, user)
    found = cache.message(_mailbox(cache, mailbox).name, uid)
    if found is None:
        refuse(Failure("NoSuchMessage", str(uid)))
    show_message(found.raw, raw)


@click.command(
    "flag",
    help=_(
        "Flag messages, at once here and at the server with the next sync: +seen, -flagged, +Work …\n\n"
        "Example: courriel mail flag --user alice@example.org 12 +seen +flagged"
    ),
    context_settings={"ignore_unknown_options": True},
)
@_cache_options
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.argument("uid", metavar="NO", type=click.IntRange(1))
@click.argument("words", metavar="±FLAG...", nargs=-1, required=True, type=click.UNPROCESSED)
def flag(user: str, directory: Path, mailbox: str, uid: int, words: tuple[str, ...]) -> None:
    signs = {"+": [], "-": []}  # type: dict[str, list[str]]
    for word in words:
        if word[:1] not in signs or not word[1:].isascii() or not word[1:].isalnum():
            raise click.UsageError(_("Write flags as +seen or -flagged."))
        signs[word[0]].append(FLAGS.get(word[1:].lower(), word[1:]))
    cache = open_cache(directory, user)
    known = _mailbox(cache, mailbox)
    if cache.message(known.name, uid) is None:
        refuse(Failure("NoSuchMessage", str(uid)))
    cache.put(Flag(known.name, known.uidvalidity, uid, tuple(signs["+"]), tuple(signs["-"])))
    _say_waiting(cache)


@click.command("move", help=_("Move a message to another mailbox, at the server with the next sync."))
@_cache_options
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Which mailbox."))
@click.argument("uid", metavar="NO", type=click.IntRange(1))
@click.argument("target", metavar="MAILBOX")
def move(user: str, directory: Path, mailbox: str, uid: int, target: str) -> None:
    cache = open_cache(directory, user)
    known, goal = _mailbox(cache, mailbox), _mailbox(cache, target)
    if cache.message(known.name, uid) is None:
        refuse(Failure("NoSuchMessage", str(uid)))
    cache.put(Move(known.name, known.uidvalidity, uid, goal.name))
    _say_waiting(cache)


def _say_waiting(cache: Cache) -> None:
    count = len(cache.pending())
    text = ngettext("{n} change waits for “courriel mail sync”.", "{n} changes wait for “courriel mail sync”.", count)
    console.print(text.format(n=count))


@click.command("pending", help=_("What was done while away and the server does not have yet, and what it refused."))
@_cache_options
@click.option("--again", type=int, help=_("Try this one once more with the next sync."))
@click.option("--drop", type=int, help=_("Let go of this one."))
@json_option
def pending(user: str, directory: Path, again: int | None, drop: int | None, as_json: bool) -> None:
    cache = open_cache(directory, user)
    if again is not None:
        cache.again(again)
    if drop is not None:
        cache.settle(drop)
    waiting = cache.pending()
    show([_pending_row(one) for one in waiting], as_json, _pending_table(waiting))


def _pending_table(waiting: list[Pending]) -> Any:
    columns = [("id", _("no.")), ("what", _("what")), ("conflict", _("why not"))]
    return rows_table([_pending_row(one) for one in waiting], columns, _("Nothing waits."))


def _pending_row(one: Pending) -> dict[str, Any]:
    change = one.change
    if isinstance(change, Flag):
        signs = [*(f"+{word}" for word in change.add), *(f"-{word}" for word in change.remove)]
        what = _("message {uid}: {flags}").format(uid=change.uid, flags=" ".join(signs))
    elif isinstance(change, Move):
        what = _("message {uid} to {mailbox}").format(uid=change.uid, mailbox=change.target.decode("utf-8", "replace"))
    else:
        what = _("message for {receivers}").format(receivers=", ".join(change.receivers))
    return {"id": one.id, "what": what, "conflict": one.conflict}


COMMANDS = (sync, search, show_, flag, move, pending)
"""They belong to the group ``courriel mail``."""
