"""The project's own DNS resolver: asks forwarders, believes only what it has validated itself.

``open_resolver`` gives what ``ports.resolver.Resolver`` promises.  Wire and record formats are dnspython's; questions,
cache and validation are here.
"""

from courriel.net.dns.resolver import ValidatingResolver, open_resolver
from courriel.net.dns.settings import DnsSettings

__all__ = ["DnsSettings", "ValidatingResolver", "open_resolver"]
