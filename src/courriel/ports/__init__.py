"""What the upper floors ask of the outside: Protocols in the words of mail, one a module, no code."""
