"""``courriel domain``, ``courriel user``, ``courriel alias``: who lives here."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path

import click

from courriel.base.utc import utc_day
from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option, password_option, read_password
from courriel.cli.output import ask, console, octets, rows_table, show
from courriel.ports import administration as do


@click.group(help=_("Domains this server takes mail for."))
def domain() -> None:
    pass


@domain.command("add", help=_("Take mail for DOMAIN.\n\nExample: courriel domain add example.org"))
@click.argument("name", metavar="DOMAIN")
@data_option
@click.pass_obj
def domain_add(doors: Doors, name: str, data: Path) -> None:
    ask(doors.administration(data), do.DomainAdd(name))
    console.print(_("Mail for {domain} is taken from now on.").format(domain=name))
    console.print(_("To have its mail signed, publish its keys: courriel dkim show {domain}").format(domain=name))


@domain.command("remove", help=_("Take no more mail for DOMAIN (it must have no users or aliases)."))
@click.argument("name", metavar="DOMAIN")
@data_option
@click.pass_obj
def domain_remove(doors: Doors, name: str, data: Path) -> None:
    ask(doors.administration(data), do.DomainRemove(name))
    console.print(_("{domain} is removed.").format(domain=name))


@domain.command("list", help=_("The domains and how many users each has."))
@data_option
@json_option
@click.pass_obj
def domain_list(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DomainList())
    columns = [("domain", _("domain")), ("accounts", _("users")), ("catch_all", _("catch-all"))]
    show(rows, as_json, rows_table(rows, columns, _("No domain yet. Add one: courriel domain add example.org")))


@domain.command("catch-all", help=_("Give mail for unknown addresses of DOMAIN to ADDRESS (none: refuse it again)."))
@click.argument("name", metavar="DOMAIN")
@click.argument("address", required=False)
@data_option
@click.pass_obj
def domain_catch_all(doors: Doors, name: str, address: str | None, data: Path) -> None:
    ask(doors.administration(data), do.DomainCatchAll(name, address))
    text = (
        _("Unknown addresses of {domain} go to {address}.")
        if address
        else _("Unknown addresses of {domain} are refused.")
    )
    console.print(text.format(domain=name, address=address))


@click.group(help=_("People who have mail here."))
def user() -> None:
    pass


@user.command("add", help=_("A new user with mailboxes.\n\nExample: courriel user add alice@example.org"))
@click.argument("login", metavar="ADDRESS")
@click.option("--name", default="", help=_("Name as people write it."))
@click.option("--quota-mib", type=click.IntRange(0), default=0, help=_("Most mail to keep, in MiB (0: no limit)."))
@password_option
@data_option
@click.pass_obj
def user_add(doors: Doors, login: str, name: str, quota_mib: int, password_stdin: bool, data: Path) -> None:
    password = read_password(password_stdin)
    ask(doors.administration(data), do.UserAdd(login, password, name, quota_mib << 20))
    console.print(_("{login} can log in and receive mail.").format(login=login))


@user.command("remove", help=_("Remove a user with all their mail."))
@click.argument("login", metavar="ADDRESS")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@data_option
@click.pass_obj
def user_remove(doors: Doors, login: str, yes: bool, data: Path) -> None:
    if not yes:
        click.confirm(_("Delete {login} and all their mail for good?").format(login=login), abort=True)
    ask(doors.administration(data), do.UserRemove(login))
    console.print(_("{login} is removed.").format(login=login))


@user.command("password", help=_("Set a user's password."))
@click.argument("login", metavar="ADDRESS")
@password_option
@data_option
@click.pass_obj
def user_password(doors: Doors, login: str, password_stdin: bool, data: Path) -> None:
    ask(doors.administration(data), do.UserPassword(login, read_password(password_stdin)))
    console.print(_("The password of {login} is changed.").format(login=login))


@user.command("enable", help=_("Let a disabled user in again."))
@click.argument("login", metavar="ADDRESS")
@data_option
@click.pass_obj
def user_enable(doors: Doors, login: str, data: Path) -> None:
    ask(doors.administration(data), do.UserEnable(login, True))
    console.print(_("{login} is enabled.").format(login=login))


@user.command("disable", help=_("Take no mail and no login for a user; what is stored stays."))
@click.argument("login", metavar="ADDRESS")
@data_option
@click.pass_obj
def user_disable(doors: Doors, login: str, data: Path) -> None:
    ask(doors.administration(data), do.UserEnable(login, False))
    console.print(_("{login} is disabled.").format(login=login))


@user.command("quota", help=_("How much mail a user may keep, in MiB (0: no limit)."))
@click.argument("login", metavar="ADDRESS")
@click.argument("mib", metavar="MIB", type=click.IntRange(0))
@data_option
@click.pass_obj
def user_quota(doors: Doors, login: str, mib: int, data: Path) -> None:
    ask(doors.administration(data), do.UserQuota(login, mib << 20))
    console.print(_("The quota of {login} is {mib} MiB.").format(login=login, mib=mib))


@user.command(
    "send-as",
    help=_(
        "As whom else a user may send; without an option, say who.\n\n"
        "Example: courriel user send-as alice@example.org --grant info@example.org"
    ),
)
@click.argument("login", metavar="ADDRESS")
@click.option("--grant", multiple=True, metavar="OTHER", help=_("May send as this address from now on."))
@click.option("--revoke", multiple=True, metavar="OTHER", help=_("May no longer."))
@data_option
@json_option
@click.pass_obj
def user_send_as(
    doors: Doors, login: str, grant: tuple[str, ...], revoke: tuple[str, ...], data: Path, as_json: bool
) -> None:
    answer = ask(doors.administration(data), do.UserSendAs(login, grant, revoke))
    text = _("{login} sends as: {addresses}").format(
        login=answer["login"], addresses=", ".join([*answer["own"], *answer["granted"]])
    )
    show(answer, as_json, text)


@user.command(
    "limits",
    help=_(
        "How much a user may send (0: as everybody); without an option, say it.\n\n"
        "Example: courriel user limits news@example.org --recipients-per-day 20000"
    ),
)
@click.argument("login", metavar="ADDRESS")
@click.option("--messages-per-hour", type=click.IntRange(0), help=_("Messages within an hour."))
@click.option("--recipients-per-day", type=click.IntRange(0), help=_("Recipients within 24 hours."))
@data_option
@json_option
@click.pass_obj
def user_limits(
    doors: Doors, login: str, messages_per_hour: int | None, recipients_per_day: int | None, data: Path, as_json: bool
) -> None:
    answer = ask(doors.administration(data), do.UserLimits(login, messages_per_hour, recipients_per_day))
    text = _("{login} may send {messages} messages an hour, to {recipients} recipients a day.").format(
        login=answer["login"],
        messages=answer["messages_per_hour"] or _("any number of"),
        recipients=answer["recipients_per_day"] or _("any number of"),
    )
    show(answer, as_json, text)


@user.command("learnt", help=_("What a user's marks (Junk, not Junk) have taught the server; --forget begins anew."))
@click.argument("login", metavar="ADDRESS")
@click.option("--forget", is_flag=True, help=_("Forget all of it."))
@data_option
@json_option
@click.pass_obj
def user_learnt(doors: Doors, login: str, forget: bool, data: Path, as_json: bool) -> None:
    answer = ask(doors.administration(data), do.UserLearnt(login, forget))
    if not answer["last"]:
        show(answer, as_json, _("Nothing was learnt yet: move mail to Junk, or out of it."))
        return
    text = _("Learnt from {junk} junk and {good} good messages; the last on {day}.")
    show(answer, as_json, text.format(junk=answer["junk"], good=answer["good"], day=utc_day(answer["last"])))


@user.command("release", help=_("Let a user send again whose mail is held for fear of a stolen password."))
@click.argument("login", metavar="ADDRESS")
@click.option("--delete", is_flag=True, help=_("Delete the held mail instead of sending it; nobody is told."))
@data_option
@json_option
@click.pass_obj
def user_release(doors: Doors, login: str, delete: bool, data: Path, as_json: bool) -> None:
    answer = ask(doors.administration(data), do.UserRelease(login, delete))
    count = answer["messages"]
    what = (
        ngettext("{count} message is deleted.", "{count} messages are deleted.", count)
        if delete
        else ngettext("{count} message leaves.", "{count} messages leave.", count)
    )
    text = _("{login} can send again.").format(login=answer["login"])
    show(answer, as_json, f"{text} {what.format(count=count)}")


@user.command(
    "forward",
    help=_(
        "Send a user's mail on to another address, with a copy here or without; or stop it (--off).\n\n"
        "Example: courriel user forward alice@example.org --to alice@elsewhere.example --no-copy"
    ),
)
@click.argument("login", metavar="ADDRESS")
@click.option("--to", metavar="OTHER", help=_("Where it goes."))
@click.option("--keep-copy/--no-copy", default=True, help=_("Keep a copy here (default), or none."))
@click.option("--off", is_flag=True, help=_("Send nothing on any more."))
@data_option
@click.pass_obj
def user_forward(doors: Doors, login: str, to: str | None, keep_copy: bool, off: bool, data: Path) -> None:
    if bool(to) == off:
        raise click.UsageError(_("One of --to and --off is wanted."))
    ask(doors.administration(data), do.UserForward(login, to or "", keep_copy))
    if off:
        text = _("Mail of {login} stays here.")
    elif keep_copy:
        text = _("Mail of {login} is kept here and sent on to {to}.")
    else:
        text = _("Mail of {login} is sent on to {to}; nothing is kept here.")
    console.print(text.format(login=login, to=to))


@user.command(
    "pop",
    help=_(
        "What a user's POP3 programs see: all of INBOX, what is new since the first login, or the last 30 days;"
        " without an option, say it. Nothing is deleted.\n\n"
        "Example: courriel user pop alice@example.org --view recent"
    ),
)
@click.argument("login", metavar="ADDRESS")
@click.option("--view", type=click.Choice(["all", "new", "recent"]), help=_("What they see from now on."))
@data_option
@json_option
@click.pass_obj
def user_pop(doors: Doors, login: str, view: str | None, data: Path, as_json: bool) -> None:
    answer = ask(doors.administration(data), do.UserPop(login, view or ""))
    text = {
        "all": _("POP3 programs of {login} see all of INBOX."),
        "new": _("POP3 programs of {login} see what has come since their first login."),
        "recent": _("POP3 programs of {login} see the last 30 days."),
    }[answer["view"]]
    show(answer, as_json, text.format(login=answer["login"]))


@user.command("list", help=_("The users, and what they keep."))
@data_option
@json_option
@click.pass_obj
def user_list(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.UserList())
    shown = [
        row
        | {
            "octets": octets(row["octets"]),
            "quota_octets": octets(row["quota_octets"]) if row["quota_octets"] else None,
        }
        for row in rows
    ]
    columns = [
        ("login", _("user")),
        ("name", _("name")),
        ("enabled", _("enabled")),
        ("messages", _("messages")),
        ("octets", _("size")),
        ("quota_octets", _("quota")),
        ("held", _("held because of")),
        ("forward_to", _("sent on to")),
    ]
    show(rows, as_json, rows_table(shown, columns, _("No user yet. Add one: courriel user add alice@example.org")))


@click.group(help=_("Further addresses, and where their mail goes."))
def alias() -> None:
    pass


@alias.command(
    "add", help=_("Give mail for ALIAS to TARGET.\n\nExample: courriel alias add info@example.org alice@example.org")
)
@click.argument("name", metavar="ALIAS")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@data_option
@click.pass_obj
def alias_add(doors: Doors, name: str, targets: tuple[str, ...], data: Path) -> None:
    ask(doors.administration(data), do.AliasAdd(name, targets))
    console.print(_("Mail for {alias} goes to {targets}.").format(alias=name, targets=", ".join(targets)))


@alias.command("remove", help=_("Remove an alias."))
@click.argument("name", metavar="ALIAS")
@data_option
@click.pass_obj
def alias_remove(doors: Doors, name: str, data: Path) -> None:
    ask(doors.administration(data), do.AliasRemove(name))
    console.print(_("{alias} is removed.").format(alias=name))


@alias.command("list", help=_("The aliases and their targets."))
@data_option
@json_option
@click.pass_obj
def alias_list(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.AliasList())
    show(rows, as_json, rows_table(rows, [("alias", _("alias")), ("targets", _("goes to"))], _("No alias yet.")))
