"""The settings that say which versions of a model score, and how new ones come into use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from worker.settings.types import PACKAGED_STORE, Ratio, Seconds, Share, TopicName


class ModelSettings(BaseSettings):
    """The part of `worker.settings.settings.Settings` that is about models."""

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

    shadow_topic: TopicName | None = Field(
        None, description="topic for what the shadow version says (none: metrics only)"
    )
    shadow_topic_holds: Literal["differences", "all"] = Field(
        "differences", description="which of the shadow's results go to its topic"
    )
    trial_budget_ratio: Share = Field(
        0.2, description="share of one core's time that the shadow, and stable beside a canary, may take of a worker"
    )
    canary_decision: Literal["apply", "recommend", "off"] = Field(
        "apply", description="what comes of the rule for canaries; recommend writes its verdict into the history only"
    )
    canary_min_records: int = Field(
        1_000, gt=0, description="a canary is promoted after so many compared records within all limits ..."
    )
    canary_min_seconds: Seconds = Field(600.0, description="... and so long")
    canary_max_failure_ratio: Ratio = Field(
        0.001, description="roll back when it cannot score a larger share of its records"
    )
    canary_max_difference_ratio: Ratio = Field(
        0.2, description="roll back when a larger share of its sentiments differs from stable's on the same records"
    )
    canary_max_mix_change_ratio: Ratio = Field(
        0.1, description="roll back when its class shares differ by more from stable's on the same records"
    )
    canary_max_coverage_loss_ratio: Ratio = Field(
        0.05, description="roll back when it knows a share of the words smaller by more"
    )
    canary_max_slowdown: Annotated[float, Field(gt=1, allow_inf_nan=False)] = Field(
        2.0, description="roll back when it takes more than so many times stable's processor time"
    )
