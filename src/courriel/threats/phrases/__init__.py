"""What malicious messages say: tables of phrases by theme, found in one pass over the words of a message."""
