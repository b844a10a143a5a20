"""The letter to whoever looks after a domain when keys of it are to be published."""

from __future__ import annotations

from courriel.delivery.intake import Delivery
from courriel.delivery.notices import Notice, mailer_daemon, write
from courriel.model.envelope import Address
from courriel.model.roster import POSTMASTER

__all__ = ["tell_postmaster"]


async def tell_postmaster(domain: str, signs: bool, intake: Delivery) -> None:
    """Hand it in; where nobody is postmaster it is dropped.  Raises what ``hand_in`` does."""
    to, notice = Address(POSTMASTER, domain), Notice.KEYS_WAIT if signs else Notice.KEYS_GONE
    await intake.write_to(
        to, lambda wording: write(notice, wording, mailer_daemon(wording.hostname), str(to), {"domain": domain})
    )
