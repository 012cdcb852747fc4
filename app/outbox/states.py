"""The words of the outbox: what a destination speaks and is told, and how far a message has come."""

from enum import StrEnum


class DestinationKind(StrEnum):
    """What a destination speaks."""

    WEBHOOK = "webhook"
    FHIR = "fhir"
    HL7 = "hl7"


class DestinationMode(StrEnum):
    """What a destination is told: nothing new, preliminary results only, or results with their own status."""

    OFF = "off"
    RESEARCH = "research"
    FINAL = "final"


class MessageState(StrEnum):
    """How far a message has come. A dead one was given up; a person may let it be tried again."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
