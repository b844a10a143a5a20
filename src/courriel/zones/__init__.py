"""What our domains say in the DNS: which records they need, what stands there, and how to bring it there."""
