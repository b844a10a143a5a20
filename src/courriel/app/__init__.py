"""Assembly: the only floor that knows adapters, settings files and signals."""
