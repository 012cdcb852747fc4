"""A backup: one folder that holds the case log, its pictures and imported models, and says what it holds."""
