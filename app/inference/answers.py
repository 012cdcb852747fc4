"""A batch's outputs as a message of the inference protocol, and back."""

import json

import numpy as np

from app.inference.inference_protocol import Message
from models.classifier import CellOutput, PredictionLabel


def message_of(outputs: list[CellOutput], **parameters: str | float) -> Message:
    """What the engine process answers for a batch."""
    return Message(
        tensors={
            "p_malignant": np.array([output.p_malignant for output in outputs], "<f8"),
            "logits": np.stack([output.logits for output in outputs]).astype("<f4"),
            "embedding": np.stack([output.embedding for output in outputs]).astype("<f4"),
            "heatmap": np.stack([output.heatmap for output in outputs]).astype("<f4"),
        },
        texts={
            "label": [output.label.value for output in outputs],
            "reasons": [json.dumps(output.reasons) for output in outputs],
        },
        parameters=dict(parameters),
    )


def outputs_of(message: Message) -> list[CellOutput]:
    """The inverse of `message_of`.

    Raises:
        KeyError, ValueError: something is missing or no value of its kind.
    """
    tensors = message.tensors
    return [
        CellOutput(
            p_malignant=float(p_malignant),
            label=PredictionLabel(label),
            reasons=tuple(json.loads(reasons)),
            logits=logits,
            embedding=embedding,
            heatmap=heatmap,
        )
        for p_malignant, label, reasons, logits, embedding, heatmap in zip(
            tensors["p_malignant"],
            message.texts["label"],
            message.texts["reasons"],
            tensors["logits"],
            tensors["embedding"],
            tensors["heatmap"],
            strict=True,
        )
    ]
