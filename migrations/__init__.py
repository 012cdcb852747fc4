"""The case log's schema, revision by revision (Alembic; configured in pyproject, run by `leukolens db upgrade`)."""
