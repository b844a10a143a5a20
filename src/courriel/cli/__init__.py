"""The command line.  It asks through ``ports.administration`` and ``doors``, and knows no adapter."""
