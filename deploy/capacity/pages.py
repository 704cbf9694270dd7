"""Plans as people read them, and the document that shows some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploy.capacity.inputs import Input, values
from deploy.capacity.plan import plan
from deploy.capacity.quantities import Need, Plan
from worker.docs.markdown import table


def arithmetic(made: Plan) -> str:
    """Each quantity with the calculation that led to it."""
    width = max(len(name) for name in made.steps)
    need = made.need
    head = f"{need.rate:,.0f} reviews/s, model {need.model}, {need.client}, compression {need.compression}"
    lines = [f"    {name:{width}}  {step.text} = {step.arithmetic}" for name, step in made.steps.items()]
    return "\n".join([head, "", *lines]) + "\n"


def table_of_rates(needs: Sequence[Need]) -> str:
    """A Markdown table with a column for each."""
    plans = [plan(need, values()) for need in needs]
    rows = [[name, *(made.steps[name].text for made in plans)] for name in plans[0].steps]
    return table(["reviews a second", *(f"{need.rate:,.0f}" for need in needs)], rows, "---:")


def table_of_inputs(inputs: Mapping[str, Input]) -> str:
    """A Markdown table of what the arithmetic starts from."""
    rows = [[f"`{name}`", f"{each.value:,.12g}", each.meaning, _subscription(each)] for name, each in inputs.items()]
    return table(["input", "value", "what it is", "where it is from"], rows, "---")


def _subscription(each: Input) -> str:
    return f"measured: [{each.source.split('/')[-1]}](../{each.source})" if each.measured else f"chosen: {each.source}"
