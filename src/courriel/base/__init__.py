"""Words with no e-mail in them: errors, clocks, logs, metrics."""
