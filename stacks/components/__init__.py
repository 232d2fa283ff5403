"""Components of the stacks: each a ``XxxProps`` and a ``XxxComponent`` of its own type token."""
