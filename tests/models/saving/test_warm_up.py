"""The warm-up requests: what TensorFlow Serving would answer to itself, answered by the model they lie beside."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.saving.export import export
from models.saving.served import ServedImages, ServedPair, ServedTexts
from models.saving.warm_up import WARM_UP_FILE, write_warm_up

MOST_RECORDS = 1000  # tensorflow/serving, servables/tensorflow/saved_model_warmup_util.h, kMaxNumRecords


def pair() -> ServedPair:
    decoded = tf.TensorSpec([256, 256, 3], tf.uint8)
    images = ServedImages(
        lambda images: tf.cast(
            tf.map_fn(
                lambda image: tf.ensure_shape(tf.io.decode_image(image, 3, expand_animations=False), decoded.shape),
                images,
                fn_output_signature=decoded,
            ),
            tf.float32,
        ),
        lambda pixels: tf.math.l2_normalize(tf.reduce_mean(pixels, [1, 2]), axis=1),
        (256, 256),
        {},
    )
    texts = ServedTexts(lambda texts: tf.one_hot(tf.strings.length(texts) % 3, 3), {})
    return ServedPair(images, texts, 0.1)


def read(folder) -> list:
    logs = []
    for record in tf.data.TFRecordDataset(str(folder / WARM_UP_FILE)).as_numpy_iterator():
        logs.append(prediction_log_pb2.PredictionLog.FromString(record))
    return logs


def test_each_signature_has_a_request_that_the_model_answers(tmp_path):
    export(pair(), str(tmp_path / "1"))
    logs = read(tmp_path / "1")
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    asked = [log.predict_log.request.model_spec.signature_name for log in logs]
    assert asked == ["classify", "encode_image", "encode_text", "serving_default", "similarity"]
    assert set(asked) == set(loaded.signatures)
    assert len(logs) <= MOST_RECORDS
    for log in logs:
        request = log.predict_log.request
        assert log.WhichOneof("log_type") == "predict_log"
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        answer = loaded.signatures[request.model_spec.signature_name](**inputs)
        for name, values in answer.items():
            assert len(values) == 2, name
            assert values.dtype == tf.string or np.isfinite(values).all(), name


def test_a_half_has_requests_of_its_own_signatures_alone(tmp_path):
    export(pair().texts, str(tmp_path / "1"))
    asked = [log.predict_log.request.model_spec.signature_name for log in read(tmp_path / "1")]
    assert asked == ["encode_text", "serving_default"]


def test_the_same_model_has_the_same_requests_byte_for_byte(tmp_path):
    for name in ("1", "2"):
        write_warm_up(str(tmp_path / name), pair().by_signature())
    assert (tmp_path / "1" / WARM_UP_FILE).read_bytes() == (tmp_path / "2" / WARM_UP_FILE).read_bytes()
