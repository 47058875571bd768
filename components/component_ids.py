"""The ids of the pipeline's components, by which ML Metadata, the records of runs and the report know them.

A component without one of its own has the name of its class. A test holds these to what the pipeline is built of.
"""

CONTENTS = "Contents"  # before the component that reads what it looks at: Contents-<component>
PAIR_FILES = "PairFiles"  # and PairFiles-<name> for an evaluation set
PAIR_EXAMPLE_GEN = "PairExampleGen"
EVALUATION_SET = "EvaluationSet"  # before the name of what it reads: EvaluationSet-<name>
STATISTICS_GEN = "StatisticsGen"
SCHEMA_GEN = "SchemaGen"
CURATED_SCHEMA = "CuratedSchema"
EXAMPLE_VALIDATOR = "ExampleValidator"
ANOMALY_GATE = "AnomalyGate"
PAIR_FILTER = "PairFilter"
VOCABULARY = "Vocabulary"
TRAINER = "Trainer"
EXPORTER = "Exporter"  # where the model is served in another precision than training writes it in
BASELINE_MODEL = "BaselineModel"
EVALUATOR = "Evaluator"
SERVING_VALIDATOR = "ServingValidator"
PUSHER = "Pusher"
