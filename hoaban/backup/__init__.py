"""Backups from the engineer's side: lists, one now, restores, and drills that prove them."""
