"""Types of single settings: seconds, ratios, names of topics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

import models

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(ge=0, le=1)]

PACKAGED_STORE = str(Path(models.__file__).parent / "store")

_LEGAL = re.compile(r"[A-Za-z0-9._-]{1,249}")


def legal_topic(name: str) -> str:
    """The name as it is. Raises ValueError for one that no topic can have."""
    if name in (".", "..") or not _LEGAL.fullmatch(name):
        raise ValueError(
            "no topic can be named so: Kafka takes 1 to 249 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'"
        )
    return name


TopicName = Annotated[str, AfterValidator(legal_topic)]
