"""Keeps what Swift's programs tell out of the machine's own log.

Swift always writes to syslog, and to a UDP port of this machine where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swift.common.utils.logs import get_swift_logger

if TYPE_CHECKING:
    import logging


def console_alone(*settings: Any) -> None:
    """Take the handler for syslog away from a logger that Swift has just made.

    Called as ``log_custom_handlers`` of Swift are; the logger is the last but one of ``settings``.
    """
    logger: logging.Logger = settings[-2]
    handler = get_swift_logger.handler4logger.pop(logger)
    logger.removeHandler(handler)
    handler.close()
