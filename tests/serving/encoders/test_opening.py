"""What one word opens, with real models and a real server behind it."""

from __future__ import annotations

import shutil
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from serving.encoders.encoder import EncodeError
from serving.encoders.opening import encoder_of, open_encoder
from serving.encoders.saved_model import SavedModelEncoder
from serving.server.server import ModelServer

TEXTS = ["red", "blue green"]
MODULE = """
class Mine:
    encode_image = encode_text = lambda self, values: [[0.6, 0.8]] * len(values)
ours = Mine()
class Box:
    inside = ours
"""


@pytest.fixture(scope="module")
def vectors(colour_model):
    return SavedModelEncoder(colour_model).encode_text(TEXTS)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_encoders.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "broken_encoders.py").write_text("import no_such_library")
    (tmp_path / "raising_encoders.py").write_text("raise OSError('no weights\\nhere')")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("beneath", ["", "2", "servable/1"])
def test_a_folder_is_a_saved_model_or_holds_versions_of_one(colour_model, vectors, tmp_path, beneath):
    where = tmp_path / "model"
    shutil.copytree(colour_model, where / beneath)
    if beneath == "2":
        (where / "3").mkdir()  # a push that has not arrived
        shutil.copytree(colour_model, where / "1")
    encoder = open_encoder(str(where))
    assert encoder.name == str(where / beneath)
    np.testing.assert_array_equal(encoder.encode_text(TEXTS), vectors)


def test_the_fingerprint_of_a_folder_is_of_its_bytes_alone(colour_model, tmp_path):
    prints = {}
    for kind in ("same", "variables", "graph", "asset", "note", "warm"):
        copy = tmp_path / kind / "1"
        shutil.copytree(colour_model, copy)
        prints[kind] = copy
    shard = next((tmp_path / "variables" / "1" / "variables").glob("*.data-*"))
    shard.write_bytes(bytes([shard.read_bytes()[0] ^ 1]) + shard.read_bytes()[1:])
    with (tmp_path / "graph" / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    (tmp_path / "asset" / "1" / "assets").mkdir(exist_ok=True)
    (tmp_path / "asset" / "1" / "assets" / "vocab.txt").write_text("cat")
    (tmp_path / "note" / "1" / "notes.txt").write_text("a good one")
    (tmp_path / "warm" / "1" / "assets.extra").mkdir()
    (tmp_path / "warm" / "1" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"asked first")
    prints = {kind: open_encoder(str(path)).fingerprint for kind, path in prints.items()}
    assert prints["same"] == prints["note"] == prints["warm"] == SavedModelEncoder(colour_model).fingerprint
    assert len(set(prints.values())) == 4


def test_a_server_is_asked_by_address_name_and_version(colour_model, vectors, tmp_path):
    shutil.copytree(colour_model, tmp_path / "1")
    with ModelServer(tmp_path, name="clip", port=0) as server:
        for word in (f"{server.address}/clip", f"{server.address}/clip/1"):
            encoder = open_encoder(word)
            np.testing.assert_array_equal(encoder.encode_text(TEXTS), vectors)
            assert encoder.name == f"clip at {server.address}"
        with pytest.raises(EncodeError, match="NOT_FOUND"):
            open_encoder(server.address).encode_text(TEXTS)


def test_another_model_at_the_same_address_has_another_fingerprint(colour_model, tmp_path):
    """Here it even says to be the same version, and who asked the first one is told."""
    shutil.copytree(colour_model, tmp_path / "1")
    with ModelServer(tmp_path, port=0) as server:
        address, asking = server.address, open_encoder(server.address)
        before = asking.fingerprint
        assert open_encoder(address).fingerprint == before
        asking.confirm()
    change(tmp_path / "1")
    with ModelServer(tmp_path, port=int(address.rpartition(":")[2])) as server:
        assert server.address == address
        after = open_encoder(address).fingerprint
        with pytest.raises(EncodeError, match=f"align at {address} is another model now, whatever version it says"):
            asking.confirm()
    assert before != after


def test_a_folder_that_is_written_to_before_it_is_loaded_is_refused(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "1")
    early, late = (open_encoder(str(tmp_path / "1")) for _ in range(2))
    prints = early.fingerprint, late.fingerprint
    early.encode_text(TEXTS)
    early.confirm()
    change(tmp_path / "1")
    early.confirm()  # what it has loaded is still the same
    late.encode_text(TEXTS)
    with pytest.raises(EncodeError, match="1 was written to while it was loaded; run the command again"):
        late.confirm()
    assert prints[0] == prints[1]


def change(model):
    """Write other weights into the folder of a version."""
    loaded = tf.saved_model.load(str(model))
    loaded.colours.assign(loaded.colours * [[1.0, 1.0, 0.5]])
    shutil.rmtree(model)
    signatures = {name: loaded.signatures[name] for name in ("encode_image", "encode_text")}
    tf.saved_model.save(loaded, str(model), signatures=signatures)


@pytest.mark.usefixtures("module")
def test_an_object_is_named_by_module_and_name():
    encoder = open_encoder("my_encoders:ours")
    np.testing.assert_allclose(encoder.encode_text(["a", "b"]), [[0.6, 0.8]] * 2)
    assert encoder.name == "my_encoders:ours"
    import my_encoders

    assert open_encoder("my_encoders:Box.inside").fingerprint != encoder.fingerprint  # under another name
    assert encoder_of(my_encoders.ours, "my_encoders:ours").fingerprint == encoder.fingerprint


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (
            "no/such/folder",
            "the model 'no/such/folder' is no folder that is there, and no server or object; give the fo",
        ),
        ("", "the model '' is no folder"),
        ("127.0.0.1:70000", "port 70000; a port is from 1 to 65535"),
        ("[::1]:0", "port 0; a port is"),
        ("no_such_module:encoder", "needs the module no_such_module, which Python does not find; .* PYTHONPATH"),
        ("broken_encoders:encoder", "broken_encoders:encoder needs the module no_such_library, which"),
        ("raising_encoders:encoder", "raising_encoders:encoder cannot be imported: OSError: no weights here"),
        ("my_encoders:other", "my_encoders:other names what is not there: .*'other'"),
        ("my_encoders:Mine", "my_encoders:Mine is a class; name an object"),
        ("my_encoders:MODULE.__doc__", "names what is not there"),
    ],
)
def test_a_word_that_opens_nothing_is_refused(word, sentence):
    with pytest.raises(EncodeError, match=sentence):
        open_encoder(word)


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(EncodeError, match=r"holds no saved_model\.pb and no complete version such as .*1; give"):
        open_encoder(str(tmp_path))


