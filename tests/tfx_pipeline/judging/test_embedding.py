"""What is embedded is kept, chunk by chunk; what cannot be is counted, and a model that fails is no judge of images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from colour_encoder import ColourEncoder, picture
from rich.console import Console

from components.evaluator.datasets.kinds import PictureMissing
from serving.encoders.encoder import EncodeError
from serving.encoders.opening import encoder_of
from tfx_pipeline.commands.evaluate import judge_model
from tfx_pipeline.judging import embedding
from tfx_pipeline.judging.embedding import BROKEN, INPUTS_PER_CHUNK, MISSING, Embeddings
from tfx_pipeline.settings.config import ConfigError

PICTURES = [picture(level % 256, level // 256, 7) for level in range(300)]


def held(images):
    return [lambda image=image: image for image in images]


def embed(model, folder: Path, images):
    return Embeddings(encoder_of(model, "colours"), folder).of_images(held(images))


def images_asked(model: ColourEncoder) -> int:
    return sum(inputs for kind, inputs in model.asked if kind == "image")


def test_what_was_embedded_is_read_again(tmp_path):
    first = embed(ColourEncoder(), tmp_path, PICTURES)
    again = ColourEncoder()
    second = embed(again, tmp_path, PICTURES)
    assert images_asked(again) == 0
    np.testing.assert_array_equal(second.vectors, first.vectors)
    assert second.digest == first.digest
    np.testing.assert_array_equal(first.vectors, ColourEncoder().encode_image(PICTURES))


def test_a_changed_image_is_embedded_anew(tmp_path):
    first = embed(ColourEncoder(), tmp_path, PICTURES)
    again = ColourEncoder()
    changed = [*PICTURES[:-1], picture(255, 255, 255)]
    second = embed(again, tmp_path, changed)
    assert images_asked(again) == len(PICTURES) % INPUTS_PER_CHUNK
    assert second.digest != first.digest
    np.testing.assert_array_equal(second.vectors[-1:], ColourEncoder().encode_image(changed[-1:]))


def test_images_that_are_shown_otherwise_are_embedded_anew(tmp_path, monkeypatch):
    embed(ColourEncoder(), tmp_path, PICTURES[:3])
    monkeypatch.setattr(embedding, "settling", lambda: "another release of Pillow")
    again = ColourEncoder()
    embed(again, tmp_path, PICTURES[:3])
    assert images_asked(again) == 3


def test_another_model_has_chunks_of_its_own(tmp_path):
    embed(ColourEncoder(), tmp_path, PICTURES[:3])
    other = ColourEncoder()
    other.fingerprint = "other/../colours"
    embed(other, tmp_path, PICTURES[:3])
    assert images_asked(other) == 3


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: bytes(len(content))])
def test_a_damaged_chunk_is_made_again(tmp_path, damage):
    first = embed(ColourEncoder(), tmp_path, PICTURES[:3])
    (kept,) = tmp_path.rglob("*.npy")
    kept.write_bytes(damage(kept.read_bytes()))
    second = embed(ColourEncoder(), tmp_path, PICTURES[:3])
    np.testing.assert_array_equal(second.vectors, first.vectors)


def test_zeros_in_a_whole_file_are_damage(tmp_path):
    embed(ColourEncoder(), tmp_path, PICTURES[:3])
    (kept,) = tmp_path.rglob("*.npy")
    np.save(kept, np.zeros((3, 4), np.float32))
    assert np.linalg.norm(embed(ColourEncoder(), tmp_path, PICTURES[:3]).vectors, axis=1).min() > 0.99


def test_a_broken_and_a_missing_image_are_told_and_the_others_have_vectors(tmp_path):
    def missing() -> bytes:
        raise PictureMissing("a.png is not there")

    pictures = held([*PICTURES[:5], PICTURES[5][:-40], b"no picture", *PICTURES[6:9]])
    found = Embeddings(encoder_of(ColourEncoder(), "colours"), tmp_path).of_images([*pictures, missing])
    assert {place: why.reason for place, why in found.skipped.items()} == {5: BROKEN, 6: BROKEN, 10: MISSING}
    assert found.skipped[10].words == "a.png is not there"
    assert found.good.tolist() == [True] * 5 + [False] * 2 + [True] * 3 + [False]
    np.testing.assert_array_equal(found.vectors[7:10], ColourEncoder().encode_image(PICTURES[6:9]))
    np.testing.assert_array_equal(found.vectors[[5, 6, 10]], 0)


def test_an_image_that_was_refused_is_tried_again(tmp_path):
    embed(ColourEncoder(), tmp_path, [*PICTURES[:3], b"no picture"])
    again = ColourEncoder()
    embed(again, tmp_path, [*PICTURES[:3], b"no picture"])
    assert images_asked(again) >= 3


def test_a_chunk_without_any_vector_fits_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "INPUTS_PER_CHUNK", 2)
    found = embed(ColourEncoder(), tmp_path, [b"no picture"] * 2 + PICTURES[:3])
    assert found.vectors.shape == (5, 4)
    assert found.good.tolist() == [False, False, True, True, True]


def test_a_model_that_fails_breaks_no_image(tmp_path):
    class Gone(ColourEncoder):
        def encode_image(self, images):
            raise EncodeError("nobody answers")

    with pytest.raises(ConfigError, match="nobody answers"):
        embed(Gone(), tmp_path, PICTURES[:3])
    assert not [*tmp_path.rglob("*.npy")]


@pytest.mark.parametrize(("factor", "said"), [(np.nan, "NaN"), (2, "the length 2")])
def test_a_vector_that_is_no_unit_vector_is_refused(tmp_path, factor, said):
    class Off(ColourEncoder):
        def encode_image(self, images):
            return super().encode_image(images) * factor

    with pytest.raises(ConfigError, match=said):
        embed(Off(), tmp_path, PICTURES[:3])


def test_texts_are_kept_by_their_content(tmp_path):
    model = ColourEncoder()
    embeddings = Embeddings(encoder_of(model, "colours"), tmp_path)
    first, second = embeddings.of_texts(["red", "green blue"]), embeddings.of_texts(["red", "green blue"])
    assert model.asked == [("text", 2)]
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert embeddings.of_texts(["red"]).digest != first.digest
    assert embeddings.of_texts([]).vectors.shape == (0, 0)


def test_a_model_that_is_replaced_meanwhile_mixes_with_nothing(tmp_path, monkeypatch):
    """The first chunk was confirmed and is kept; the second is of nobody knows which of the two."""
    monkeypatch.setattr(embedding, "INPUTS_PER_CHUNK", 64)

    class Replaced(ColourEncoder):
        fingerprint = None
        turned = False

        def encode_image(self, images):
            vectors = super().encode_image(images)
            return vectors[:, [1, 0, 2, 3]] if self.turned else vectors

    model = Replaced()

    def replacing() -> bytes:
        model.turned = True
        return PICTURES[128]

    pictures = [*held(PICTURES[:128]), replacing, *held(PICTURES[129:192])]
    with pytest.raises(ConfigError, match="colours is another model now, whatever version it says"):
        Embeddings(encoder_of(model, "colours"), tmp_path).of_images(pictures)
    kept = [np.load(path) for path in tmp_path.rglob("*.npy")]
    own = ColourEncoder().encode_image(PICTURES[:128])
    assert kept
    for chunk in kept:
        assert any(np.array_equal(chunk, rows) for rows in (own[:64], own[64:]))


def test_what_cannot_be_kept_for_later_runs_is_said(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(ColourEncoder, "fingerprint", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = Console(file=io.StringIO(), width=300)
    judge_model("colour_encoder:encoder", str(suite), data=tmp_path, out=tmp_path / "out", console=told)
    assert "colour_encoder:encoder has no fingerprint, so that its embeddings are of use to this run" in (
        told.file.getvalue()
    )
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--embeddings"):
        embed(ColourEncoder(), tmp_path / "file", PICTURES[:1])
