"""The HTML skin: pages, their typed contexts, templates and static files."""
