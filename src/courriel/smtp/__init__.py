"""SMTP and LMTP: taking mail from others, and giving it to them.  RFC 5321, RFC 2033, RFC 6409."""
