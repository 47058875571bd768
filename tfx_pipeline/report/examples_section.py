"""The report's section of example queries: texts with the images they find, and images with their captions."""

from __future__ import annotations

from tfx_pipeline.report.blocks import note, picture, section
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.report.example_answers import Answer, Question, SplitAnswers
from tfx_pipeline.report.markup import Child, Markup, tag
from tfx_pipeline.wording import count, counted

TEXTS_SHOWN = 8  # of a class; a large ensemble has hundreds


def examples_section(contents: Contents) -> Markup:
    """Returns the questions with their best answers, right ones marked."""
    answers = contents.answers
    if isinstance(answers, Missing):
        return section("Example queries", note(answers.why))
    if not answers:
        return section("Example queries", note("The evaluation splits hold no image."))
    return section(
        "Example queries",
        [_split(found) for found in answers],
        lead="Taken evenly from the evaluation splits, none chosen by its outcome. Right answers are framed in green; "
        "figures are cosines. A class asks as it does in zero-shot classification.",
    )


def _split(found: SplitAnswers) -> Child:
    images, captions = counted(found.images, "image"), counted(found.captions, "caption")
    return [
        tag("h3", f"{found.split}: a caption asks, {images} answer"),
        [_text_question(question, _image_rank(question, found.images)) for question in found.by_caption],
        tag("h3", f"{found.split}: a class asks, {images} answer") if found.by_label else None,
        [_text_question(question, _hits(question), _asked_as(question)) for question in found.by_label],
        tag("h3", f"{found.split}: an image asks, {captions} answer"),
        tag("div", [_image_question(question, found.captions) for question in found.by_image], class_="cards"),
    ]


def _text_question(question: Question, outcome: str, asked_as: Child = None) -> Markup:
    asked = tag("div", tag("q", question.text), tag("small", outcome), asked_as, class_="asked")
    return tag("div", asked, tag("div", [_tile(answer) for answer in question.answers], class_="tiles"), class_="row")


def _tile(answer: Answer) -> Markup:
    score = tag("figcaption", _cosine(answer.score))
    return tag("figure", picture(answer.thumbnail, answer.text), score, class_=_right(answer))


def _image_question(question: Question, captions: int) -> Markup:
    listed = [
        tag("li", answer.text, tag("small", _cosine(answer.score)), class_=_right(answer))
        for answer in question.answers
    ]
    outcome = tag("small", f"best own caption: {_place(question.rank, captions)}")
    return tag("div", picture(question.thumbnail, question.text), tag("div", tag("ol", listed), outcome), class_="card")


def _image_rank(question: Question, images: int) -> str:
    return f"right image: {_place(question.rank, images)}"


def _place(rank: int, of: int) -> str:
    return "first" if rank == 1 else f"place {count(rank)} of {count(of)}"


def _cosine(score: float) -> str:
    return f"{round(score, 2) + 0.0:.2f}"  # adding zero turns a negative zero into a plain one


def _asked_as(question: Question) -> Child:
    """Returns the texts that stood for a class, the first of many; nothing where that was its label alone."""
    if question.asked_as in ((), (question.text,)):
        return None
    shown = [[", " if place else "", tag("q", text)] for place, text in enumerate(question.asked_as[:TEXTS_SHOWN])]
    rest = len(question.asked_as) - TEXTS_SHOWN
    return tag("small", "asked as ", shown, f" and {count(rest)} more" if rest > 0 else None)


def _hits(question: Question) -> str:
    return f"{sum(answer.right for answer in question.answers)} of {len(question.answers)} right"


def _right(answer: Answer) -> str | None:
    return "right" if answer.right else None
