"""x"""


def doctor() -> None:
    """Doctor."""
