"""What happens to a message between the doors: judged, completed, routed, expanded, delivered or queued."""
