"""`python -m tests.faults [NAME ...]`: apply each seeded fault in a copy and see that its tests fail. See README.md."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.faults.catalogue import FOLDER, ROOT, BadFault, Fault, read_faults
from tests.faults.pytest_runs import ERROR, FAILED, PASSED, PatchRefused, Run, apply_patch, copied_tree, run_tests

FOUND = "found"
NOT_FOUND = "NOT FOUND"
NOT_APPLIED = "does not fit"
RED_WITHOUT = "red without it"
NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a fault; `detail` is the test that found it, or a plain sentence about what is wrong."""

    fault: Fault
    word: str
    detail: str
    seconds: float = 0.0


def main(argv: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Exit status 0 when all faults are found, 1 when one is not, 2 for bad use."""
    options = parser().parse_args(argv)
    try:
        faults = read_faults(folder, options.names)
    except BadFault as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.list:
        sys.stdout.writelines(f"{fault.name:<34} {fault.what}\n" for fault in faults)
        return 0
    started = time.monotonic()
    verdicts = []
    for verdict in try_all(faults, options.jobs):
        verdicts.append(verdict)
        sys.stdout.write(f"{verdict.word:<14} {verdict.seconds:6.1f} s  {verdict.fault.name:<34} {verdict.detail}\n")
        sys.stdout.flush()
    found = sum(verdict.word == FOUND for verdict in verdicts)
    sys.stdout.write(f"{found} of {len(verdicts)} faults were found in {time.monotonic() - started:.0f} s.\n")
    return 0 if found == len(verdicts) else 1


def parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="See that the tests find known faults.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to try (default: all)")
    parser.add_argument("--list", action="store_true", help="show the faults and what each does; runs nothing")
    parser.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="faults to try at once (default: 1)")
    return parser


def try_all(faults: Sequence[Fault], jobs: int) -> Iterator[Verdict]:
    """A verdict for each, in the order of the faults; all share one run of their tests without any of them."""
    fitting = []
    for fault in faults:
        if unfit := _why_unfit(fault):
            yield Verdict(fault, NOT_APPLIED, unfit)
        else:
            fitting.append(fault)
    if not fitting:
        return
    with copied_tree() as tree:
        tests = dict.fromkeys(test for fault in fitting for test in fault.tests)
        without = run_tests(tree, list(tests), stop_at_first=False)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda fault: _try(fault, without), fitting)


def _why_unfit(fault: Fault) -> str:
    """What keeps a fault from being tried in the tree as it is; empty where nothing does."""
    if missing := fault.missing_tests():
        return f"There is no test {missing[0]}."
    try:
        apply_patch(fault.patch, ROOT, only_check=True)
    except PatchRefused as refusal:
        return f"The patch no longer fits: {refusal}."
    return ""


def _try(fault: Fault, without: Run) -> Verdict:
    if problem := why_it_cannot_tell(fault, without):
        return problem
    started = time.monotonic()
    with copied_tree() as tree:
        apply_patch(fault.patch, tree)
        run = run_tests(tree, fault.tests, stop_at_first=True)
    return judged(fault, run, time.monotonic() - started)


def why_it_cannot_tell(fault: Fault, without: Run) -> Verdict | None:
    """The verdict on a fault whose tests are red or skipped without it; None where they can find it."""
    if without.complaint:
        return Verdict(fault, NOT_RUN, f"Without the patch the tests could not run: {without.complaint}.")
    outcomes = without.of(fault.tests)
    if red := [node for node, outcome in outcomes.items() if outcome in (FAILED, ERROR)]:
        return Verdict(fault, RED_WITHOUT, f"{red[0]} fails without the patch too.")
    if PASSED not in outcomes.values():
        return Verdict(fault, NOT_RUN, "All of its tests are skipped on this machine.")
    return None


def judged(fault: Fault, run: Run, seconds: float) -> Verdict:
    """What a run with the patch says: only a test that failed has found the fault, not one that hung or never began."""
    if failed := run.first(FAILED):
        return Verdict(fault, FOUND, failed, seconds)
    if run.complaint:
        return Verdict(fault, NOT_RUN, f"With the patch the tests could not run: {run.complaint}.", seconds)
    if broken := run.first(ERROR):
        return Verdict(
            fault, NOT_RUN, f"With the patch {broken} could not begin or did not end, which finds nothing.", seconds
        )
    return Verdict(fault, NOT_FOUND, f"No test notices it. Harm: {fault.harm}", seconds)


def _jobs(text: str) -> int:
    most = 4 * (os.cpu_count() or 1)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to {most}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
