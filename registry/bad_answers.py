"""What is wrong with an answer of strangers' code, and what its author can do."""


class BadAnswerError(ValueError):
    """It cannot be used, and its author can mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message
