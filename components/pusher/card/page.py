"""A model card as a page: the facts of facts.py in Markdown, with the head that Hugging Face reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
_NOTHING = "-"
_METRICS = {"i2t": "image → text", "t2i": "text → image", "zero_shot": "zero-shot"}
_USE = (
    "Embeds images and texts into one space, where a cosine says how well they fit: search by text or by image, and "
    "classification by names."
)
_LIMITS = (
    "It learnt from noisy captions: what they leave out it does not know, and what they repeat, prejudice included, it "
    "repeats.",
    "A cosine is no probability. Those of `similarity` and `classify` are shares among the texts of the request.",
    "It was judged on the splits below alone; on other pictures or languages it may do worse.",
)


def page(card: Json) -> str:
    """Returns the card as Markdown; what nobody said is said to be missing, with the field of the config."""
    return "\n".join([*_head(card), *_body(card)]) + "\n"


def _head(card: Json) -> Iterator[str]:
    """Yields the YAML by which Hugging Face lists models; JSON's texts are YAML's."""
    yield "---"
    if card["licence"]:
        yield f"license: {json.dumps(card['licence'].lower())}"
    languages = [tag for tag in card["data"]["languages"] or {} if tag not in ("und", "other")]
    if languages:
        yield f"language: {json.dumps(languages)}"
    yield "library_name: tensorflow"
    yield "pipeline_tag: zero-shot-image-classification"
    yield 'tags: ["align", "dual-encoder", "image-text-retrieval"]'
    yield "---"


def _body(card: Json) -> Iterator[str]:
    yield f"# {card['name'] or 'align'}"
    yield ""
    yield f"An image-text dual encoder (ALIGN, arXiv:2102.05918), pushed {card['pushed']}."
    yield ""
    yield f"- **Licence:** {_said(card['licence'], 'licence')}"
    yield f"- **Contact:** {_said(card['contact'], 'contact')}"
    yield from _section("Intended use", [_USE, "", _said(card["intended_use"], "intended_use")])
    yield from _section("Limits", [*(f"- {line}" for line in _LIMITS), f"- {_said(card['limits'], 'limits')}"])
    yield from _section("Data", _data(card["data"]))
    yield from _section("Filter", _filter(card["filter"]))
    yield from _section("Training", _training(card["training"]))
    yield from _section("Evaluation", _evaluation(card["evaluation"]))
    yield from _section("Serving", _serving(card["serving"]))
    yield from _section("Lineage", _lineage(card["lineage"]))


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from lines


def _said(text: str | None, field: str) -> str:
    return text if text else f"not stated; the config's field `card.{field}` says it"


def _data(data: Json) -> Iterator[str]:
    yield _said(data["said"], "data")
    yield ""
    for name, place in data["sources"].items():
        yield f"- **{name}:** `{place}`"
    if data["ingest"] is None:
        yield "- What ingest read was not recorded."
        return
    yield ""
    yield from _balance(data["ingest"])
    reasons = [
        [split, kind, f"`{reason}`", count]
        for split, kinds in data["ingest"].items()
        for kind in ("images", "captions")
        for reason, count in kinds[kind]["dropped"].items()
    ]
    if reasons:
        yield ""
        yield from _table(["Split", "Of", "Dropped by ingest for", "Count"], reasons)
    if data["languages"]:
        yield ""
        yield "Captions that were trained on, by language: " + ", ".join(
            f"{tag} {_number(count)}" for tag, count in data["languages"].items()
        )


def _balance(splits: Json) -> Iterator[str]:
    rows = [
        [name, *(split[kind][fate] for kind in ("images", "captions") for fate in ("read", "kept"))]
        for name, split in splits.items()
    ]
    yield from _table(["Split", "Images read", "kept", "Captions read", "kept"], rows)


def _filter(found: Json | None) -> Iterator[str]:
    if found is None:
        yield "What the filter dropped was not recorded."
        return
    yield from _balance(found["splits"])
    splits = list(found["rules"][0]["dropped"]) if found["rules"] else []
    rows = [
        [
            f"`{rule['name']}`",
            rule["drops"],
            _plain(rule["threshold"]),
            rule["source"],
            *map(rule["dropped"].get, splits),
        ]
        for rule in found["rules"]
    ]
    yield ""
    yield from _table(["Rule", "Drops", "Threshold", "From", *(f"Dropped, {split}" for split in splits)], rows)


def _training(training: Json) -> Iterator[str]:
    last = training["last"]
    if last:
        yield (
            f"{_number(last['step'])} steps; at the last one the loss was {_plain(last['loss'])} and the temperature "
            f"{_plain(last['temperature'])}."
        )
        yield ""
    for title, key in (("Sizes", "model"), ("Settings", "settings")):
        if training[key] is None:
            yield f"{title}: not recorded."
        else:
            yield f"{title}: " + ", ".join(f"`{name}` {_plain(value)}" for name, value in training[key].items())
        yield ""


def _evaluation(found: Json | None) -> Iterator[str]:
    if found is None:
        yield "What the model scored was not recorded; judge it by `align eval --model FOLDER`."
        return
    for split, metrics in found["metrics"].items():
        images, captions = (_number(found[kind][split]) for kind in ("images", "captions"))
        yield f"**{split}:** {images} images, {captions} captions."
        yield ""
        rows = [
            [
                _metric(name),
                _share(value["value"]),
                f"{_share(value['low'])} to {_share(value['high'])}",
                _share(value["chance"]),
            ]
            for name, value in metrics.items()
        ]
        yield from _table(["Metric", "Value", "95 % interval", "By guessing"], rows)
        yield ""
    yield "Intervals are Wilson's, over as many draws as there are images, or captions where those are fewer."


def _serving(found: Json | None) -> Iterator[str]:
    if found is None:
        yield "How it is served was not recorded."
        return
    if found["precision"]:
        yield f"Images are computed in {found['precision']}."
    for signature, cosine in (found["least_cosine_to_float32"] or {}).items():
        yield f"No vector of `{signature}` has a cosine below {cosine:.5f} to that in float32."
    memory = f"{found['peak_memory_bytes'] / 2**20:,.0f} MiB"
    yield f"Loaded in {found['load_s']:.1f} s, at most {memory}, on the machine that tried it."
    yield ""
    rows = [
        [protocol, f"`{signature}`", f"{times['p50']:.1f}", f"{times['p99']:.1f}"]
        for protocol, signatures in (found["latency_ms"] or {}).items()
        for signature, times in signatures.items()
    ]
    yield from _table(["Protocol", "Signature", "p50, ms", "p99, ms"], rows)
    yield ""
    yield "Without a signature's name (`serving_default`) it takes `text` and answers as `encode_text`."


def _lineage(lineage: Json) -> Iterator[str]:
    rows = [[name, of["type"], of["id"], f"`{of['uri']}`"] for name, of in lineage["artifacts"].items()]
    yield from _table(["Input", "Type", "Id", "Place"], rows)
    yield ""
    for part in ("weights", "vocabulary"):
        yield f"- SHA-256 of the {part}: {_code(lineage[part])}"
    for what, versions in lineage["software"].items():
        told = ", ".join(f"{name} {version}" for name, version in (versions or {}).items())
        yield f"- Software, {what}: {told or 'not recorded'}"
    yield ""
    yield from _table(["File", "SHA-256"], [[f"`{path}`", _code(digest)] for path, digest in lineage["files"].items()])


def _metric(name: str) -> str:
    for prefix, words in _METRICS.items():
        if name.startswith(prefix):
            return f"{words}, {name.removeprefix(prefix + '_').replace('_at_', '@').replace('_', ' ')}"
    return name


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    for row in rows:
        yield _row([_number(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell for cell in row])


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(" ".join(str(cell).replace("|", "\\|").split()) for cell in cells) + " |"


def _number(count: float | None) -> str:
    return _NOTHING if count is None else f"{count:,.0f}"


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "not recorded"
