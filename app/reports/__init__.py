"""What leaves the house about a case: one record, and its forms for people (PDF) and tables (CSV)."""
