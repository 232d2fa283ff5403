"""Names: from a Vietnamese name to a slug."""

from __future__ import annotations

import re
import unicodedata

MAX_SLUG = 32


def slugify(name: str) -> str:
    """A slug for a name: "Sở Nội vụ" is `so-noi-vu`. Empty when nothing of the name can stay.

    Letters lose their diacritics (Unicode NFD, and đ, which has no decomposition); what is longer
    than a slug may be is cut at a word.
    """
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    slug = "-".join(words).lstrip("0123456789-")
    while len(slug) > MAX_SLUG and "-" in slug:
        slug = slug.rpartition("-")[0]
    return slug[:MAX_SLUG]
