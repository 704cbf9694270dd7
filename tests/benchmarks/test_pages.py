"""Every measured figure on a page is one of a file of results."""

import re
from pathlib import Path

import pytest

from tests.benchmarks import figures, results
from tests.benchmarks.figures import result, row
from tests.pages import README, read, section

PAGES = dict(figures.pages())
BENCHMARKS = Path(__file__).with_name("README.md")
KAFKA_PYTHON, LIBRDKAFKA = (f"worker, {client}, exactly once" for client in figures.CLIENTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_a_page_is_as_the_results_have_it(page: Path) -> None:
    assert read(page) == PAGES[page], "write it anew: make docs"


def test_nothing_measured_stands_beside_what_is_taken_from_results() -> None:
    prose = re.sub(r"<!-- python -m .*?<!-- end -->", "", section(read(BENCHMARKS), "Figures"), flags=re.DOTALL)
    assert not re.search(r"(?<!p)(?<!p9)\d", prose)


def test_the_readme_tells_how_fast_it_is_in_four_rows_and_nowhere_else() -> None:
    prose, shown = re.split(r"<!-- python -m .*-->\n", section(read(README), "How fast"))
    assert len([line for line in shown.splitlines() if line.startswith("| `")]) == 4
    assert not re.search(r"\d+ (ms|MB|µs)|per CPU-second", prose)


def test_figures_are_written_as_they_were_measured() -> None:
    fast, late = row("2026-11-21-e8d6ed8", "throughput", LIBRDKAFKA), row("2026-11-21-fc9c0c6", "latency", LIBRDKAFKA)
    assert (fast["reviews_per_cpu_second"], late["committed_seconds"]["p99"]) == (12_256.6, 0.0186)
    assert "| `imdb`, librdkafka | 12,257 | 4 / 19 ms | 172 MB |" in read(README)


@pytest.mark.parametrize("each", result("2026-11-22-c719aca-swaps")["swaps"], ids=lambda each: each["contender"])
def test_a_new_version_holds_the_stream_up_for_less_than_fifty_milliseconds(each: dict[str, dict[str, float]]) -> None:
    assert each["with_seconds"]["p99"] - each["without_seconds"]["p99"] < 0.05


@pytest.mark.parametrize("client", figures.CLIENTS)
def test_a_trial_costs_less_than_a_tenth_of_a_core(client: str) -> None:
    rows = [each for each in result("2026-11-22-fae7f41")["trials"] if client in each["contender"]]
    alone, *tried = (each["cpu_ratio"] for each in rows)
    assert len(tried) == 2
    assert max(tried) - alone < 0.1


def test_a_part_is_shown_as_on_its_own_page_without_the_heading() -> None:
    page = results.to_markdown(result("2026-11-22-c719aca"))
    assert page.endswith(results.section(result("2026-11-22-c719aca"), "costs"))
    assert not results.section(result("2026-11-22-c719aca"), "costs").startswith("#")
