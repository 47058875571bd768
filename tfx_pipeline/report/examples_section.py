"""What the report's section of example queries tells: each question with what came of it."""

from __future__ import annotations

from typing import Any

from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.report.example_answers import Question, SplitAnswers
from tfx_pipeline.wording import count


def examples_section(contents: Contents) -> list[dict[str, Any]] | Missing:
    """Returns of each split its questions, each with a phrase on how well it was answered."""
    answers = contents.answers
    if isinstance(answers, Missing):
        return answers
    return [_split(found) for found in answers] or Missing("The evaluation splits hold no image.")


def _split(found: SplitAnswers) -> dict[str, Any]:
    return {
        "split": found.split,
        "images": found.images,
        "captions": found.captions,
        "by_caption": [(asked, f"right image: {_place(asked.rank, found.images)}") for asked in found.by_caption],
        "by_label": [(asked, _hits(asked)) for asked in found.by_label],
        "by_image": [(asked, f"best own caption: {_place(asked.rank, found.captions)}") for asked in found.by_image],
    }


def _place(rank: int, of: int) -> str:
    return "first" if rank == 1 else f"place {count(rank)} of {count(of)}"


def _hits(question: Question) -> str:
    return f"{sum(answer.right for answer in question.answers)} of {len(question.answers)} right"
