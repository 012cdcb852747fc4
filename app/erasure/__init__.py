"""Erasing cases: everything of them but the lines of the audit trail, which never held patient data."""
