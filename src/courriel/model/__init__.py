"""The values and rules of a mail system.  Pure: nothing here knows a protocol, a database or a clock."""
