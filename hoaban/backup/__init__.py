"""Backups from the engineer's side: what there is, one now, restores, and drills that prove them."""
