"""Tables for people, who read them in a terminal, and for what stands behind a pipe."""

from rich.console import Console
from rich.table import Table

_UNLIMITED_COLUMNS = 1_000_000


def print_table(table: Table) -> None:
    """Prints a table as wide as the terminal is; elsewhere nothing is cut or wrapped to any width."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNLIMITED_COLUMNS)
    console.print(table, markup=False)
