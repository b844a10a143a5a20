"""POP3: fetching mail and taking it away.  RFC 1939, with RFC 2449, 2595, 3206, 5034, 6856."""
