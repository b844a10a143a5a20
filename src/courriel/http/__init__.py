"""The web server: policies and settings that other servers and mail programs ask for.  RFC 9110, RFC 9112."""
