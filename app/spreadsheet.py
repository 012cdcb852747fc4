"""What a spreadsheet must not take for a formula."""


def neutral(cell: str) -> str:
    """The text, with a quote before what could start a formula, or before a quote, so that it can be taken off again."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "'")) else cell
