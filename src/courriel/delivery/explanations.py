"""What an attempt's outcome means, in words for the person who sent the message.

One row a kind: what happened, what the sender can do, and whether sending again helps.  ``docs/bounces.md`` shows the
whole table; which answer of a server belongs to which kind is ``explain``'s business.  "We" is this mail system,
"the administrator of your mail" whoever runs it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from courriel.base.i18n import N_, translator


class Kind(Enum):
    """Why a message was not delivered, or what became of it."""

    NO_SUCH_USER = "no such user"
    NO_SUCH_DOMAIN = "no such domain"
    TAKES_NO_MAIL = "takes no mail"
    BAD_ADDRESS = "bad address"
    AMBIGUOUS = "ambiguous"
    MOVED = "moved"
    OWNER_CHANGED = "owner changed"
    SENDER_REFUSED = "sender refused"
    DISABLED = "disabled"
    FULL = "mailbox full"
    UNAVAILABLE = "mailbox unavailable"
    RECIPIENT_BUSY = "recipient busy"
    RESTRICTED = "restricted"
    LIST_CLOSED = "list closed"
    LIST_TROUBLE = "list trouble"
    TOO_BIG = "too big"
    TOO_MANY_RECIPIENTS = "too many recipients"
    CONTENT = "content"
    NEEDS_UTF8 = "needs utf-8"
    ATTACHMENT = "attachment"
    VIRUS = "virus"
    SPAM = "spam"
    GREYLISTED = "greylisted"
    BLOCKLISTED = "blocklisted"
    REPUTATION = "reputation"
    RATE_LIMITED = "rate limited"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    UNPROVEN = "unproven"
    REVERSE_DNS = "reverse dns"
    TLS_WANTED = "tls wanted"
    TLS_FAILED = "tls failed"
    TLS_POLICY = "tls policy"
    ENCRYPTION = "encryption"
    LOGIN_REFUSED = "login refused"
    RELAY_DENIED = "relay denied"
    POLICY = "policy"
    SYSTEM_FULL = "system full"
    NOT_NOW = "not now"
    BUSY = "busy"
    SERVER_TROUBLE = "server trouble"
    DNS_TROUBLE = "dns trouble"
    NO_ROUTE = "no route"
    NO_ANSWER = "no answer"
    BROKEN_CONNECTION = "broken connection"
    MAYBE_ARRIVED = "maybe arrived"
    LOOP = "loop"
    EXPIRED = "expired"
    PROTOCOL = "protocol"
    UNCLEAR = "unclear"
    DELIVERED = "delivered"
    RELAYED = "relayed"


class Again(Enum):
    """Whether sending the message again helps; the value is the sentence that says so."""

    NO = N_("Sending the same message again will not help.")
    CHANGED = N_("Send it again once this has been put right.")
    LATER = N_("It may work if you send it again later.")
    ITSELF = N_("Our server keeps trying by itself: please do not send it again.")
    NEEDLESS = N_("There is nothing more to do.")


class Explanation(msgspec.Struct, frozen=True):
    """One outcome, in English; ``in_language`` says it in another language."""

    kind: Kind
    happened: str
    """What happened, one sentence."""
    advice: str
    """What the sender can do, or need not."""
    again: Again

    def in_language(self, language: str) -> tuple[str, str, str]:
        """What happened, advice, and whether sending again helps."""
        say = translator(language)
        return say(self.happened), say(self.advice), say(self.again.value)


_TELL_ADMINISTRATOR: Final = N_("Tell the administrator of your mail, and show them this report.")
_THEIRS_TO_REPAIR: Final = N_(
    "Only the recipient's provider can repair this. Reach the person by other means if it is urgent."
)
_CHECK_DOMAIN: Final = N_("Check the spelling of the part after the @.")

_ROWS: Final[tuple[tuple[Kind, str, str, Again], ...]] = (
    # addresses
    (
        Kind.NO_SUCH_USER,
        N_("The address does not exist at the recipient's provider."),
        N_("Check its spelling, or ask the person for the right address by other means."),
        Again.NO,
    ),
    (Kind.NO_SUCH_DOMAIN, N_("The part of the address after the @ does not exist."), _CHECK_DOMAIN, Again.NO),
    (
        Kind.TAKES_NO_MAIL,
        N_("The part of the address after the @ exists, but takes no mail at all."),
        N_("Ask the person for another address."),
        Again.NO,
    ),
    (
        Kind.BAD_ADDRESS,
        N_("The recipient's server says that the address is not written correctly."),
        N_("Check it for blanks, commas and missing characters."),
        Again.NO,
    ),
    (
        Kind.AMBIGUOUS,
        N_("The address may mean more than one person there."),
        N_("Ask the person for an address that is theirs alone."),
        Again.NO,
    ),
    (
        Kind.MOVED,
        N_("The person has moved to another address."),
        N_("Ask the person for the new address by other means."),
        Again.NO,
    ),
    (
        Kind.OWNER_CHANGED,
        N_("The address now belongs to somebody else."),
        N_("Ask the person for their new address by other means."),
        Again.NO,
    ),
    (
        Kind.SENDER_REFUSED,
        N_("The recipient's server does not accept your own address as a sender."),
        N_("Ask the administrator of your mail to check that your address exists and can receive mail."),
        Again.CHANGED,
    ),
    # mailboxes
    (
        Kind.DISABLED,
        N_("The recipient's mailbox is closed or switched off."),
        N_("Reach the person by other means."),
        Again.NO,
    ),
    (
        Kind.FULL,
        N_("The recipient's mailbox is full."),
        N_("Tell the person by other means, so that they can make room."),
        Again.LATER,
    ),
    (
        Kind.UNAVAILABLE,
        N_("The recipient's mailbox is not available."),
        N_("Check the spelling of the address. If it is right, reach the person by other means."),
        Again.LATER,
    ),
    (
        Kind.RECIPIENT_BUSY,
        N_("The recipient gets more mail at the moment than their provider allows."),
        N_("Wait for some hours."),
        Again.LATER,
    ),
    (
        Kind.RESTRICTED,
        N_("The recipient takes mail from chosen senders only."),
        N_("Ask the person by other means to allow your address."),
        Again.CHANGED,
    ),
    (
        Kind.LIST_CLOSED,
        N_("You may not write to this mailing list."),
        N_("Ask the owner of the list to let you."),
        Again.CHANGED,
    ),
    (
        Kind.LIST_TROUBLE,
        N_("The mailing list behind the address could not pass the message on."),
        N_("Tell the owner of the list."),
        Again.LATER,
    ),
    # the message itself
    (
        Kind.TOO_BIG,
        N_("The message is larger than the recipient's server accepts."),
        N_("Send it without its attachments, or share large files by a link."),
        Again.CHANGED,
    ),
    (
        Kind.TOO_MANY_RECIPIENTS,
        N_("The message has more recipients than the server accepts at once."),
        N_("Send it to fewer people at a time."),
        Again.CHANGED,
    ),
    (
        Kind.CONTENT,
        N_("The recipient's server cannot handle the form of the message."),
        N_("Send it as plain text, without attachments."),
        Again.CHANGED,
    ),
    (
        Kind.NEEDS_UTF8,
        N_("The recipient's server cannot handle accented letters or other scripts in addresses."),
        N_("Use addresses of unaccented letters only, your own included."),
        Again.CHANGED,
    ),
    (
        Kind.ATTACHMENT,
        N_("The recipient's server refuses the kind of file that is attached."),
        N_("Send the file in another form, or share it by a link."),
        Again.CHANGED,
    ),
    (
        Kind.VIRUS,
        N_("The recipient's server believes that the message carries a virus."),
        N_("Have your computer and the attached files checked first."),
        Again.CHANGED,
    ),
    (
        Kind.SPAM,
        N_("The recipient's server took the message for unwanted or fraudulent mail."),
        N_("Use other words and fewer links. If it is refused again, reach the person by other means."),
        Again.CHANGED,
    ),
    # how far the sender is trusted
    (
        Kind.GREYLISTED,
        N_("The recipient's server asks senders it does not know to try a second time."),
        N_("This is a usual check and settles within some minutes or hours."),
        Again.LATER,
    ),
    (
        Kind.BLOCKLISTED,
        N_("Our sending server stands on a list of senders of unwanted mail."),
        _TELL_ADMINISTRATOR,
        Again.CHANGED,
    ),
    (
        Kind.REPUTATION,
        N_("The recipient's provider does not trust our sending server enough."),
        _TELL_ADMINISTRATOR,
        Again.LATER,
    ),
    (
        Kind.RATE_LIMITED,
        N_("We sent more mail in a short time than the recipient's provider allows."),
        N_("Wait for some hours, and write to fewer people at a time."),
        Again.LATER,
    ),
    (
        Kind.SPF,
        N_("Your domain does not name our server among those that may send its mail (SPF)."),
        N_("Ask the administrator of your domain to correct its SPF record."),
        Again.CHANGED,
    ),
    (
        Kind.DKIM,
        N_("The signature of your domain is missing on the message, or does not hold (DKIM)."),
        N_("Ask the administrator of your domain to check its DKIM key."),
        Again.CHANGED,
    ),
    (
        Kind.DMARC,
        N_("The domain of your address asks others to refuse mail that is not proven to be its own (DMARC)."),
        N_("Send with an address of the domain whose server you use, or ask its administrator to check SPF and DKIM."),
        Again.CHANGED,
    ),
    (
        Kind.UNPROVEN,
        N_("It could not be proven that the message comes from your domain."),
        N_("Ask the administrator of your domain to check SPF, DKIM and DMARC."),
        Again.CHANGED,
    ),
    (
        Kind.REVERSE_DNS,
        N_("The name of our sending server does not fit its address (reverse DNS)."),
        _TELL_ADMINISTRATOR,
        Again.CHANGED,
    ),
    # encryption and rights
    (
        Kind.TLS_WANTED,
        N_("The recipient's server takes mail over encrypted connections only."),
        _TELL_ADMINISTRATOR,
        Again.CHANGED,
    ),
    (
        Kind.TLS_FAILED,
        N_("No encrypted connection to the recipient's server could be made."),
        _THEIRS_TO_REPAIR,
        Again.LATER,
    ),
    (
        Kind.TLS_POLICY,
        N_("The connection to the recipient's server was not as safe as it has to be, so the message stayed here."),
        N_("This is a fault there or an attack on the way. Reach the person by other means, and tell them."),
        Again.LATER,
    ),
    (
        Kind.ENCRYPTION,
        N_("The way the message is encrypted or signed does not suit the recipient's server."),
        N_("Ask the person which way their server accepts, or send it without."),
        Again.CHANGED,
    ),
    (
        Kind.LOGIN_REFUSED,
        N_("The server that should carry our mail on does not let us in."),
        _TELL_ADMINISTRATOR,
        Again.CHANGED,
    ),
    (
        Kind.RELAY_DENIED,
        N_("The server that answers for this address says that the address is not its business."),
        N_("Check the spelling of the part after the @. If it is right, tell the person by other means."),
        Again.NO,
    ),
    (
        Kind.POLICY,
        N_("The recipient's server refuses the message by a rule of its own."),
        N_("Its answer may name the rule. If not, ask the person by other means to ask their provider."),
        Again.NO,
    ),
    # servers and the way to them
    (Kind.SYSTEM_FULL, N_("The recipient's server has no space left."), _THEIRS_TO_REPAIR, Again.LATER),
    (Kind.NOT_NOW, N_("The recipient's server takes no mail at the moment."), _THEIRS_TO_REPAIR, Again.LATER),
    (Kind.BUSY, N_("The recipient's server has too much to do."), N_("Wait for some hours."), Again.LATER),
    (Kind.SERVER_TROUBLE, N_("The recipient's server has a fault of its own."), _THEIRS_TO_REPAIR, Again.LATER),
    (
        Kind.DNS_TROUBLE,
        N_("The recipient's server could not be looked up, because the name servers gave no good answer."),
        _CHECK_DOMAIN,
        Again.LATER,
    ),
    (
        Kind.NO_ROUTE,
        N_("No server was found that takes mail for the part of the address after the @."),
        _CHECK_DOMAIN,
        Again.LATER,
    ),
    (Kind.NO_ANSWER, N_("The recipient's server does not answer."), _THEIRS_TO_REPAIR, Again.LATER),
    (
        Kind.BROKEN_CONNECTION,
        N_("The connection to the recipient's server broke off."),
        _THEIRS_TO_REPAIR,
        Again.LATER,
    ),
    (
        Kind.MAYBE_ARRIVED,
        N_("The connection broke off before the recipient's server said whether it has the message."),
        N_("Ask the person whether it arrived."),
        Again.LATER,
    ),
    (
        Kind.LOOP,
        N_("The message went round in circles between servers and was stopped."),
        N_("Tell the person by other means: their address is probably forwarded to itself."),
        Again.NO,
    ),
    (
        Kind.EXPIRED,
        N_("The message could not be delivered within the time set for it."),
        _THEIRS_TO_REPAIR,
        Again.LATER,
    ),
    (Kind.PROTOCOL, N_("The two servers did not understand each other."), _TELL_ADMINISTRATOR, Again.LATER),
    (
        Kind.UNCLEAR,
        N_("The recipient's server did not take the message, and its reason is not clear."),
        N_("Its answer may tell more. If not, reach the person by other means."),
        Again.LATER,
    ),
    # good news
    (
        Kind.DELIVERED,
        N_("The message is in the recipient's mailbox."),
        N_("This does not say that it was read."),
        Again.NEEDLESS,
    ),
    (
        Kind.RELAYED,
        N_("The message was handed to the recipient's server, which does not report what becomes of it."),
        N_("You will hear only if something goes wrong there."),
        Again.NEEDLESS,
    ),
)

EXPLANATIONS: Final = {row[0]: Explanation(*row) for row in _ROWS}
"""Every kind, in the order of the documentation."""
