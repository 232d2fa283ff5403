"""The control catalogue: what a server must be hardened against, how that is done and checked.

The data are in ``catalogue/``, one file a family. The role ``hardening`` gets its settings from
them, the check ``hardening`` of ``hoaban verify`` what to read on hosts, ``docs/controls/`` its
pages: so that they can't disagree.
"""
