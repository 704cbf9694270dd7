"""Schemas of what Kubernetes itself does not know: custom resources, as strict as `kubectl apply --validate=strict`."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

DIRECTORY = Path(__file__).with_name("schemas")


@cache
def custom_schema(kind: str, api_version: str) -> dict[str, Any]:
    """The JSON schema of a custom resource. Raises KeyError where its definition is not in `schemas`."""
    definitions = [yaml.safe_load(path.read_text(encoding="utf-8"))["spec"] for path in DIRECTORY.glob("*.yaml")]
    found = {
        (spec["names"]["kind"], f"{spec['group']}/{version['name']}"): version["schema"]["openAPIV3Schema"]
        for spec in definitions
        for version in spec["versions"]
    }
    schema = dict(_strict(found[kind, api_version]))
    # Whatever Kubernetes itself says about these is checked with Kubernetes' own schemas.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _strict(schema: Any) -> Any:
    """The schema with unknown fields refused, and with either of its types for what may be a number or a text."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        made.setdefault("additionalProperties", False)
    return made
