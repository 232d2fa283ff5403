"""What the role puts on hosts can be imported."""

from __future__ import annotations

import sys

from hoaban.workspace import toolkit_root

sys.path.insert(0, str(toolkit_root() / "roles/wireguard/files"))
