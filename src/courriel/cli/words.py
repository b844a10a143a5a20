"""Refusals in plain words, with what to do next.  One sentence a reason; a test walks the reasons."""

from __future__ import annotations

from gettext import gettext as _


def why(reason: str) -> str:
    """The sentence for the refusal class ``reason``."""
    return _sentences().get(reason) or _("That did not work ({reason}).").format(reason=reason)


def _sentences() -> dict[str, str]:
    return {
        "NoSuchAddress": _("There is no such user or address here. “courriel user list” shows who there is."),
        "AddressTaken": _("That address is taken already."),
        "NoSuchDomain": _("That domain is not ours yet. Add it first: courriel domain add DOMAIN"),
        "NoSuchAccount": _("There is no such user. “courriel user list” shows who there is."),
        "NoSuchAlias": _("There is no such alias. “courriel alias list” shows what there is."),
        "ListExists": _("There is a list of that address already."),
        "NoSuchList": _("There is no such list. “courriel list list” shows what there is."),
        "NoSuchMember": _("That address is not on the list. “courriel list members LIST” shows who is."),
        "NotAsked": _("Nothing of that number waits; it was decided before, or is too old."),
        "ListInList": _("A list cannot be on a list. Put its people there, or give both one alias."),
        "NoSuchScript": _("There is no script of that name. “courriel sieve list ACCOUNT” shows what there is."),
        "ScriptExists": _("There is a script of that name already."),
        "ScriptActive": _("That script is at work. Activate another one first, or none: courriel sieve activate --off"),
        "TooManyScripts": _("The account has as many scripts as it may; remove one first."),
        "BadScript": _("The script has mistakes, and was not kept."),
        "Rejected": _("The recipient's own rules refuse it."),
        "DeviceExists": _("There is a device of that name already."),
        "NoSuchDevice": _("There is no such device. “courriel device list” shows what there is."),
        "DeviceHasNoLogin": _("That device has no login. Remove it, and add it again with --login."),
        "NotPrivate": _("Only private networks can be trusted without a login; let the device log in on port 587."),
        "BehindGateway": _("Devices cannot be told from strangers here, so their door stays shut."),
        "DomainExists": _("That domain is ours already."),
        "DomainInUse": _("Users or aliases still live in that domain. Remove them first."),
        "NoSuchKey": _(
            "There are no such keys. “courriel dkim list” shows what there is, “courriel dkim new” makes some."
        ),
        "NoSpareReady": _("No spare key is in the DNS yet. “courriel dkim show” says what to publish."),
        "NoSuchMailbox": _("There is no mailbox of that name."),
        "NoSuchMessage": _("There is no such message in that mailbox."),
        "NothingFound": _("No mail servers are found for that address."),
        "NotRestorable": _(
            "No such message can be brought back. “courriel restore ADDRESS --dry-run” shows which can."
        ),
        "NoJourney": _("Nothing is known of that message; journeys are kept for 30 days."),
        "NotQueued": _(
            "There is no such message in the queue; it may have left. “courriel queue list” shows what waits."
        ),
        "MailboxExists": _("There is a mailbox of that name already."),
        "MailboxNotAllowed": _("That mailbox name, or that change to it, is not allowed."),
        "MailboxGone": _("The mailbox was deleted meanwhile."),
        "RelayDenied": _("Mail for elsewhere is taken only from people who are logged in."),
        "AccountDisabled": _("The account is disabled. “courriel user enable” opens it again."),
        "NotYourAddress": _("That address belongs to somebody else; send from one of your own."),
        "OverQuota": _("The account is full. Delete something, or raise its quota: courriel user quota"),
        "MessageTooLarge": _("The message is larger than this server takes."),
        "TooManyRecipients": _("Too many recipients for one message; send it in several parts."),
        "TooManyHops": _("The message goes round in a loop between servers."),
        "BadMessage": _("The message is not written as mail must be."),
        "SentEnough": _("You have sent as much as you may for now; come again later."),
        "WishNotGranted": _("The time to leave is too far away, or the time to be there too near."),
        "TooManyAnnotations": _("The account has as many annotations as it can have."),
        "TooManyKeywords": _("The account has as many keywords as it can have."),
        "AuthenticationFailed": _("Wrong name or password."),
        "Throttled": _("Too many wrong passwords; wait a few minutes."),
        "NotPermitted": _("Not permitted."),
        "TryLater": _("The server is short of something just now; try again in a moment."),
        "Unavailable": _("The disk or the server cannot do it now. Look at free space and at the server's log."),
        "Damaged": _("Stored data is damaged. “courriel check” says what, “courriel check --repair” mends it."),
        "FormatError": _("That is not written as it must be."),
        "SettingsError": _("The settings are not right."),
        "Busy": _("Another program uses this data directory."),
        "PortTaken": _("A port is taken by another program. Stop it, or choose other ports (--base-port, --set)."),
        "PermissionDenied": _(
            "The system does not permit it. Ports below 1024 and other users' files need more rights."
        ),
        "BadBasePort": _("That base port leaves no room for the ports above it."),
        "Bug": _("The server met an error nobody foresaw; its log says where."),
        "NotEarned": _("Reports have not earned the next step yet; without --apply this says what it waits for."),
        "ZoneRefused": _("The server of the zone does not take our changes. Look at the key and its rights."),
        "DnsFailure": _("The DNS does not answer. Try again in a moment, or look at dns.servers."),
        "CleartextRefused": _("The other server offers no TLS: the password would travel in the clear. Use imaps://."),
        "Refused": _("The other side refused."),
    }
