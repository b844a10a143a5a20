"""What to do: the few answers that most signals share."""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_

NO_CLICK: Final = N_("Do not use the links of the message: open the site yourself, by its name or from your bookmarks.")
NO_CODE: Final = N_("Never give a password, a card number or a code: no bank, shop or office asks for them this way.")
NO_CALL: Final = N_("Do not call the number of the message: use the one on your card, contract or the official site.")
NO_MONEY: Final = N_("Pay nothing and transfer nothing before you have asked by a way that you already knew.")
ASK: Final = N_("Call the person on a number that you already had, and ask, before you do anything.")
NO_ANSWER: Final = N_("Do not answer and send nothing. Delete the message.")
NO_OPEN: Final = N_("Do not open the file. If you expected it, ask the sender by another way what it is.")
LOOK_TWICE: Final = N_("Read the message once more with this in mind, and do nothing in haste.")
NOTHING: Final = N_("You need not do anything.")
