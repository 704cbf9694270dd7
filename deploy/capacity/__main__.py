"""`python -m deploy.capacity --rate 100000`: partitions, workers, brokers, Redis and cost, with the arithmetic."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.capacity.inputs import CLIENTS, COMPRESSIONS, INPUTS, MODELS, values
from deploy.capacity.pages import arithmetic, table_of_inputs, table_of_rates
from deploy.capacity.plan import plan
from deploy.capacity.quantities import Need
from worker.docs.markdown import refreshed

DOCUMENT = Path(__file__).parents[1] / "capacity.md"


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 done, 2 bad use."""
    options = parser().parse_args(argv)
    if options.form == "document":
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(answer(options))
    return 0


def answer(options: argparse.Namespace) -> str:
    """What the flags ask for."""
    settings = {name: value for name, value in vars(options).items() if name not in ("form", "rates")}
    needs = [Need(rate=rate, **settings) for rate in options.rates]
    if options.form == "inputs":
        return table_of_inputs(INPUTS)
    if options.form == "table":
        return table_of_rates(needs)
    if options.form == "json":
        return "".join(json.dumps(_as_json(need)) + "\n" for need in needs)
    return "\n".join(arithmetic(plan(need, values())) for need in needs)


def document() -> str:
    """deploy/capacity.md as it is to be."""
    return refreshed(DOCUMENT.read_text(encoding="utf-8"), "deploy.capacity", _reported)


def _reported(flags: str) -> str:
    return answer(parser().parse_args(flags.split()))


def parser() -> argparse.ArgumentParser:
    """The flags; what is not said is as in `Need`."""
    defaults = Need(rate=1)
    flags = argparse.ArgumentParser(prog="python -m deploy.capacity", description=__doc__)
    flags.add_argument(
        "--rate",
        dest="rates",
        nargs="+",
        type=_above(0),
        default=[100_000.0],
        metavar="R",
        help="reviews a second (default: 100000)",
    )
    flags.add_argument("--model", choices=MODELS, default=defaults.model, help="default: %(default)s")
    flags.add_argument("--client", choices=CLIENTS, default=defaults.client, help="default: %(default)s")
    flags.add_argument(
        "--compression", choices=COMPRESSIONS, default=defaults.compression, help="of both topics (default: none)"
    )
    flags.add_argument("--replication", type=_at_least_one, default=defaults.replication, help="of topics (default: 3)")
    flags.add_argument("--readers", type=_at_least_one, default=defaults.readers, help="of the sentiments (default: 1)")
    flags.add_argument(
        "--retention-hours", type=_above(0), default=defaults.retention_hours, help="of both topics (default: 24)"
    )
    flags.add_argument(
        "--redis-expiry-seconds",
        type=_above(0),
        default=defaults.redis_expiry_seconds,
        help="SENTIMENT_REDIS_EXPIRY_SECONDS (default: 86400)",
    )
    flags.add_argument("--price", type=_above(0), default=defaults.price, help="of a core for an hour (default: 0.05)")
    forms = flags.add_mutually_exclusive_group()
    forms.add_argument("--table", dest="form", action="store_const", const="table", help="a Markdown table of rates")
    forms.add_argument("--json", dest="form", action="store_const", const="json", help="one object a rate")
    forms.add_argument("--inputs", dest="form", action="store_const", const="inputs", help="the figures it starts from")
    forms.add_argument(
        "--document", dest="form", action="store_const", const="document", help="write deploy/capacity.md anew"
    )
    return flags


def _as_json(need: Need) -> dict[str, Any]:
    made = plan(need, values())
    figures = {name: {"value": step.value, "arithmetic": step.arithmetic} for name, step in made.steps.items()}
    return {"need": dataclasses.asdict(need), "figures": figures}


def _above(least: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not least < value < float("inf"):
            raise ValueError(text)
        return value

    return number


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
