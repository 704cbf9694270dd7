"""The parts of commands.md, from the parsers of all commands."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator

from worker.__main__ import COMMANDS
from worker.docs.markdown import code, table

PROGRAM = "kafka-sentiment"
# The other packages' commands stand below a word of the one command; the layers forbid to import them by name here.
GROUPS = {"models": ("models.__main__", f"{PROGRAM} models"), "train": ("trainer.__main__", f"{PROGRAM} train")}
# As each package calls itself when it is run by its own name.
OWN_NAMES = {
    "python -m worker": PROGRAM,
    "python -m models": f"{PROGRAM} models",
    "python -m trainer": f"{PROGRAM} train",
}
_SETTINGS = "settings "


def parsers() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Every command's words, what it does in one sentence, and its parser."""
    for name, (module, sentence) in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=sentence)
        importlib.import_module(f"worker.commands.{module}").add_arguments(parser)
        yield from _leaves(parser.prog, sentence, parser)
    for module, program in GROUPS.values():
        yield from _leaves(program, "", importlib.import_module(module).command_parser())


def overview() -> str:
    """A row for each command."""
    rows = [[f"[{code(words)}](#{words.replace(' ', '-')})", sentence] for words, sentence, _ in parsers()]
    return table(["command", "what it does"], rows)


def every() -> str:
    """A section for each command."""
    return "".join(_section(*each) for each in parsers())


def _leaves(
    words: str, sentence: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not nested:
        yield words, sentence.rstrip("."), parser
    for action in nested:
        sentences = {each.dest: each.help or "" for each in action._choices_actions}
        for name, child in action.choices.items():
            yield from _leaves(f"{words} {name}", sentences[name], child)


def _section(words: str, sentence: str, parser: argparse.ArgumentParser) -> str:
    settings = [group for group in parser._action_groups if (group.title or "").startswith(_SETTINGS)]
    skipped = {id(action) for group in settings for action in group._group_actions}
    actions = [each for each in parser._actions if id(each) not in skipped and each.dest != "help"]
    actions.sort(key=lambda action: bool(action.option_strings))
    lines = [f"### {words}\n\n{sentence[0].upper()}{sentence[1:]}.", f"    {_usage(words, actions, bool(settings))}"]
    if actions:
        lines.append(table(["argument", "meaning"], ([_spelled(each), _meaning(each)] for each in actions)).rstrip())
    if settings:
        lines.append("Every [setting](settings.md) that is no secret is a flag here too.")
    if parser.epilog:
        lines.append(f"```text\n{_renamed(parser.epilog)}\n```")
    return "\n\n".join(lines) + "\n\n"


def _usage(words: str, actions: list[argparse.Action], settings: bool) -> str:
    needed = [_plain(each) for each in actions if each.option_strings and each.required]
    rest = ["[FLAGS]"] if settings or any(each.option_strings and not each.required for each in actions) else []
    return " ".join([words, *needed, *(_plain(each) for each in actions if not each.option_strings), *rest])


def _plain(action: argparse.Action) -> str:
    """The action as people type it: its last name where it has several, and its value."""
    value = str(action.metavar or action.dest.upper())
    if action.choices is not None and action.metavar is None:
        value = "|".join(map(str, action.choices))
    if not action.option_strings:
        return {"*": f"[{value} ...]", "+": f"{value} ...", "?": f"[{value}]"}.get(str(action.nargs), value)
    return action.option_strings[-1] if action.nargs == 0 else f"{action.option_strings[-1]} {value}"


def _spelled(action: argparse.Action) -> str:
    return code(", ".join([*action.option_strings[:-1], _plain(action)]))


def _meaning(action: argparse.Action) -> str:
    """The help of an argument, as `--help` has it."""
    text = (action.help or "") % vars(action)
    return _renamed(text).replace("|", "\\|") + (" (required)" if action.option_strings and action.required else "")


def _renamed(text: str) -> str:
    for own, words in OWN_NAMES.items():
        text = text.replace(own, words)
    return text
