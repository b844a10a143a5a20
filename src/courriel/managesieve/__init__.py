"""ManageSieve: people keep their scripts by it.  RFC 5804."""
