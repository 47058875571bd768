"""What the tests of the report share: a parsed page and the reports of a small run."""

from __future__ import annotations

import io
from html.parser import HTMLParser

from PIL import Image

from tfx_pipeline.report.contents import Contents
from tfx_pipeline.report.page import render
from tfx_pipeline.report.templating import environment, fill
from tfx_pipeline.runs.training_history import HistoryLine

IDS = ["PairExampleGen", "PairFilter", "Vocabulary", "Trainer", "Evaluator", "ServingValidator", "Pusher"]
VOID = {"meta", "img", "br", "line", "polyline", "circle"}


class Page(HTMLParser):
    """A parsed page, whose elements must close in order.

    Attributes:
      elements: (name, attributes) of each element.
      tables: of each table, its rows of cells' texts; a quiet second line in a cell follows a "|".
      text: all text outside of the style sheet.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "table":
            self.tables.append([])
        elif name == "tr":
            self.tables[-1].append([])
        elif name in ("td", "th"):
            self.tables[-1][-1].append("")
        elif name == "small" and "td" in self._open:
            self.tables[-1][-1][-1] += "|"
        if name not in VOID:
            self._open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self._open.pop() == name

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == name]


def tally(read: int, **dropped: int) -> dict:
    return {"read": read, "kept": read - sum(dropped.values()), "dropped": dropped}


SERVING = {
    "blessed": True,
    "reasons": [],
    "precision": "bfloat16",
    "least_cosine_to_float32": {"encode_image": 0.99994},
    "load_s": 5.25,
    "peak_memory_bytes": 600_000_000,
    "largest_difference": {"gRPC": {"encode_image": 1e-7, "encode_text": 0.0}},
    "latency_ms": {"gRPC": {"encode_image": {"p50": 4.06, "p99": 7.5}, "encode_text": {"p50": 1.94, "p99": 3.0}}},
}
INGEST = {
    "splits": {
        "train": {"images": tally(4230, no_image=9, image_too_large=3), "captions": tally(8448, not_utf8=7)},
        "seen": {"images": tally(1406), "captions": {**tally(2812, not_utf8=1), "noted": {"language_unknown": 4}}},
    },
    "samples": {"no_image": [{"record": "0.tar#k1", "detail": "members: <json>"}], "not_utf8": []},
    "labels": ["cat face", "dog face"],
    "unknown_fields": ["ingest.url_field is 'ulr', which no record has; did you mean 'url'?"],
}
FILTER = {
    "rules": [
        {"name": "shorter_side", "drops": "image", "threshold": 32, "source": "ALIGN section 3"},
        {"name": "aspect_ratio", "drops": "image", "threshold": 2.5, "source": "ALIGN section 3"},
        {"name": "evaluation_image", "drops": "image", "threshold": True, "source": "appendix A"},
        {"name": "too_few_words", "drops": "caption", "threshold": 3, "source": "ALIGN section 3"},
    ],
    "splits": {
        "train": {
            "filtered": True,
            "images": tally(4218, shorter_side=18, evaluation_image=4),
            "captions": tally(8441, shorter_side=36, evaluation_image=8, too_few_words=1397),
        },
        "seen": {"filtered": False, "images": tally(1406), "captions": tally(2811)},
    },
    "samples": {"too_few_words": [{"record": "0.tar#k2", "detail": "'cat' has 1 words"}]},
}
VOCABULARY = {
    "pieces": 4000,
    "words": 24311,
    "distinct_words": 5311,
    "captions": 7000,
    "unknown_word_rate": 0.0125,
    "pieces_per_word": 1.384,
    "least_word_count": 1,
    "languages": {
        "en": {
            "captions": 6000,
            "words": 21000,
            "distinct_words": 4311,
            "unknown_word_rate": 0.0,
            "pieces_per_word": 1.25,
        },
        "zh-Hans": {
            "captions": 1000,
            "words": 3311,
            "distinct_words": 1000,
            "unknown_word_rate": 0.0918,
            "pieces_per_word": 1.0,
        },
    },
}
METRICS = {
    "seen": {
        **{f"i2t_recall_at_{k}": 0.1 * k / 2 for k in (1, 5, 10)},
        **{f"t2i_recall_at_{k}": 0.12 + k / 25 for k in (1, 5, 10)},
        **{f"chance_{way}_recall_at_{k}": k / 1406 for way in ("i2t", "t2i") for k in (1, 5, 10)},
        "zero_shot_top_1": 0.451,
        "zero_shot_top_5": 0.793,
        "num_images": 1406.0,
        "num_captions": 2811.0,
        "num_classes": 16.0,
        "majority_class_share": 0.142,
        "chance_zero_shot": 1 / 16,
    }
}
HISTORY = [
    HistoryLine(
        step=step,
        steps=60,
        loss=11 - step / 10,
        temperature=0.07 - step / 2000,
        learning_rate=1e-3 * (1 - step / 60),
        in_batch_recall_at_1=step / 100,
        pairs_per_s=400.0 + step,
        seconds=2.0 * step,
        seconds_left=2.0 * (60 - step),
        gradient_norm=3.0 - step / 40,
        input_wait=0.01 + step / 10_000,
    )
    for step in (1, 10, 20, 30, 40, 50, 60)
]


def events_of(outputs: dict[str, dict[str, str]], upto: str | None = None) -> list[dict]:
    events: list[dict] = [{"event": "pipeline_started", "time": 1.0, "name": "tiny", "components": IDS}]
    for number, component in enumerate(IDS):
        events.append({"event": "component_started", "component": component, "time": 10.0 * number})
        if component == upto:
            return events
        done = {"event": "component_finished", "component": component, "time": 10.0 * number + 5, "state": "complete"}
        events.append({**done, "outputs": outputs.get(component, {})})
    return [*events, {"event": "pipeline_finished", "time": 99.0}]


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), colour).save(buffer, "PNG")
    return buffer.getvalue()


def page_of(contents: Contents) -> Page:
    return Page(render(contents, contents.record.run_dir))


def section_of(name: str, told: object) -> str:
    """Returns one section as HTML; `name` is its template's, and what the page calls that which it tells."""
    return fill(f"{name}.html.j2", **{name: told})


def drawn(kind: str, chart: dict) -> Page:
    """Returns a chart as SVG; `kind` is its template's name, and its macro's."""
    return Page(getattr(environment().get_template(f"{kind}.html.j2").module, kind)(chart))
