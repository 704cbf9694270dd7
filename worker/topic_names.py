"""What Kafka takes for the name of a topic; its clients crash on others, or ask for them for ever."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LEGAL = re.compile(r"[A-Za-z0-9._-]{1,249}")


def legal_topic(name: str) -> str:
    """The name as it is. Raises ValueError for one that no topic can have."""
    if name in (".", "..") or not _LEGAL.fullmatch(name):
        raise ValueError(
            "no topic can be named so: Kafka takes 1 to 249 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'"
        )
    return name


TopicName = Annotated[str, AfterValidator(legal_topic)]
