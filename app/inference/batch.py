"""What an engine replica does with a batch of questions. Knows no transport."""

from collections.abc import Sequence

from app.errors import EngineUnavailable, ScoreFailed
from app.inference.scorer import ModelRef, Question, Score
from app.inference.worker import ModelMissing, Models
from models import engines
from models.bundle import BundleRefused
from models.classifier import Classifier, EngineDisagrees

Answer = Score | EngineUnavailable | ScoreFailed
"""A refusal is an answer here, so that it fails its own cell and no other of the batch."""


def answer_batch(models: Models, questions: Sequence[Question]) -> list[Answer]:
    """One answer per question, in order, whatever models they name. `Score.latency_ms` is 0: the asker measures."""
    answers: dict[int, Answer] = {}
    for model in {question.model: None for question in questions}:
        places = [place for place, question in enumerate(questions) if question.model == model]
        asked = [questions[place] for place in places]
        answers |= zip(places, _answer_one_model(models, model, asked), strict=True)
    return [answers[place] for place in range(len(questions))]


def _answer_one_model(models: Models, model: ModelRef, questions: list[Question]) -> list[Answer]:
    try:
        classifier = models.get(model)
    except (ModelMissing, BundleRefused, EngineDisagrees, engines.EngineUnavailable) as refused:
        absent = EngineUnavailable(f"The engine cannot load the model: {refused}", retry_after_s=30)
        return [absent for _ in questions]
    return _scores(classifier, model, questions)


def _scores(classifier: Classifier, model: ModelRef, questions: list[Question]) -> list[Answer]:
    cells, measurements = (
        [question.pixels for question in questions],
        [question.measurements for question in questions],
    )
    try:
        outputs = classifier.classify(cells, measurements)
    except FloatingPointError as failed:
        if len(questions) == 1:
            return [ScoreFailed(f"The engine cannot score this cell: {failed}")]
        return [answer for question in questions for answer in _scores(classifier, model, [question])]
    manifest = classifier.bundle.manifest
    band = (manifest.band.low, manifest.band.high)
    version = manifest.preprocessing.version
    return [Score(output, model, classifier.engine.name, version, band, 0.0) for output in outputs]
