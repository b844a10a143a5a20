"""``courriel queue``: what waits to travel on, why, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, rows_table, show
from courriel.model.attempt import Attempt
from courriel.model.queued import State
from courriel.ports import administration as do

F = TypeVar("F", bound=Callable[..., object])


@click.group(help=_("Mail that waits to travel on."))
def queue() -> None:
    pass


def _filters(function: F) -> F:
    """Options that choose messages; all of them must fit."""
    states = [state.value for state in State]
    for option in (
        click.option("--state", type=click.Choice(states), help=_("Only recipients in this state.")),
        click.option("--to", "recipient", default="", metavar="ADDRESS", help=_("Only this address or domain.")),
        click.option("--from", "sender", default="", metavar="ADDRESS", help=_("Only this sender or its domain.")),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        function = option(function)
    return function


@queue.command("list", help=_("What waits, and why.\n\nExample: courriel queue list --to example.org"))
@_filters
@data_option
@json_option
@click.pass_obj
def list_(
    doors: Doors, ids: tuple[str, ...], sender: str, recipient: str, state: str | None, data: Path, as_json: bool
) -> None:
    rows = ask(doors.administration(data), do.QueueList(do.QueueFilter(ids, sender, recipient, state or "")))
    shown = [row | {"reason": _hold(row) or row["reason"]} for row in rows]
    columns = [
        ("id", _("id")),
        ("queued_at", _("since")),
        ("from", _("from")),
        ("to", _("to")),
        ("state", _("state")),
        ("tries", _("tries")),
        ("next_at", _("next")),
        ("reason", _("reason")),
    ]
    show(rows, as_json, rows_table(shown, columns, _("The queue is empty.")))


def _hold(message: dict[str, Any]) -> str:
    """Why it waits when its sender said when it should leave."""
    date = message["leaves_at"]
    return _("Its sender wants it to leave at {date}.").format(date=date) if date else ""


@queue.command("show", help=_("Everything about one message: its recipients, the last answers, its header."))
@click.argument("id")
@data_option
@json_option
@click.pass_obj
def show_(doors: Doors, id: str, data: Path, as_json: bool) -> None:
    message = ask(doors.administration(data), do.QueueShow(id))
    rows = [recipient | _attempt(recipient["last"]) for recipient in message["recipients"]]
    columns = [
        ("to", _("to")),
        ("state", _("state")),
        ("tries", _("tries")),
        ("next_at", _("next")),
        ("host", _("server")),
        ("reply", _("answer")),
    ]
    show(message, as_json, rows_table(rows, columns, ""))
    if not as_json:
        for wish in _wishes(message):
            console.print(wish, markup=False)
        console.print()
        console.print(message["header"].rstrip(), markup=False)


@queue.command("tls", help=_("How TLS sessions with other servers went on a day; --json gives reports (RFC 8460)."))
@click.option("--day", default="", metavar="YYYY-MM-DD", help=_("The day, in UTC; today when nothing is said."))
@data_option
@json_option
@click.pass_obj
def tls_(doors: Doors, day: str, data: Path, as_json: bool) -> None:
    found = ask(doors.administration(data), do.QueueTls(day))
    rows = [row | {"result": row["result"] or _("good")} for row in found["rows"]]
    columns = [
        ("domain", _("domain")),
        ("policy", _("policy")),
        ("result", _("result")),
        ("mx", _("server")),
        ("ip", _("address")),
        ("sessions", _("sessions")),
    ]
    show(found["reports"], as_json, rows_table(rows, columns, _("No session on that day.")))


def _wishes(message: dict[str, Any]) -> list[str]:
    """What its sender asked for."""
    wishes = [_hold(message)] if message["leaves_at"] else []
    if message["deadline"]:
        wishes.append(_("Its sender wants it to be there by {date}.").format(date=message["deadline"]))
    if message["priority"]:
        wishes.append(_("Its priority is {priority} (0 is usual).").format(priority=message["priority"]))
    if message["require_tls"]:
        wishes.append(_("It may travel only to servers that prove who they are, by TLS."))
    return wishes


@queue.command("explain", help=_("Why a message is still here, recipient by recipient, in plain words."))
@click.argument("id")
@data_option
@json_option
@click.pass_obj
def explain_(doors: Doors, id: str, data: Path, as_json: bool) -> None:
    message = ask(doors.administration(data), do.QueueShow(id))
    told = [
        {"to": one["to"], "state": one["state"], "words": _explained(message, one)} for one in message["recipients"]
    ]
    show(told, as_json, "\n\n".join("\n  ".join([str(one["to"]), *one["words"]]) for one in told))


def _explained(message: dict[str, Any], recipient: dict[str, Any]) -> list[str]:
    """What happened, what can be done, what comes next."""
    from courriel.delivery.explain import explain  # 10 ms that other commands need not wait for

    if recipient["state"] == State.HELD.value:
        why = _("It is held: {reason}.").format(reason=message["reason"] or _("somebody asked for it"))
        return [why, _("“courriel queue release” lets it go.")]
    if message["leaves_at"]:
        return [_hold(message), _("“courriel queue retry” lets it leave now.")]
    if recipient["last"] is None:
        words = [_("It was not tried yet.")]
        if message["reason"]:
            words.append(_("Its destination does not answer just now: {reason}").format(reason=message["reason"]))
    else:
        attempt = msgspec.convert(recipient["last"], Attempt)
        meaning = explain(attempt)
        words = [_(meaning.happened), _(meaning.advice), _("Answer: {reply}").format(reply=attempt.reply)]
    if recipient["state"] == State.WAITING.value:
        words.append(
            _("Next attempt: {next}; given up on {end}.").format(next=recipient["next_at"], end=message["expires_at"])
        )
    return words


def _attempt(last: dict[str, Any] | None) -> dict[str, Any]:
    return {} if last is None else {"host": last["host"] or last["ip"], "reply": last["reply"]}


def _order(what: str, text: str) -> click.Command:
    @click.command(what, help=text)
    @_filters
    @click.option("--all", "everything", is_flag=True, help=_("All messages; needed when nothing else is said."))
    @data_option
    @json_option
    @click.pass_obj
    def command(
        doors: Doors,
        ids: tuple[str, ...],
        sender: str,
        recipient: str,
        state: str | None,
        everything: bool,
        data: Path,
        as_json: bool,
    ) -> None:
        which = do.QueueFilter(ids, sender, recipient, state or "")
        if which == do.QueueFilter() and not everything:
            raise click.UsageError(_("Say which messages: their ids, --from, --to, --state, or --all."))
        done = ask(doors.administration(data), do.QueueOrder(what, which))
        count = done["messages"]
        show(done, as_json, ngettext("{count} message.", "{count} messages.", count).format(count=count))

    return command


for name, text in (
    ("hold", _("Keep messages here until they are released.")),
    ("release", _("Let held messages go.")),
    ("retry", _("Try waiting messages now, whatever failed before.")),
    ("delete", _("Delete messages; nobody is told.")),
):
    queue.add_command(_order(name, text))
