"""The ``courriel`` command: language, then the command line with the ways into an installation."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from courriel.base.i18n import speak

if TYPE_CHECKING:
    from courriel.cli.doors import ServeOptions, TrialOptions, TrialReport
    from courriel.model.envelope import Client
    from courriel.model.judgement import Judgement
    from courriel.ports.administration import Administration


def _asked_language(arguments: Sequence[str]) -> str | None:
    """The value of ``--lang``: it must be known before the command line's own texts are made."""
    for number, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and number + 1 < len(arguments):
            return arguments[number + 1]
    return None


class HouseDoors:
    """``cli.doors.Doors``, fulfilled.  Imports wait until a command needs them: ``--help`` is quick."""

    def administration(self, data: Path) -> AbstractAsyncContextManager[Administration]:
        return _administration(data)

    def roll_back(self, data: Path) -> Mapping[int, int]:
        from courriel.app.rollback import roll_back_store

        return roll_back_store(data)

    def serve(self, options: ServeOptions) -> None:
        from courriel.app import config, server

        settings = config.load(options.config, os.environ, options.overrides)
        server.configure_log(settings)

        async def ready(_server: server.Server) -> None:
            """The log has said it."""

        server.run(server.serve(options.data, settings, ready))

    def trial(self, options: TrialOptions, announce: Callable[[TrialReport], None]) -> None:
        from courriel.app import config, server, trial

        trial.check_base_port(options.base_port)
        base = trial.settings_base(options.base_port, options.overrides, os.environ)
        settings = config.load(None, os.environ, options.overrides, base)
        server.configure_log(settings)

        async def ready(opened: server.Server) -> None:
            report = await trial.prepare(opened, options)
            await asyncio.to_thread(announce, report)

        with nullcontext(options.data) if options.data else _passing_data() as data:
            server.run(server.serve(data, settings, ready))

    def judge_message(self, content: bytes, client: Client, mail_from: str) -> Judgement | None:
        from courriel.app.judging import judge_message

        return judge_message(content, client, mail_from)


@contextmanager
def _passing_data() -> Iterator[Path]:
    """A data directory that goes away with the trial."""
    with tempfile.TemporaryDirectory(prefix="courriel-try-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@asynccontextmanager
async def _administration(data: Path) -> AsyncIterator[Administration]:
    """The server of ``data`` when one runs, else the installation itself."""
    from courriel.app.control import RemoteAdministration, ServerNotRunning

    try:
        remote = await RemoteAdministration.connect(data)
    except ServerNotRunning:
        async with _local(data) as local:
            yield local
    else:
        try:
            yield remote
        finally:
            await remote.close()


@asynccontextmanager
async def _local(data: Path) -> AsyncIterator[Administration]:
    from courriel.app import config
    from courriel.app.administration import LocalAdministration
    from courriel.app.installation import Installation

    installation = await Installation.open(data, config.load(None, os.environ, ()))
    try:
        yield LocalAdministration(installation)
    finally:
        await installation.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    speak(_asked_language(words))
    from courriel.cli.main import courriel

    courriel.main(words, prog_name="courriel", obj=HouseDoors())


if __name__ == "__main__":
    main()
