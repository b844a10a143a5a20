"""The client's side of SMTP and LMTP, for the relay and for our own commands.

``SmtpClient.connect(Peer(…))`` → ``send(Outgoing)`` → one ``Attempt`` for each recipient.  Inside: ``opening`` makes
a session of a connection, ``plan`` writes the commands, ``transaction`` judges the replies, ``link`` carries octets.
"""

from courriel.smtp.client.connection import SmtpClient
from courriel.smtp.client.errors import NoSession
from courriel.smtp.client.link import Trace
from courriel.smtp.client.message import Outgoing, outgoing
from courriel.smtp.client.opening import Peer
from courriel.smtp.client.settings import ClientSettings

__all__ = ["ClientSettings", "NoSession", "Outgoing", "Peer", "SmtpClient", "Trace", "outgoing"]
