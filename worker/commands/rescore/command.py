"""`python -m worker rescore`: a range of the input once more, with a chosen version, into a topic of its own."""

from __future__ import annotations

import argparse
import sys
import time

import msgspec

from models.artifact import read_manifest
from models.errors import ModelError
from models.registry.registry import Registry, Resolved
from models.scorer import Scorer
from worker.commands.common import connect
from worker.commands.common.arguments import positive
from worker.commands.common.terminal import sigterm_as_ctrl_c
from worker.commands.rescore.job import Job, State, remembered, with_both
from worker.commands.rescore.offsets import bound
from worker.commands.rescore.progress import rescore_bar
from worker.commands.rescore.report import lines, read_figures, to_json
from worker.commands.rescore.runner import Run
from worker.commands.rescore.scoring import Rescorer
from worker.commands.rescore.start import begin, create_target, find_version, for_range, make_job, patiently
from worker.commands.rescore.throttle import LiveLag, Throttle
from worker.errors import StopWorker
from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, Subscription
from worker.messages import ReviewDecoder
from worker.serving.loader import open_registry, trusted_keys
from worker.settings.settings import Settings

_EXAMPLES = """examples:
  python -m worker rescore --model reviews@3 --to sentiments.rescored --create-topic
  python -m worker rescore --model reviews@3 --to sentiments.rescored --from 2026-01-31 --until 2026-02-01T12:00:00Z
  python -m worker rescore --model reviews@canary --to sentiments.rescored --from 2h --rate 500 --json
  python -m worker rescore --model reviews@3 --to sentiments.rescored --from 0:5000,1:4980 --until 0:6000,1:6000"""
_USAGE = "--model NAME@VERSION --to TOPIC [--from START] [--until END] [--create-topic] [--append] [--rate N] [--json]"
_BOUND = "a time (UTC unless it says otherwise), an age such as 2h, an offset, or pairs of partition and offset"
_OTHERS_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rescore`."""
    parser.add_argument("--model", required=True, metavar="NAME@VERSION", help="version to score with; or NAME@LABEL")
    parser.add_argument("--to", required=True, metavar="TOPIC", help="topic to write the sentiments to")
    parser.add_argument(
        "--from", dest="since", type=bound, metavar="START", help=f"begin at {_BOUND} (default: the beginning)"
    )
    parser.add_argument(
        "--until", type=bound, metavar="END", help="end before it, given likewise (default: the end as it stands now)"
    )
    parser.add_argument(
        "--group", metavar="NAME", help="consumer group that remembers how far it is (default: by version and topic)"
    )
    parser.add_argument(
        "--append", action="store_true", help="begin also where the topic holds records that this group did not write"
    )
    parser.add_argument("--create-topic", action="store_true", help="create the topic if it is missing")
    parser.add_argument(
        "--replication", type=int, default=-1, help="replicas of a topic to create (default: what the brokers say)"
    )
    parser.add_argument(
        "--max-live-lag",
        type=positive,
        default=1_000,
        metavar="N",
        help="wait while the workers' group has more records than this left to read (default: 1000)",
    )
    parser.add_argument("--rate", type=positive, metavar="N", help="at most so many reviews a second")
    connect.add_arguments(parser, _USAGE, _EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Rescore what is left of the range and tell what came of all of it; 130 after Ctrl-C or SIGTERM."""
    sigterm_as_ctrl_c()
    settings = connect.prepare(arguments)
    registry = open_registry(settings)
    job = make_job(settings, find_version(registry, arguments.model), arguments.to, arguments.group)
    job = for_range(job, arguments.since, arguments.until)
    started = time.monotonic()
    try:
        with connect.connected(settings, None) as asking:
            if arguments.create_topic:
                patiently(settings, lambda: create_target(asking, job, arguments.replication))
            state = patiently(settings, lambda: begin(asking, job, arguments.since, arguments.until, arguments.append))
            if state.remaining:
                _say(arguments, _plan(job, state))
                state = _rescore(asking, job, state, settings, arguments, registry)
            else:
                _say(arguments, f"Group {job.group} has finished this range: nothing is left to score.")
        if state.remaining:
            _leave(arguments, job, state)
            return 0
        _report(settings, job, state, arguments, registry, time.monotonic() - started)
    except KeyboardInterrupt:
        sys.stderr.write("stopped: the same command goes on from here\n")
        return 130
    return 0


def _rescore(
    asking: Broker, job: Job, state: State, settings: Settings, arguments: argparse.Namespace, registry: Registry
) -> State:
    keys = trusted_keys(settings)
    try:
        scorer = Scorer.load_version(registry.resolve(job.model), public_keys=keys)
        scorer.warm_up()
    except ModelError as error:
        raise StopWorker(str(error)) from error
    decoder = ReviewDecoder(settings.id_field, settings.text_field, settings.max_record_bytes)
    live_lag = LiveLag(asking, settings.kafka_group_id, job.topic)
    if patiently(settings, live_lag) is None:
        _say(arguments, f"Group {settings.kafka_group_id} has read nothing of topic {job.topic}: it is not waited for.")
    throttle = Throttle(live_lag, arguments.max_live_lag, arguments.rate)
    # Where old records were deleted meanwhile, the oldest that are left come next.
    subscription = Subscription(job.topic, job.group, EARLIEST)
    name = f"{job.group}-{settings.instance_id}" if settings.instance_id else job.group
    transactional_id = name if settings.delivery == "exactly_once" else None
    with connect.connected(settings, subscription, job.to, transactional_id=transactional_id) as broker:
        run = Run(broker, Rescorer(scorer, decoder, job.to), job, state, throttle, settings)
        with rescore_bar(state.total - state.remaining, state.total) as show:
            run.to_end(show)
    return _with_others(asking, job, run.state)


def _with_others(asking: Broker, job: Job, state: State) -> State:
    """With what other members did; what they committed a moment ago may not show at once."""
    deadline = time.monotonic() + _OTHERS_SECONDS
    while state.remaining and time.monotonic() < deadline:
        time.sleep(_OTHERS_SECONDS / 20)
        seen = remembered(asking, job)
        state = with_both(state, seen) if seen else state
    return state


def _plan(job: Job, state: State) -> str:
    done = f", of which {state.total - state.remaining:,} are done," if state.remaining < state.total else ""
    return (
        f"Scoring {state.total:,} offsets{done} of topic {job.topic} ({job.given}) with {job.model} "
        f"into topic {job.to}, as group {job.group}."
    )


def _report(
    settings: Settings, job: Job, state: State, arguments: argparse.Namespace, registry: Registry, seconds: float
) -> None:
    try:
        compared = score_class(registry.resolve(job.model))
    except ModelError as error:
        raise StopWorker(str(error)) from error
    statistics = read_figures(settings, job, state, compared)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(to_json(job, state, statistics, seconds)).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(job, state, statistics, settings.output_topic))


def _leave(arguments: argparse.Namespace, job: Job, state: State) -> None:
    _say(arguments, f"{state.remaining:,} offsets are left to the other processes of group {job.group}.")
    if arguments.json:
        sys.stdout.write(msgspec.json.encode({"group": job.group, "left": state.remaining}).decode() + "\n")


def score_class(resolved: Resolved) -> str:
    """The class whose scores are compared: positive, or the last one of a model that does not know it."""
    classes = read_manifest(resolved.path).classes
    return "positive" if "positive" in classes else classes[-1]


def _say(arguments: argparse.Namespace, sentence: str) -> None:
    if not arguments.json:
        sys.stdout.write(sentence + "\n")
        sys.stdout.flush()
