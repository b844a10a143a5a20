"""The letter to whoever looks after a domain when keys of it are to be published."""

from __future__ import annotations

import os
from typing import Final

from courriel.app.config import Settings
from courriel.app.outbound import languages_of
from courriel.base.clock import Clock
from courriel.delivery.intake import Delivery
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.notices import Notice, Wording, mailer_daemon, write
from courriel.model.envelope import Address, Recipient

__all__ = ["tell_postmaster"]

POSTMASTER: Final = "postmaster"
"""RFC 5321 §4.5.1: every domain has one."""


async def tell_postmaster(domain: str, signs: bool, intake: Delivery, settings: Settings, clock: Clock) -> None:
    """Hand it in; where nobody is postmaster it is dropped.  Raises what ``hand_in`` does."""
    now = clock.now()
    wording = Wording(settings.name, new_id(now, os.urandom(RANDOM_OCTETS)), now, languages_of(settings))
    to = Address(POSTMASTER, domain)
    notice = Notice.KEYS_WAIT if signs else Notice.KEYS_GONE
    letter = write(notice, wording, mailer_daemon(settings.name), str(to), {"domain": domain})
    await intake.hand_in(Recipient(to, frozenset({"NEVER"})), letter)
