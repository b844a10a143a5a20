"""What each kind of malicious message is called, what it is, and what its reader should do.  Texts for the catalogue.

Written for somebody who has never heard of any of these words: a sentence a kind, no terms of the trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Kind, Level


@dataclass(frozen=True, slots=True)
class Portrait:
    """Keys of the catalogue.  ``definition`` says what it is; ``certain`` and ``possible`` are the lines of a verdict
    that is malicious or suspicious; ``advice`` is what to do, the most urgent first."""

    name: str
    definition: str
    certain: str
    possible: str
    advice: tuple[str, ...]


PORTRAITS: Final[Mapping[Kind, Portrait]] = {
    Kind.SPAM: Portrait(
        N_("Spam"),
        N_("Spam is advertising that nobody asked for, sent to very many people at once."),
        N_("Spam: somebody you do not know wants to sell you something, and hides who they are."),
        N_("Perhaps spam: it looks like advertising that you did not ask for."),
        (
            N_("Do not answer, and do not buy anything: an answer shows that your address is read."),
            N_("Do not click on “unsubscribe” unless you know the sender; mark the message as junk instead."),
            N_("Delete it."),
        ),
    ),
    Kind.SCAM: Portrait(
        N_("Scam"),
        N_("A scam tells an invented story, of a prize, a legacy, love or a threat, until its reader pays."),
        N_("Dangerous: this is a scam. The story is invented, and its end is that you pay."),
        N_("Be careful: this looks like a scam, a story that is invented so that you pay."),
        (
            N_("Do not pay, and do not answer: whoever answers once is asked again and again."),
            N_("Never send copies of papers, bank details or codes to somebody you know only from a message."),
            N_("If you have paid, call your bank at once, and report it to the police."),
        ),
    ),
    Kind.PHISHING: Portrait(
        N_("Phishing"),
        N_("Phishing imitates a company or an authority, to make you type your password or card on a false page."),
        N_("Dangerous: this is phishing. It imitates somebody you trust, to steal a password or a card number."),
        N_("Be careful: this looks like phishing, an imitation that is after your password or card number."),
        (
            N_("Do not click on its links and do not open its attachments."),
            N_("If it could be true, open the real site as you always do, from your own bookmark or app."),
            N_("If you have typed a password or a card number, change the password and call your bank now."),
        ),
    ),
    Kind.SPEAR_PHISHING: Portrait(
        N_("Spear phishing"),
        N_("Spear phishing is written for one person: it uses your name, your work or people you know to be believed."),
        N_("Dangerous: this is spear phishing. It was made for you, with what its writer has found out about you."),
        N_("Be careful: this may be spear phishing. It seems to be made for you in particular."),
        (
            N_("Do nothing that it asks before you have spoken to the person it claims to be from."),
            N_("Ask them by telephone or in person, with a number you had before, never with one from this message."),
            N_("Tell those who look after security where you work: others may have had the same."),
        ),
    ),
    Kind.WHALING: Portrait(
        N_("Whaling (false order from a superior)"),
        N_("Whaling speaks in the name of a director, or to one, to have money sent or confidential data given."),
        N_("Dangerous: this is whaling. Somebody pretends to be a person in charge, to get a payment or data."),
        N_("Be careful: this may be whaling, an order in the name of a person in charge who did not write it."),
        (
            N_("Pay nothing, change no bank details and send no data because of this message."),
            N_(
                "Call the person whose name it bears, with a number you had before, even if it asks you to be discreet."
            ),
            N_("If a payment has left, call your bank within the hour: it can sometimes still be stopped."),
        ),
    ),
    Kind.SMISHING: Portrait(
        N_("Smishing (phishing by text message)"),
        N_("Smishing is phishing by text message: a parcel, a fine, a bank, and a link to a false page."),
        N_("Dangerous: this text message is smishing. It wants you to open a false page, or to answer or call."),
        N_("Be careful: this text message may be smishing, phishing that comes to your telephone."),
        (
            N_("Do not open the link, do not call the number and do not answer, not even “STOP”."),
            N_("If you wait for a parcel or have a question, open the real site or app yourself."),
            N_("Report it (in France: forward it to 33700), then delete it."),
        ),
    ),
    Kind.VISHING: Portrait(
        N_("Vishing (fraud by telephone)"),
        N_("Vishing is fraud by telephone: a false adviser talks you into giving codes, access or money."),
        N_("Dangerous: this is vishing. It wants you on the telephone, with a false adviser at the other end."),
        N_("Be careful: this may be vishing, a lure to a telephone call with a false adviser."),
        (
            N_("Do not call the number that it gives; if they are on the line, hang up."),
            N_("Call your bank or the company yourself, with the number on your card or your contract."),
            N_("Never say a code you have received, and never let anybody guide your computer or your bank transfers."),
        ),
    ),
    Kind.SPOOFING: Portrait(
        N_("Spoofing (forged sender)"),
        N_("Spoofing puts somebody else's address in the place of the sender, as one writes any name on an envelope."),
        N_("Dangerous: the sender is forged. Whoever wrote this is not who it says."),
        N_("Be careful: the sender may be forged. Nothing proves that it comes from who it says."),
        (
            N_("Do not trust the name or the address shown: the sender chose them freely."),
            N_("Do not answer; ask the person or company it names, in another way, whether they wrote it."),
            N_("If it bears the address of your own house, tell those who look after your mail."),
        ),
    ),
    Kind.MALWARE: Portrait(
        N_("Malware"),
        N_("Malware is a harmful program: once its file is opened, it spies, encrypts files or spreads."),
        N_("Dangerous: this message brings a file made to harm your computer."),
        N_("Be careful: this message may bring a harmful file."),
        (
            N_("Do not open the attachment, and do not switch on “content”, “editing” or “macros” if it asks."),
            N_("If you have opened it, disconnect the computer from the network and call those who look after it."),
            N_("If you wait for a file from this person, ask them in another way what they have sent."),
        ),
    ),
}

VERDICTS: Final[Mapping[Level, str]] = {
    Level.CLEAN: N_("Nothing dangerous was found in this message."),
    Level.BULK: N_("A mailing, such as advertising or a newsletter: perhaps unwanted, but no attack was found."),
    Level.SUSPICIOUS: N_("Be careful: something about this message is not right."),
    Level.MALICIOUS: N_("Dangerous: do not do what this message asks."),
}
"""Where no kind is named."""

LEVELS: Final[Mapping[Level, str]] = {
    Level.CLEAN: N_("clean"),
    Level.BULK: N_("bulk"),
    Level.SUSPICIOUS: N_("suspicious"),
    Level.MALICIOUS: N_("malicious"),
}

ADVICE: Final[Mapping[Level, tuple[str, ...]]] = {
    Level.CLEAN: (
        N_("If it asks for money, a password or a code all the same, check with the sender in another way."),
        N_("If you think that it is malicious, mark it as junk: judgements learn from that."),
    ),
    Level.BULK: (
        N_("If you subscribed to it, its own “unsubscribe” is safe to use; otherwise mark it as junk."),
        N_("If it asks for money, a password or a code all the same, check with the sender in another way."),
    ),
    Level.SUSPICIOUS: (
        N_("Do not click and do not pay before you have asked the sender in another way."),
        N_("When in doubt, show it to those who look after your computers."),
    ),
    Level.MALICIOUS: (
        N_("Do not answer, click, open, call or pay."),
        N_("When in doubt, show it to those who look after your computers."),
    ),
}
"""Where no kind is named."""
