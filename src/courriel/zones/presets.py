"""Services that send mail for a domain on request: the include their customers put into the SPF record.

Taken from the services' public instructions; what one costs is asked of the DNS when it is shown, since it changes.
A service that gives each customer a name of their own is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SERVICES: Final[Mapping[str, str]] = {
    "activecampaign": "emsd1.com",
    "amazon-ses": "amazonses.com",
    "brevo": "spf.brevo.com",
    "campaign-monitor": "_spf.createsend.com",
    "constant-contact": "spf.constantcontact.com",
    "fastmail": "spf.messagingengine.com",
    "freshdesk": "email.freshdesk.com",
    "gandi": "_mailcust.gandi.net",
    "godaddy": "secureserver.net",
    "google": "_spf.google.com",
    "helpscout": "helpscoutemail.com",
    "icloud": "icloud.com",
    "infomaniak": "spf.infomaniak.ch",
    "ionos": "_spf-eu.ionos.com",
    "mailchimp": "servers.mcsv.net",
    "mailerlite": "_spf.mlsend.com",
    "mailgun": "mailgun.org",
    "mailjet": "spf.mailjet.com",
    "mandrill": "spf.mandrillapp.com",
    "microsoft": "spf.protection.outlook.com",
    "mimecast": "_netblocks.mimecast.com",
    "ovh": "mx.ovh.com",
    "postmark": "spf.mtasv.net",
    "proton": "_spf.protonmail.ch",
    "rackspace": "emailsrvr.com",
    "salesforce": "_spf.salesforce.com",
    "sendgrid": "sendgrid.net",
    "shopify": "shops.shopify.com",
    "sparkpost": "sparkpostmail.com",
    "zendesk": "mail.zendesk.com",
    "zoho": "zohomail.com",
}
"""Name of a service → domain of its SPF record."""


def mechanism_of(service: str) -> str | None:
    """``include:…`` of a service by its name, None for one that is not known."""
    domain = SERVICES.get(service.lower())
    return None if domain is None else f"include:{domain}"


def service_of(domain: str) -> str:
    """Name of the service behind an include, "" when it is not known."""
    return next((name for name, include in SERVICES.items() if include == domain.lower()), "")


def service_that_signs(domain: str) -> str:
    """Name of the service that sends mail proven for ``domain``, "" when it is not known: its include is under the same
    name."""
    signed = domain.lower().split(".")[-2:]
    return next((name for name, include in SERVICES.items() if include.split(".")[-2:] == signed), "")
