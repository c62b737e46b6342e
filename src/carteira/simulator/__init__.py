"""A Ploomes on loopback; it imports nothing of ours, so that it cannot agree with our mistakes."""
