"""Questions over coloured pictures, whose right answers are plain to see; pages that no change of the index moves."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import pyarrow as pa
import pytest
from colour_encoder import ColourEncoder, picture

from search_app import COLOURS, colour_rows, colour_store, colours_searched, cosine
from serving.encoders.opening import encoder_of
from serving.search.filters import Where
from serving.search.questions import Question, Unavailable, UnknownImage
from serving.search.searcher import LARGEST_PX, Searcher
from serving.search.shards.schema import vector_column
from serving.search.snapshots import KEPT_S, Snapshots
from serving.search.stores.exact import ExactStore
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store
from serving.search.terms import Term

CAPTIONS = list(COLOURS)


@pytest.fixture
def store(tmp_path):
    return colour_store(tmp_path)


@pytest.fixture
def searcher(store):
    return colours_searched(store).searcher


def captions(searcher, *terms, **more):
    return [hit.metadata["caption"] for hit in searcher.ask(Question(terms, **more)).hits]


def test_each_kind_of_term_finds_its_like(searcher):
    assert captions(searcher, Term(text="green"), k=1) == ["a green field"]
    assert captions(searcher, Term(image=picture(10, 0, 190)), k=1) == ["the sea"]
    assert captions(searcher, Term(id="4"), k=1) == ["a violet flower"]
    assert captions(searcher, Term(embedding=(0.0, 1.0, 0.0, 0.1)), k=1) == ["a green field"]
    assert captions(searcher, Term(id="4"), Term(text="blue", sign=-1), k=1) == ["a red wall"]


def test_a_hit_says_its_cosine_and_which_term_gave_how_much(searcher):
    encoder = ColourEncoder()
    image, text = encoder.encode_image([picture(255, 0, 255)])[0], encoder.encode_text(["green"])[0]
    query = (image + 2 * text) / np.linalg.norm(image + 2 * text)
    for hit in searcher.ask(Question((Term(image=picture(255, 0, 255)), Term(text="green")), group=False)).hits:
        stored = encoder.encode_image([picture(*COLOURS[hit.metadata["caption"]])])[0]
        assert hit.score == pytest.approx(cosine(query, stored), abs=1e-3)
        assert sum(hit.shares) == pytest.approx(hit.score, abs=1e-6)
        assert hit.shares[0] == pytest.approx(image @ stored / np.linalg.norm(image + 2 * text), abs=1e-3)


def test_filters_and_a_threshold_leave_out_what_does_not_belong(searcher):
    german = searcher.ask(Question((Term(text="red"),), where=Where("language", "==", "de"), k=50))
    assert {hit.metadata["language"] for hit in german.hits} == {"de"}
    assert (len(german.hits), german.count, german.next) == (3, 3, None)
    warm = searcher.ask(Question((Term(text="red"),), min_score=0.7, k=50))
    assert [hit.metadata["caption"] for hit in warm.hits] == ["a red wall", "a violet flower"]
    assert (warm.count, warm.next) == (searcher.count(), None)
    exactly = searcher.ask(Question((Term(text="red"),), min_score=warm.hits[1].score, k=50))
    assert [hit.id for hit in exactly.hits] == [hit.id for hit in warm.hits]
    assert searcher.ask(Question((Term(text="red"),), where=Where("width", ">", 10_000))).hits == []


def test_duplicates_stand_behind_the_best_of_them(searcher):
    grouped = searcher.ask(Question((Term(text="red"),), k=2))
    assert [(hit.id, hit.duplicates) for hit in grouped.hits] == [("0", ("1",)), ("4", ())]
    assert captions(searcher, Term(text="red"), k=2, group=False) == ["a red wall", "a red brick"]


def pages(searcher, question, with_duplicates=True):
    """Yields the ids of page after page."""
    page = None
    for number in itertools.count():
        answer = searcher.ask(question, page)
        yield [name for hit in answer.hits for name in (hit.id, *hit.duplicates)[: None if with_duplicates else 1]]
        page = answer.next
        if page is None:
            return
        assert number < 50


@pytest.mark.parametrize("group", [True, False])
def test_pages_are_one_ranking_whatever_is_added_or_deleted_between(searcher, store, group):
    before = searcher.ask(Question((Term(text="red"),), k=50, group=group))
    expected = [name for hit in before.hits for name in (hit.id, *hit.duplicates)]
    question, seen = Question((Term(text="red"),), k=1, group=group), []
    for number, ids in enumerate(pages(searcher, question)):
        seen += ids
        if number == 0:
            store.add(colour_rows(start=100))
            store.delete(["4", "5"])
    assert sorted(seen) == sorted(expected) == sorted(map(str, range(6)))
    assert seen == expected
    assert "4" not in {name for ids in pages(searcher, question) for name in ids}  # a new search sees the change
    assert len({name for ids in pages(searcher, question) for name in ids}) == 10


def test_no_page_of_codes_repeats_or_loses_an_image(tmp_path):
    """Deeper searches of codes find other candidates; what was shown stays, and all come once."""
    encoder = encoder_of(ColourEncoder(), "colours")
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(400, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = colour_rows(CAPTIONS[:1] * 400).drop(["vector", "sha256"]).append_column("vector", vector_column(vectors))
    create_segment_store(tmp_path / "index", fingerprint=encoder.fingerprint, dimension=4)
    store = SegmentStore(tmp_path / "index", sizes=Sizes(exact_below=100, bytes_below=10**6))
    store.add(rows)
    searcher = Searcher(encoder, store)
    for group in (True, False):
        question = Question((Term(text="red"),), k=60, group=group)
        hits = list(pages(searcher, question, with_duplicates=False))
        again = [name for ids in pages(searcher, question) for name in ids]  # the last search found the last duplicates
        assert len(again) == len(set(again))
        assert set(again) == set(map(str, range(400)))
        assert list(pages(searcher, question, with_duplicates=False)) == hits


def test_a_page_is_of_its_question_and_of_a_state_that_is_kept(store):
    now = [0.0]
    searcher = colours_searched(store).searcher
    searcher._snapshots = Snapshots(store.snapshot, 32, clock=lambda: now[0])
    red, green = (Question((Term(text=text),), k=1) for text in ("red", "green"))
    page = searcher.ask(red).next
    assert searcher.ask(red, page) == searcher.ask(red, page)  # back and forth
    with pytest.raises(ValueError, match="is of another question"):
        searcher.ask(green, page)
    for token in ("", "nothing", "WzEsIDIsIC0xXQ", "ÿ", page[:-4]):
        with pytest.raises(ValueError, match="names no page; search again"):
            searcher.ask(red, token)
    store.delete(["4"])
    for _ in range(2):
        now[0] += 0.9 * KEPT_S
        searcher.ask(green)
        assert searcher.ask(red, page).hits[0].id == "4"  # used, and so kept
    now[0] += 1.1 * KEPT_S
    with pytest.raises(ValueError, match="its state then is gone; search again"):
        searcher.ask(red, page)


@pytest.mark.parametrize(
    ("term", "error", "said"),
    [
        (Term(id="99"), UnknownImage, "the index has no image '99'"),
        (Term(image=b"no picture"), ValueError, "cannot be read .* give a JPEG, PNG, WebP or GIF"),
        (Term(image=picture(1, 2, 3)[:45]), ValueError, "cannot be read .* give a JPEG, PNG, WebP or GIF"),  # cut off
        (Term(embedding=(1.0, 2.0)), ValueError, r"shape \[2\]; this index takes \[4\]"),
    ],
)
def test_what_cannot_be_asked_is_said(searcher, term, error, said):
    with pytest.raises(error, match=said):
        searcher.ask(Question((Term(text="red"), term)))


def test_a_bomb_is_refused_by_its_header(searcher, coloured_png):
    bomb = bytearray(coloured_png(0, 0, 0))
    bomb[16:24] = (8_001).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(ValueError, match=f"8001 x 8001 px, above {LARGEST_PX} px"):
        searcher.ask(Question((Term(image=bytes(bomb)),)))


def test_a_model_that_is_down_is_said(store):
    class Down(ColourEncoder):
        def encode_text(self, texts):
            if len(self.asked) > 1:
                raise ConnectionError("nobody listens")
            return super().encode_text(texts)

    searcher = Searcher(encoder_of(Down(), "colours"), store)
    assert searcher.ask(Question((Term(text="red"),))).hits
    with pytest.raises(Unavailable, match=r"the model cannot answer: colours: .*nobody listens"):
        searcher.ask(Question((Term(text="green"),)))


def test_an_index_of_another_model_is_refused(store):
    class Other(ColourEncoder):
        fingerprint = "others"

    with pytest.raises(ValueError, match=r"the index was made by model .*, this is model .*; build the index anew"):
        Searcher(encoder_of(Other(), "colours"), store)


def test_a_picture_with_a_thousand_copies_keeps_no_page_waiting_and_hides_none(tmp_path):
    """Its page ends early; the next one goes on behind it, and each shows the same when it is asked for again."""
    encoder = encoder_of(ColourEncoder(), "colours")
    red, green = ColourEncoder().encode_image([picture(255, 0, 0), picture(0, 255, 0)])
    vectors = np.concatenate([np.repeat(red[None], 2300, axis=0), green[None]])
    ids = [f"{number:04}" for number in range(2301)]
    store = ExactStore(tmp_path / "exact.parquet", fingerprint=encoder.fingerprint, dimension=4)
    store.add(pa.table({"id": ids, "vector": vector_column(vectors)}))
    searcher = Searcher(encoder, store)
    question = Question((Term(text="red"),), k=5)
    shown = list(pages(searcher, question, with_duplicates=False))
    assert shown[0] == ["0000"]
    assert shown[-1] == ["2300"]
    assert all(not page for page in shown[1:-1])
    assert list(pages(searcher, question, with_duplicates=False)) == shown
    assert len(next(iter(pages(searcher, question)))) == 2300


def test_an_index_of_another_model_in_its_place_is_not_searched(tmp_path):
    """As when a folder is moved over that of a server: each vector would be compared with another model's."""
    folder = tmp_path / "index"
    searched = colours_searched(segments(folder, encoder_of(ColourEncoder(), "colours").fingerprint)).searcher
    segments(tmp_path / "other", "others")
    folder.rename(tmp_path / "aside")
    (tmp_path / "other").rename(folder)
    with pytest.raises(Unavailable, match="stands one of another model by now; start the search anew"):
        searched.ask(Question((Term(text="red"),)))
    folder.rename(tmp_path / "other")
    (tmp_path / "aside").rename(folder)
    assert captions(searched, Term(text="red"), k=1) == ["a red wall"]


def segments(folder, fingerprint: str) -> SegmentStore:
    create_segment_store(folder, fingerprint=fingerprint, dimension=4)
    store = SegmentStore(folder)
    store.add(colour_rows())
    return store
