#!/bin/sh
# A server that was built anew sees the history of the one before it, and goes on with it.
set -eux
before=$(hoaban-backup list | wc -l)
test "$before" -gt 3
hoaban-backup run
test "$(hoaban-backup list | wc -l)" = $((before + 1))