def foreign(**signatures):
    """Returns a module and its signatures, each a function of one input."""
    module = tf.Module()
    for name, (function, spec) in signatures.items():
        setattr(module, name, tf.function(function, input_signature=[spec]))
    return module, {name: getattr(module, name) for name in signatures}


IMAGES, STRINGS = (tf.TensorSpec([None], tf.string, name=name) for name in ("image_bytes", "text"))
PIXELS = tf.TensorSpec([None, 8, 8, 3], tf.float32, name="image_bytes")


def ones(values):
    return {"embedding": tf.ones([tf.shape(values)[0], 1])}


@pytest.mark.parametrize(
    ("signatures", "sentence"),
    [
        (
            {"predict": (ones, STRINGS)},
            r"has no signature encode_text \(it has predict\); it must take text, str",
        ),
        ({"encode_image": (ones, IMAGES)}, r"has no signature encode_text \(it has encode_image\); it must take text"),
        (
            {"encode_image": (ones, PIXELS), "encode_text": (ones, STRINGS)},
            "encode_image takes image_bytes, float32; it",
        ),
        ({"encode_image": (ones, STRINGS), "encode_text": (ones, STRINGS)}, "encode_image takes text, string; it must"),
        (
            {"encode_image": (ones, IMAGES), "encode_text": (lambda text: {"vector": tf.ones([2, 1])}, STRINGS)},
            "encode_text gives vector, float32; it must take text, string .N., and give embedding, float32",
        ),
    ],
    ids=["none", "one", "pixels", "name", "output"],
)
def test_a_saved_model_that_is_no_dual_encoder_is_refused(tmp_path, signatures, sentence):
    module, served = foreign(**signatures)
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path), signatures=served)
    with pytest.raises(EncodeError, match=sentence):
        open_encoder(str(tmp_path)).encode_text(["a"])


def test_a_damaged_saved_model_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(EncodeError, match="cannot be loaded as a SavedModel"):
        open_encoder(str(tmp_path)).encode_text(["a"])
