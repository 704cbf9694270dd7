"""The settings that say which versions of a model score, and how new ones come into use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

import models

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]

PACKAGED_STORE = str(Path(models.__file__).parent / "store")


class ModelSettings(BaseSettings):
    """The part of `worker.settings.Settings` that is about models."""

    model_store: str = Field(
        PACKAGED_STORE,
        min_length=1,
        description="directory or URL (s3://bucket/path) of model versions (default: the one that comes along)",
    )
    model_cache: Path | None = Field(
        None, description="directory for versions fetched from a store elsewhere (default: one of the user's)"
    )
    model_public_key_file: Path | None = Field(
        None, description="PEM file of an Ed25519 public key: versions that it does not vouch for are refused"
    )
    model_name: str = Field("reviews", min_length=1, description="model to score with")
    model_label: str = Field("stable", min_length=1, description="label that picks the model's version")
    model_poll_seconds: Seconds = Field(5.0, description="how often to look for changed labels")
    model_fallback: Literal["never", "newest"] = Field(
        "never",
        description="whether the newest version that can be used serves when the labelled one cannot at the start",
    )
