"""A script tried on a message: what was looked at, what would be done, in words or for programs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from gettext import gettext as _
from typing import Any, Final

from courriel.sieve.actions import Action, FileInto, Keep, Notify, Redirect, Reject, Step, Vacation
from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.run import Environment, Outcome, execute

_LINE_END: Final = re.compile(rb"\r?\n")
LIMIT_S: Final = 10.0
"""Processor time of a trial: its author waits for it, nobody else."""


def run(script: bytes, content: bytes, sender: str | None, recipient: str | None, mailboxes: Sequence[str]) -> Outcome:
    """Raises BadScript, OutOfTime."""
    message = Message(_LINE_END.sub(b"\r\n", content))
    environment = Environment(
        _first(message, "from") if sender is None else sender,
        _first(message, "to") if recipient is None else recipient,
        time.time(),
        time.thread_time,
        mailboxes=frozenset({"INBOX", *mailboxes}),
    )
    return execute(compile_script(script, traced=True), message, environment, cpu_s=LIMIT_S)


def _first(message: Message, field: str) -> str:
    return next((f"{local}@{domain}" for local, domain in message.fields.people(field)), "")


def plain(outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    return {
        "steps": [{"line": one.line, "what": one.what, "result": one.result} for one in outcome.trace],
        "actions": [_plain(action) for action in outcome.actions],
        "error": None if outcome.error is None else {"line": outcome.error.line, "problem": outcome.error.words(_)},
    }


def _plain(action: Action) -> dict[str, Any]:
    fields = {
        name: value
        for name in action.__struct_fields__
        if isinstance(value := getattr(action, name), str | int | tuple) and value not in ("", ())
    }
    edited = getattr(action, "content", None) is not None
    return {"do": type(action).__name__.lower(), **fields} | ({"edited": True} if edited else {})


def told(outcome: Outcome) -> str:
    """For people: a line for each step, then what would be done."""
    lines = [_step(one) for one in outcome.trace]
    if outcome.error is not None:
        lines += [
            "",
            _("It stops at an error, so the message is kept: {problem}").format(problem=outcome.error.sentence(_)),
        ]
    return "\n".join([*lines, "", _("What would be done:"), *(f"  • {_words(action)}" for action in outcome.actions)])


def _step(step: Step) -> str:
    answer = {True: _("yes"), False: _("no"), None: ""}[step.result]
    mark = {True: "✔", False: "✘", None: "→"}[step.result]
    text = f"{step.line:>4}  {'  ' * step.depth}{mark} {step.what}"
    return f"{text}  ({answer})" if answer else text


def _words(action: Action) -> str:
    if isinstance(action, Keep):
        text = _("keep it in INBOX")
    elif isinstance(action, FileInto):
        text = _("file it into “{mailbox}”").format(mailbox=action.mailbox)
    elif isinstance(action, Redirect):
        text = _("send it on to {address}").format(address=action.address)
    elif isinstance(action, Reject):
        text = _("refuse it, saying: {reason}").format(reason=action.reason.strip())
    elif isinstance(action, Vacation):
        text = _("answer its sender (once a while; no lists, reports and programs)")
    elif isinstance(action, Notify):
        text = _("notify {address}").format(address=action.address)
    else:
        return _("throw it away")
    flags = getattr(action, "flags", ())
    if flags:
        text = _("{what}, with the flags {flags}").format(what=text, flags=" ".join(flags))
    return _("{what}, with its header edited").format(what=text) if getattr(action, "content", None) else text
