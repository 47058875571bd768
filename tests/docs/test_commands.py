"""Every command that the documents and the presets name is there: subcommand, options, make target, script, flag."""

from __future__ import annotations

import re

import pytest
import typer

from pages import PAGES, PRESETS, ROOT, Command, commands, commands_of_comments, spans
from tfx_pipeline.cli import app
from tfx_pipeline.settings.config import load, preset_names
from tfx_pipeline.settings.sweeps import row_names

ALIGN = typer.main.get_command(app).commands
OF_GROUPS = [each for command in ALIGN.values() for each in getattr(command, "commands", {}).values()]
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
ALL = [*(command for page in PAGES for command in commands(page))]
OF_PRESETS = [*(command for preset in PRESETS for command in commands_of_comments(preset))]


def broken(command: Command) -> str:
    """Returns what is wrong with a command, or nothing."""
    program, *words = command.words
    if program == "align":
        return broken_align(words, command.is_typed)
    if program == "make":
        wrong = [word for word in words if "=" not in word and word not in TARGETS and word != "..."]
        return f"no target {wrong}" if wrong else ""
    if words[:1] == ["-m"] and len(words) > 1:
        return broken_script(f"{words[1].replace('.', '/')}.py", words[2:])
    script, *words = words if program == "python" else command.words
    return "run python -m" if script.startswith("benchmarks/") else broken_script(script, words)


def broken_align(words: list[str], is_typed: bool) -> str:
    if not words or words[0] == "--help":
        return ""
    name, *rest = words
    if name not in ALIGN:
        return f"align has no {name}"
    command = ALIGN[name]
    if rest and hasattr(command, "commands") and rest[0] != "...":
        name, *rest = rest
        if name not in command.commands:
            return f"align {words[0]} has no {name}"
        command = command.commands[name]
    if "--help" in rest or "..." in rest:
        return ""
    try:
        parsed = command.make_context(name, rest).params
    except Exception as error:
        is_short = type(error).__name__ == "MissingParameter" and not is_typed
        return "" if is_short else f"{type(error).__name__}: {error}"
    return broken_config(parsed.get("config"), parsed.get("set_") or [])


def broken_config(config: str | None, overrides: list[str]) -> str:
    """Returns what is wrong with --config and --set: a preset or a row that is there, or a file of the reader's own."""
    if config is None:
        return ""
    is_file = config.endswith(".yaml") or config.isupper()
    if not is_file and config not in [*preset_names(), *row_names()]:
        return f"--config {config} is no preset and no row"
    pairs = dict(pair.split("=", 1) for pair in overrides if pair != "section.field=value")
    try:
        load("small" if is_file else config, pairs)
    except ValueError as error:
        return str(error)
    return ""


def broken_script(script: str, words: list[str]) -> str:
    if not re.match(r"(scripts|benchmarks|demo)/", script):
        return ""  # a program of the reader's own
    path = ROOT / script
    if not path.is_file():
        return f"no file {script}"
    flags = [word for word in words if word.startswith("--")]
    missing = [flag for flag in flags if f'"{flag}"' not in path.read_text(encoding="utf-8")]
    return f"{script} takes no {missing}" if missing else ""


@pytest.mark.parametrize("command", ALL, ids=lambda command: f"{command.page}: {' '.join(command.words)}"[:90])
def test_a_command_of_the_documents_is_there(command):
    assert broken(command) == ""


@pytest.mark.parametrize("command", OF_PRESETS, ids=lambda command: f"{command.page}: {' '.join(command.words)}"[:90])
def test_a_command_of_a_preset_is_there(command):
    assert broken(command) == ""


@pytest.mark.parametrize("page", PAGES)
def test_an_option_that_is_spoken_of_is_one_of_the_commands(page):
    options = {
        option for command in [*ALIGN.values(), *OF_GROUPS] for parameter in command.params for option in parameter.opts
    }
    spoken = {re.match(r"-[\w-]*", span)[0] for span in spans(page) if span.startswith("-")}
    assert spoken <= options


def test_the_reader_finds_commands():
    named = {" ".join(command.words[:2]) for command in ALL}
    assert {"make demo", "make test", *(f"align {name}" for name in ALIGN)} <= named
    assert sum(command.is_typed for command in ALL) > 30


def test_each_preset_opens_with_its_command():
    told = {command.page for command in OF_PRESETS if command.words[:2] == ("align", "run")}
    assert set(PRESETS) - told == set()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("align rum", "align has no rum"),
        ("align run --confg demo", "NoSuchOption"),
        ("align index bild", "align index has no bild"),
        ("align index build --indx there", "NoSuchOption"),
        ("align run --config dem", "no preset"),
        ("align run --set training.step=1", "did you mean"),
        ("align ablate --config demo", "MissingParameter"),
        ("make dem", "no target"),
        ("python scripts/no.py", "no file"),
        ("python -m benchmarks.no", "no file"),
        ("python -m benchmarks.demo.quality --sides 2", "takes no"),
        ("python benchmarks/demo/quality.py", "python -m"),
        ("benchmarks/demo/quality.py --seeds 2", "python -m"),
    ],
)
def test_a_wrong_command_is_caught(words, said):
    assert said in broken(Command("page", tuple(words.split()), is_typed=True))
