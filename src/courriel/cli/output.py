"""How answers reach the terminal: tables for people, JSON for programs, a bar for what takes long."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from gettext import gettext as _
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from courriel.cli import words
from courriel.ports.administration import Administration, AnyRequest, Failure, Result
from courriel.ports.administration import Progress as Step

EXIT_REFUSED = 1
"""The request was understood and refused (2 is a wrong command line, click's)."""

PIPE_COLUMNS = 200
"""Width of tables when nobody looks: wide enough that nothing is cut for grep."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
errors = Console(stderr=True, highlight=False)


def ask(door: AbstractAsyncContextManager[Administration], request: AnyRequest, *, quiet: bool = False) -> Any:
    """Carry out ``request``, showing its progress; its value.  Ends the command when it is refused."""
    return asyncio.run(_ask(door, request, quiet))


async def _ask(door: AbstractAsyncContextManager[Administration], request: AnyRequest, quiet: bool) -> Any:
    async with door as administration:
        with Bar(visible=not quiet and sys.stderr.isatty()) as bar:
            async for answer in administration.perform(request):
                if isinstance(answer, Step):
                    bar.show(answer)
                elif isinstance(answer, Result):
                    return answer.value
                else:
                    refuse(answer)
    raise AssertionError("every request ends with a result or a failure")


class Bar:
    """A progress bar that appears with the first step."""

    def __init__(self, visible: bool | None = None) -> None:
        visible = sys.stderr.isatty() if visible is None else visible
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=errors,
            disable=not visible,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._progress.stop()

    def show(self, step: Step) -> None:
        if self._task is None:
            self._task = self._progress.add_task(step.what)
        self._progress.update(self._task, completed=step.done, total=step.total or None, description=step.what)


def refuse(failure: Failure) -> NoReturn:
    """Say why something was refused and what can be done, and end the command."""
    errors.print(words.why(failure.reason), style="red")
    if failure.detail:
        errors.print("  " + failure.detail, markup=False)
    raise click.exceptions.Exit(EXIT_REFUSED)


def show(value: Any, as_json: bool, table: Table | str) -> None:
    """Print ``value`` as JSON, or ``table`` for people."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False))
    else:
        console.print(table)


def rows_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str]], empty: str) -> Table | str:
    """A table of ``rows``: ``columns`` are (key, title).  ``empty`` is said when there are none."""
    if not rows:
        return empty
    table = Table(box=None, pad_edge=False)
    for _key, title in columns:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(key)) for key, _title in columns))
    return table


def cell(value: Any) -> str:
    """One value as a person reads it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def octets(count: int) -> str:
    """A size as a person reads it, in units of 1024."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
