"""Why a service says no, in words of mail.  Each protocol turns every one of these into its own reply.

``temporary`` says whether the same request may succeed later.  The text of a reply belongs to the protocol; the
detail given here is for the log and for people who are logged in.
"""

from __future__ import annotations

from typing import ClassVar

from courriel.base.errors import Refusal


class MailRefusal(Refusal):
    """Root of the refusals below."""

    temporary: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class NoSuchAddress(MailRefusal):
    """No one here has this address."""


class NoSuchMailbox(MailRefusal):
    """The account has no mailbox of that name."""


class MailboxExists(MailRefusal):
    """There is one of that name already."""


class MailboxNotAllowed(MailRefusal):
    """The name, or the operation on this mailbox (deleting INBOX), is not allowed."""


class MailboxGone(MailRefusal):
    """The mailbox was deleted while it was in use."""


class RelayDenied(MailRefusal):
    """Mail for elsewhere is taken only from those who are logged in."""


class AccountDisabled(MailRefusal):
    """The account exists and takes no mail and no login."""


class NotYourAddress(MailRefusal):
    """The sender may not use this reverse-path or From."""


class OverQuota(MailRefusal):
    """The account is full."""


class MessageTooLarge(MailRefusal):
    """Larger than the limit for a message."""


class TooManyRecipients(MailRefusal):
    """More recipients than one message may have here."""

    temporary: ClassVar[bool] = True


class TooManyHops(MailRefusal):
    """The message has been through too many servers: a loop.  RFC 5321 §6.3."""


class BadMessage(MailRefusal):
    """The message breaks the format so that no safe reading is left."""


class SentEnough(MailRefusal):
    """The account has sent as much as it may for now; ``until`` says when to come again, "" for never as it is."""

    temporary: ClassVar[bool] = True

    def __init__(self, detail: str = "", until: str = "") -> None:
        super().__init__(detail)
        self.until = until


class WishNotGranted(MailRefusal):
    """The sender wishes for more than was announced: a later time to leave, an earlier one to be there."""


class NoJourney(Refusal):
    """Nothing is known of a message of that name."""


class NotQueued(Refusal):
    """No message of that id waits in the queue."""


class TooManyKeywords(MailRefusal):
    """The account has as many keywords as it can have."""


class TooManyAnnotations(MailRefusal):
    """The account has as many annotations, or octets in them, as it can have."""


class AuthenticationFailed(MailRefusal):
    """Wrong name or password; one text for both."""


class Throttled(MailRefusal):
    """Too many failures from this network or for this account; try later."""

    temporary: ClassVar[bool] = True

    def __init__(self, detail: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotPermitted(MailRefusal):
    """The rights of the account do not allow this."""


class SenderNotProven(MailRefusal):
    """The sender is not who the message says.  ``status`` and ``lines`` tell what would help."""

    def __init__(self, detail: str = "", status: str = "5.7.1", lines: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.lines = lines


class Rejected(MailRefusal):
    """The recipient's own rules refuse it; ``words`` is what the sender is to read.  RFC 5429."""

    def __init__(self, detail: str = "", words: str = "") -> None:
        super().__init__(detail)
        self.words = words


class FilterVerdict(MailRefusal):
    """A filter says no.  ``code`` (0: the usual one), ``status`` and ``lines`` are its own words, for the client."""

    def __init__(self, detail: str = "", code: int = 0, status: str = "", lines: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.lines = lines


class FilterRefused(FilterVerdict):
    """For good."""


class FilterDeferred(FilterVerdict):
    """For now; or a filter cannot be asked."""

    temporary: ClassVar[bool] = True


class TryLater(MailRefusal):
    """A resource (disk, memory, another server) is short just now."""

    temporary: ClassVar[bool] = True
