"""The OpenStack provider against a cloud in memory, reached by real HTTP sessions."""
