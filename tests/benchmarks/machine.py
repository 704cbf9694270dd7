"""Where and with what a benchmark ran."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from deploy.local.kafka_jars import KAFKA_VERSION
from tests.benchmarks.environment import PINNED, ROOT

LIBRARIES = ("kafka-python", "confluent-kafka", "redis", "onnxruntime", "numpy", "msgspec", "keras", "tensorflow")


def describe() -> dict[str, Any]:
    """The machine, the versions, the commit and the date of this run."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": versions(),
    }


def commit() -> str:
    """The commit, with `-changed` when what is measured is not what was committed; `unknown` outside of git."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", "models", "worker")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}-changed" if changed else head


def cpu_model() -> str:
    """What the processor calls itself."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python, Kafka and the libraries that take part."""
    quix = re.search(r"^quixstreams==(\S+)", PINNED.read_text(encoding="utf-8"), re.MULTILINE)
    found = {"python": platform.python_version(), "kafka": KAFKA_VERSION, "quixstreams": quix[1] if quix else "none"}
    return found | {name: version(name) for name in LIBRARIES}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
