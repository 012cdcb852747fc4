"""The languages of other systems: HL7 v2 over MLLP, signed webhooks."""
