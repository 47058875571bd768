"""What a server measures: TensorFlow Serving's names and labels, and ours by version and signature."""

import grpc
import pytest

from serving.server.monitoring import observer
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal


def lines(monitoring, start):
    return [line for line in monitoring.page().splitlines() if line.startswith(start)]


def test_an_answered_request_is_counted_by_model_and_by_version_and_signature():
    monitoring = Monitoring()
    with monitoring.request(api="Predict", entrypoint="GRPC", model="align") as request:
        request.version, request.signature, request.rows = 3, "encode_text", 8
    assert lines(monitoring, ":tensorflow:serving:request_count{") == [
        ':tensorflow:serving:request_count{model_name="align",status="OK"} 1'
    ]
    assert lines(monitoring, ":tensorflow:serving:request_latency_count{") == [
        ':tensorflow:serving:request_latency_count{model_name="align",API="Predict",entrypoint="GRPC"} 1'
    ]
    of_version = 'model="align",version="3",signature="encode_text"'
    assert lines(monitoring, "align_serving_requests_total{") == [
        f'align_serving_requests_total{{{of_version},api="Predict",entrypoint="GRPC",code="OK"}} 1'
    ]
    assert lines(monitoring, "align_serving_request_seconds_count") == [
        f"align_serving_request_seconds_count{{{of_version}}} 1"
    ]
    assert f'align_serving_request_rows_bucket{{{of_version},le="8"}} 1' in monitoring.page()
    assert f'align_serving_request_rows_bucket{{{of_version},le="4"}} 0' in monitoring.page()


def test_a_refused_request_is_counted_by_its_code_and_not_timed():
    monitoring = Monitoring()
    with pytest.raises(Refusal), monitoring.request(api="predict", entrypoint="REST", model="x"):
        raise Refusal(grpc.StatusCode.NOT_FOUND, "no")
    with pytest.raises(ZeroDivisionError), monitoring.request(api="predict", entrypoint="REST", model="x"):
        raise ZeroDivisionError
    assert lines(monitoring, ":tensorflow:serving:request_count{") == [
        ':tensorflow:serving:request_count{model_name="x",status="NOT_FOUND"} 1',
        ':tensorflow:serving:request_count{model_name="x",status="UNKNOWN"} 1',
    ]
    assert not lines(monitoring, ":tensorflow:serving:request_latency_count{")
    assert 'align_serving_requests_in_progress{entrypoint="REST"} 0' in monitoring.page()


def test_latency_has_tensorflow_servings_buckets():
    monitoring = Monitoring()
    with monitoring.request(api="Predict", entrypoint="GRPC", model="align"):
        pass
    limits = [
        line.split('le="')[1].split('"')[0] for line in lines(monitoring, ":tensorflow:serving:request_latency_b")
    ]
    assert limits[:5] == ["10", "18", "32.4", "58.32", "104.976"]
    assert (len(limits), limits[-2:]) == (34, ["1.47476e+09", "+Inf"])


def test_a_batch_is_measured_for_each_of_its_requests():
    monitoring = Monitoring()
    monitoring.batch(
        model="align", version=1, signature="s", rows=[1, 2], waited_s=[0.001, 0.002], run_s=0.01, padding=1
    )
    page = monitoring.page()
    assert ':tensorflow:serving:runtime_latency_count{model_name="align",API="Predict",runtime="TF1"} 2' in page
    assert ':tensorflow:serving:runtime_latency_sum{model_name="align",API="Predict",runtime="TF1"} 23000' in page
    assert ':tensorflow:serving:batching_session:queuing_latency_count{thread_pool_name=""} 2' in page
    assert ':tensorflow:serving:batching_session:padding_size_sum{execution_batch_size="4"} 1' in page
    assert ":tensorflow:serving:batching_session:input_batch_size_sum{} 3" in page
    assert ":tensorflow:serving:batching_session:processed_batch_size_sum{} 4" in page
    assert ":tensorflow:serving:batching_session:wrapped_run_count{} 1" in page
    assert 'align_serving_batch_rows_sum{model="align",version="1",signature="s"} 3' in page
    assert 'align_serving_batch_requests_sum{model="align",version="1",signature="s"} 2' in page


def test_loads_are_counted_as_the_loader_of_tensorflow_does():
    monitoring = Monitoring()
    monitoring.load_ended(model="align", version=1, path="/models/align/1", seconds=1.5, succeeded=True)
    monitoring.load_ended(model="align", version=2, path="/models/align/2", seconds=0.5, succeeded=False)
    monitoring.warm_up_ended(path="/models/align/1", seconds=0.25, records=3, code=grpc.StatusCode.OK)
    page = monitoring.page()
    assert ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/align/1",status="success"} 1' in page
    assert ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/align/2",status="fail"} 1' in page
    assert ':tensorflow:cc:saved_model:load_latency{model_path="/models/align/1"} 1500000' in page
    assert ':tensorflow:serving:model_warmup_latency_sum{model_path="/models/align/1",status="OK"} 250000' in page
    assert ':tensorflow:serving:model_warmup_records_read{model_path="/models/align/1",status="OK"} 3' in page
    assert lines(monitoring, "align_serving_loaded_versions{") == [
        'align_serving_loaded_versions{model="align",version="1"} 1'
    ]


def test_many_version_changes_do_not_grow_the_page():
    monitoring = Monitoring()
    sizes = []
    for version in range(1, 30):
        monitoring.load_ended(model="align", version=version, path="/models/align", seconds=1, succeeded=True)
        with monitoring.request(api="Predict", entrypoint="GRPC", model="align") as request:
            request.version, request.signature = version, "s"
        monitoring.unloaded(model="align", version=version)
        sizes.append(len(monitoring.page().splitlines()))
    assert sizes[observer.KEPT_UNLOADED] < sizes[observer.KEPT_UNLOADED + 1] + 1
    assert sizes[-1] == sizes[observer.KEPT_UNLOADED]
    assert not lines(monitoring, "align_serving_loaded_versions{")


def test_two_servers_in_one_process_count_apart():
    one, other = Monitoring(), Monitoring()
    one.examples(model="align", count=4)
    assert one.first_value("/tensorflow/serving/request_example_count_total") == 4
    assert other.first_value("/tensorflow/serving/request_example_count_total") == 0
    assert one.first_value("/no/such/metric") == 0
