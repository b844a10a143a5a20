"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from gettext import gettext as _
from pathlib import Path
from typing import Final, TypeVar

import click

DATA_DEFAULT: Final = "/var/lib/courriel"
"""Where a server keeps its data unless told otherwise (Filesystem Hierarchy Standard §5.8)."""

F = TypeVar("F", bound=Callable[..., object])


def data_option(function: F) -> F:
    """``--data DIR``: the installation a command is about."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=lambda: os.environ.get("COURRIEL_DATA", DATA_DEFAULT),
        show_default=DATA_DEFAULT,
        help=_("Data directory of the server (or COURRIEL_DATA)."),
    )(function)


def json_option(function: F) -> F:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help=_("Print JSON, for programs."))(function)


def primary_options(function: F) -> F:
    """``--server``, ``--key-file``, ``--zone``: where records of a domain are brought by dynamic updates."""
    for option in (
        click.option("--zone", default="", help=_("The zone, when it is not the domain itself.")),
        click.option(
            "--key-file", type=click.File("r"), help=_("TSIG key, as tsig-keygen writes it or algorithm:name:secret.")
        ),
        click.option("--server", default="", metavar="IP[:PORT]", help=_("The zone's primary server.")),
    ):
        function = option(function)
    return function


def password_option(function: F) -> F:
    """``--password-stdin`` or a prompt: a password never stands on a command line that others can list."""
    return click.option(
        "--password-stdin", is_flag=True, help=_("Read the password from the first line of standard input.")
    )(function)


def read_password(from_stdin: bool) -> str:
    """The new password: from standard input, or asked twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt(_("Password"), hide_input=True, confirmation_prompt=_("The same again")))
