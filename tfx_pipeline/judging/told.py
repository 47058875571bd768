"""How numbers of a row are told in words: on the terminal while a suite is judged, and in comparisons."""

from __future__ import annotations

from components.evaluator.tasks.judged import Judged, Number
from components.evaluator.tasks.measures import MEASURES, Measure
from tfx_pipeline.wording import NOTHING, measure, percent

HEADLINES = 3  # numbers of a row that one line has room for


def told(name: str, number: Number) -> str:
    """Returns a number with its interval: 41.2 % (38.0 to 44.1)."""
    if number.value != number.value:
        return NOTHING
    if number.low != number.low:
        return amount(name, number.value)
    return f"{amount(name, number.value)} ({bare(name, number.low)} to {bare(name, number.high)})"


def amount(name: str, value: float) -> str:
    """Returns a value with its unit: 41.2 %, 72.9 for a correlation of 0.729, 7 for a rank."""
    return percent(value) if _of(name).unit == "share" else bare(name, value)


def bare(name: str, value: float) -> str:
    """Returns a value without its unit, shares and correlations times 100."""
    if value != value:
        return NOTHING
    return measure(value) if _of(name).unit == "rank" else f"{100 * value:.1f}"


def title(name: str) -> str:
    """Returns what a number is called."""
    return _of(name).title


def line(judged: Judged) -> str:
    """Returns a row in one line: what was judged, then its first numbers."""
    what = f"{judged.dataset}  {judged.task.replace('_', ' ')}{f'  {judged.language}' if judged.language else ''}"
    numbers = [f"{title(name)} {told(name, number)}" for name, number in list(judged.numbers.items())[:HEADLINES]]
    return f"{what:<34}  {'   '.join(numbers)}"


def _of(name: str) -> Measure:
    return MEASURES.get(name) or Measure(name.replace("_", " "))
