"""How a person gets what only some need and is not installed."""


def how_to_install(extra: str) -> str:
    """The advice for one of the extras in pyproject.toml."""
    return f"install the extra {extra}, as with `pip install '.[{extra}]'` in a checkout (`make setup` there has it)"
