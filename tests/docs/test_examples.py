"""The examples in the docstrings of what a user calls run, and print what they say.

The ones that ask a server or a pushed model ask one that runs here.
"""

from __future__ import annotations

import doctest
import importlib
import shutil

import pytest

from serving.server.server import ModelServer

SERVER = "127.0.0.1:8500"
PUSHED = "output/align-demo/serving_models/align"
CLASSES = {  # module -> what of it has an example
    "components.evaluator.config": ["EvaluationConfig"],
    "components.pair_example_gen.config": ["IngestConfig"],
    "components.pair_filter.component": ["PairFilter"],
    "components.pair_filter.config": ["FilterConfig"],
    "components.pair_filter.model_config": ["ImageModelConfig", "UnsafeConfig", "NeighbourConfig"],
    "components.pusher.component": ["Pusher"],
    "components.exporter.component": ["Exporter"],
    "components.exporter.config": ["ExportConfig"],
    "components.serving_validator.component": ["ServingValidator"],
    "components.serving_validator.config": ["ServingValidationConfig"],
    "components.trainer.component": ["AlignTrainer"],
    "components.validation.component": ["CuratedSchema", "AnomalyGate"],
    "components.validation.config": ["ValidationConfig"],
    "components.vocabulary.component": ["VocabularyLearner"],
    "components.vocabulary.config": ["VocabularyConfig"],
    "models.config": ["ModelConfig"],
    "models.losses.objective": ["SoftmaxObjective", "WindowedObjective", "MultiPositiveObjective", "SigmoidObjective"],
    "models.optimizers.adamw": ["AdamW"],
    "models.optimizers.lamb": ["Lamb"],
    "models.optimizers.schedule": ["WarmupThenLinearDecay"],
    "models.texts.tokenizer": ["Tokenizer"],
    "models.towers.batch_norm": ["BatchNormalization"],
    "models.towers.dual_encoder": ["DualEncoder"],
    "models.towers.efficientnet_blocks": ["Stem", "InvertedResidual"],
    "models.towers.image_tower": ["ImageTower"],
    "models.towers.stochastic_depth": ["StochasticDepth"],
    "models.towers.text_tower": ["TextTower"],
    "models.towers.transformer_block": ["TransformerBlock"],
    "models.training_config": ["TrainingConfig"],
    "models.transfer.classifier": ["Classifier"],
    "models.transfer.recipes": ["ImageNetFrozen", "ImageNetFineTuned", "FineGrained"],
    "models.transfer.schedules": ["StepDecay", "Cosine"],
    "models.transfer.vtab": ["Vtab"],
    "serving.async_client": ["AsyncAlignClient"],
    "serving.client": ["AlignClient"],
    "serving.pictures": ["View"],
    "serving.search.terms": ["Term", "compose"],
    "serving.encoders.saved_model": ["SavedModelEncoder"],
    "serving.server.server": ["ModelServer"],
    "serving.server.core.models": ["ServedModels"],
    "serving.server.process": ["ServerProcess"],
    "serving.server.core.servable": ["Servable"],
    "tfx_pipeline.settings.beam_config": ["BeamConfig"],
    "tfx_pipeline.settings.config": ["load"],
}
NAMES = [(module, name) for module, names in CLASSES.items() for name in names]


@pytest.fixture(scope="module")
def places(colour_model, tmp_path_factory) -> dict[str, str]:
    """What examples write -> what is there: a running server's address, a folder of pushed models."""
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(colour_model, base / "1")
    with ModelServer(base, port=0) as server:
        yield {SERVER: server.address, PUSHED: str(base)}


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_an_example_prints_what_it_says(module, name, places, capsys):
    home = importlib.import_module(module)
    found = doctest.DocTestFinder(recurse=False).find(getattr(home, name), name, home, vars(home).copy())
    assert len(found) == 1
    assert found[0].examples, "it has no example"
    for example in found[0].examples:
        for written, there in places.items():
            example.source = example.source.replace(written, there)
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found[0])
    assert failed == 0, capsys.readouterr().out
