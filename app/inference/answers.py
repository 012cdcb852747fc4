"""A batch's outputs as a message of the inference protocol, and back."""

import json

import numpy as np

from app.inference.inference_protocol import Message
from models.classifier import CellOutput
from models.decision import Decision, PredictionLabel
from models.labels import Label
from models.quality import Quality, QualityLevel

_TENSORS = {"p_malignant": "<f8", "logits": "<f4", "embedding": "<f4", "heatmap": "<f4"}


def message_of(outputs: list[CellOutput], **parameters: str | float) -> Message:
    """What the engine process answers for a batch. Tensors have rows for the assessed cells only, in order."""
    assessed = [output for output in outputs if output.p_malignant is not None]
    tensors = {
        name: np.array([getattr(output, name) for output in assessed], kind)
        for name, kind in _TENSORS.items()
    }
    said = [
        {
            "label": output.label,
            "reasons": output.reasons,
            "prediction_set": output.prediction_set,
            "quality": (output.quality.level, output.quality.reasons),
        }
        for output in outputs
    ]
    return Message(tensors, {"said": [json.dumps(each) for each in said]}, dict(parameters))


def outputs_of(message: Message) -> list[CellOutput]:
    """The inverse of `message_of`.

    Raises:
        KeyError, ValueError, TypeError, StopIteration: something is missing or no value of its kind.
    """
    rows = zip(*(message.tensors[name] for name in _TENSORS), strict=True)
    outputs = []
    for text in message.texts["said"]:
        said = json.loads(text)
        kept = said["prediction_set"]
        decision = Decision(
            PredictionLabel(said["label"]),
            tuple(said["reasons"]),
            None if kept is None else tuple(Label(label) for label in kept),
        )
        level, reasons = said["quality"]
        quality = Quality(QualityLevel(level), tuple(reasons))
        if decision.label is PredictionLabel.NOT_ASSESSABLE:
            outputs.append(CellOutput(decision, quality))
        else:
            p_malignant, logits, embedding, heatmap = next(rows)
            outputs.append(CellOutput(decision, quality, float(p_malignant), logits, embedding, heatmap))
    if next(rows, None) is not None:
        raise ValueError("Expected a row for each assessed cell, got more.")
    return outputs
