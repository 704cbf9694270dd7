"""`python -m deploy.grafana.build` writes the dashboards' JSON into deploy/grafana/dashboards.

Grafana reads these files (see provisioning/), so they are kept beside the code, and a test holds them to it. Run it
after a change of a dashboard.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import batches, models, sentiment, stream

DIRECTORY = Path(__file__).with_name("dashboards")
DASHBOARDS = {"sentiment": sentiment, "stream": stream, "batches": batches, "models": models}


def dashboard_files() -> Iterator[tuple[Path, str]]:
    """Where each dashboard's JSON is kept, and the JSON."""
    for name, module in DASHBOARDS.items():
        yield DIRECTORY / f"{name}.json", json.dumps(module.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> int:
    """Write all of them."""
    DIRECTORY.mkdir(exist_ok=True)
    for path, text in dashboard_files():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
