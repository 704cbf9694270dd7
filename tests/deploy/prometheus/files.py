"""What the tests of deploy/prometheus read: rules, their unit tests, the catalogue of metrics; and promtool."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from worker.errors import REASONS
from worker.observability.metrics import OUTCOMES, STAGES, Metrics

DEPLOY = Path(__file__).parents[3] / "deploy"
FOLDER = DEPLOY / "prometheus"
RULES = FOLDER / "rules" / "sentiment.yml"
UNIT_TESTS = sorted(RULES.parent.glob("*.test.yml"))

# What Prometheus adds to all that it scrapes, with a namespace in Kubernetes.
TARGET_LABELS = {"job", "instance", "namespace"}

_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w.:])([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?![\w:]*\s*\()")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_WORDS = {"and", "or", "unless", "offset", "bool"}


@cache
def rules(kind: str) -> list[dict[str, Any]]:
    """All rules that have a `record`, or an `alert`."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


@cache
def unit_tests() -> list[dict[str, Any]]:
    """Every test in every file of them."""
    return [test for path in UNIT_TESTS for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]


def selectors(expression: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each series that an expression reads: its name, and its matchers as (label, operator, value)."""
    plain = re.sub(r"\[[^\]]*\]|\boffset\s+\w+", " ", _GROUPING.sub(" ", expression))
    # Strings that are arguments, not matchers.
    plain = re.sub(r',\s*"[^"]*"(?=\s*[,)])', "", plain)
    found = _SELECTOR.findall(plain)
    return [(name, _MATCHER.findall(matchers)) for name, matchers in found if name not in _WORDS]


def grouping_labels(expression: str) -> set[str]:
    """Every label that an expression groups or joins by."""
    return {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")} - {""}


@cache
def catalogue() -> dict[str, set[str]]:
    """The labels of each series that a worker has, its process' among them, and of `up`."""
    series: dict[str, set[str]] = {"up": set()}
    metrics = Metrics()
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    series |= {sample.name: set() for sample in samples if sample.name.startswith("process_")}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            [family] = metric.describe()
            labels = set(metric._labelnames)
            if family.type == "histogram":
                series |= {f"{family.name}_{end}": labels for end in ("sum", "count")}
                series[f"{family.name}_bucket"] = labels | {"le"}
            else:
                series[family.name + ("_total" if family.type == "counter" else "")] = labels
    return series


@cache
def known_values(name: str) -> dict[str, set[str]]:
    """The values of those labels of a series that take no others."""
    buckets = {
        sample.labels["le"]
        for family in Metrics().registry.collect()
        for sample in family.samples
        if sample.name == name and "le" in sample.labels
    }
    return {"stage": {*STAGES}, "outcome": {*OUTCOMES}, "reason": {*REASONS}, "le": buckets}


def promtool(*arguments: object) -> str:
    """What promtool says; fails the test when it ends with an error."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed, which checks rules (Debian: apt install prometheus)")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
