"""Payments: asked for, to a changed account, to a wallet of crypto money.

Account numbers (IBAN, ISO 13616) and wallet addresses are facts when their check digits are right. How it is evaded:
the account comes in an attachment or in the next message. Invoices of good suppliers have an IBAN: it counts only
beside the words of a change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Evidence, Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.told import each
from courriel.threats.view import View

_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ \u00a0]?[0-9A-Z]{2,4}){3,8}\b")
_LENGTHS: Final = range(15, 35)
_WALLET: Final = re.compile(
    r"\b(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|ltc1[02-9ac-hj-np-z]{20,71}|0x[0-9a-fA-F]{40}"
    r"|T[1-9A-HJ-NP-Za-km-z]{33})\b"
)
_COINS: Final = frozenset(
    ["bitcoin", "bitcoins", "btc", "litecoin", "ltc", "ethereum", "eth", "usdt", "tron", "monero"]
)
_BASE58: Final = {
    letter: value for value, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}

PAY: Final = Signal(
    name="content.pay",
    group=Group.CONTENT,
    seen=N_("You are asked to pay, or told that a payment failed."),
    why=N_("Small fees and failed payments are pretexts to get at your card."),
    then=advice.NO_MONEY,
    weights={Kind.PHISHING: 0.6, Kind.SMISHING: 0.7, Kind.SCAM: 0.4, Kind.VISHING: 0.3},
    fact=False,
)
BANK_CHANGE: Final = Signal(
    name="content.bank-change",
    group=Group.CONTENT,
    seen=N_("The message announces new bank details."),
    why=N_(
        "With a false change of bank details the next invoice is paid to the swindler; it looks like everyday business."
    ),
    then=advice.ASK,
    weights={Kind.WHALING: 1.6, Kind.SPEAR_PHISHING: 0.8, Kind.SCAM: 0.8},
    fact=False,
)
NEW_IBAN: Final = Signal(
    name="content.new-account",
    group=Group.CONTENT,
    seen=N_("New bank details are announced, and the account {iban} is given."),
    why=N_("Money that goes to a false account is rarely seen again."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.4, Kind.SCAM: 1.0},
)
WALLET: Final = Signal(
    name="content.wallet",
    group=Group.CONTENT,
    seen=N_("The message gives an address for payments in crypto money: {wallet}."),
    why=N_("Such payments cannot be taken back and name nobody; blackmailers and swindlers ask for them."),
    then=advice.NO_ANSWER,
    weights={Kind.SCAM: 2.2, Kind.SPAM: 0.4},
)


def words(view: View) -> Iterable[Finding]:
    """Payments asked for, and changes of bank details."""
    return each(view, {"pay": PAY, "bank-change": BANK_CHANGE})


def new_account(view: View) -> Iterable[Finding]:
    """An account number beside the words of a change.  Its check digits may be wrong on purpose (masked examples)."""
    found = said(view.folded)
    if not found.about("bank-change"):
        return
    for match in _IBAN.finditer(view.visible):
        iban = re.sub(r"\s", "", match[0])
        if len(iban) in _LENGTHS:
            evidence = Evidence("text", match[0])
            strength = 1.0 if iban_is_valid(iban) else 0.8
            yield Finding(NEW_IBAN.name, NEW_IBAN.group, strength, (evidence,), {"iban": match[0]})
            return


def wallets(view: View) -> Iterable[Finding]:
    """Addresses of Bitcoin, Litecoin, Ethereum or Tron, in a message that speaks of paying or of blackmail."""
    if not _payment(view):
        return
    for match in _WALLET.finditer(view.visible):
        if _is_wallet(match[0]):
            evidence = Evidence("text", match[0])
            yield Finding(WALLET.name, WALLET.group, 1.0, (evidence,), {"wallet": match[0]})
            return


def iban_is_valid(iban: str) -> bool:
    """Whether the check digits are right.  ISO 13616-1:2020 §6 (MOD 97-10 of ISO 7064)."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _is_wallet(address: str) -> bool:
    """Old Bitcoin and Tron addresses have a check sum (Base58Check); the others are long enough to be no accident."""
    if address.startswith(("bc1", "ltc1", "0x")):
        return True
    number = 0
    for letter in address:
        number = number * 58 + _BASE58[letter]
    octets = number.to_bytes(25, "big") if number.bit_length() <= 200 else b""
    return bool(octets) and hashlib.sha256(hashlib.sha256(octets[:-4]).digest()).digest()[:4] == octets[-4:]


def _payment(view: View) -> bool:
    found = said(view.folded)
    return found.about("extortion", "pay", "investment", "advance-fee", "transfer") or not _COINS.isdisjoint(
        found.words
    )


SIGNALS: Final[tuple[Signal, ...]] = (PAY, BANK_CHANGE, NEW_IBAN, WALLET)
LOOKS: Final[tuple[Look, ...]] = (words, new_account, wallets)
