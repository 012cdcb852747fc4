"""The languages of other systems: FHIR, HL7 v2 over MLLP, DICOM, signed webhooks."""
