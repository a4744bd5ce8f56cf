"""A complaint: what goes wrong again and again is said once, and so is its end."""

import logging


class Complaint:
    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: str | None = None

    def make(self, text: str) -> None:
        if text != self._said:
            self._log.warning("%s", text)
        self._said = text

    def withdraw(self) -> None:
        """All is well."""
        if self._said is not None:
            self._log.info("that is over: %s", self._said)
        self._said = None
