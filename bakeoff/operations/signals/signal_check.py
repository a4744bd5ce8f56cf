"""Checking in a cell, with a synthetic market, whether a signal model keeps its contract."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.market.market_pinning import PinnedMarket, pin_market
from bakeoff.evaluation.signals import check_in_cell
from bakeoff.evaluation.signals.check_in_cell import ClaimVerdict
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.operations.context import Context
from bakeoff.operations.signals.one_off_cell import OneOffCellFailedError, run_one_off_cell
from bakeoff.settings.market_settings import MarketSettings, MarketSource, TableSettings
from registry.catalog import catalog_schema

_LONGEST_S = 300.0
_MADE_UP = TableSettings(source=MarketSource.SYNTHETIC)


@dataclass(frozen=True, kw_only=True)
class ClaimCheck:
    claim: str
    verdict: ClaimVerdict
    why: str = ""
    cure: str = ""
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class SignalCheck:
    path: str
    findings: tuple[ClaimCheck, ...]

    def number(self, verdict: ClaimVerdict) -> int:
        return sum(finding.verdict is verdict for finding in self.findings)

    def to_record(self) -> dict[str, Any]:
        counts = {verdict.value: self.number(verdict) for verdict in ClaimVerdict}
        return {"path": self.path, **counts, "checks": [asdict(finding) for finding in self.findings]}


def check_signal_model(context: Context, what: str, params: Mapping[str, Any] | None = None) -> SignalCheck:
    """`what`: the id of a signal model, `package.module:Class`, or a file, with or without its class."""
    model = _model(context, what, params or {})
    model = replace(model, timeout_s=model.timeout_s or _LONGEST_S)
    with TemporaryDirectory(prefix="bakeoff-check-") as folder:
        settings = MarketSettings(prices=_MADE_UP, fundamentals=_MADE_UP)
        market = pin_market(settings, root=context.configuration.root, snapshots=Path(folder), as_of=None)
        findings = _ask(context, model, market, log=Path(folder) / "log")
    return SignalCheck(path=model.path or "", findings=findings)


def _ask(context: Context, model: Candidate, market: PinnedMarket, *, log: Path) -> tuple[ClaimCheck, ...]:
    configuration = context.configuration
    inputs = SignalCellInputs(
        candidate=model,
        as_of=market.as_of,
        market=market.folder,
        copies=(),
        root=configuration.root,
        closed=tuple(configuration.secrets),
        log=log,
        about={},
    )
    try:
        told = run_one_off_cell(
            context, inputs, check_in_cell.check, outputs={}, symbols=list(market.symbols)
        )
        return tuple(ClaimCheck(**{**one, "verdict": ClaimVerdict(one["verdict"])}) for one in told)
    except OneOffCellFailedError as exc:
        ended = ClaimCheck(claim="its process goes on to the end", verdict=ClaimVerdict.FAILED, why=str(exc))
        return (ended,)


def _model(context: Context, what: str, params: Mapping[str, Any]) -> Candidate:
    declared = _declared(context)
    if what in declared:
        return _signal_model(declared[what], params)
    if catalog_schema.CLASS_PATH.fullmatch(what):
        path = what
    elif what.endswith(".py"):
        path = f"{Path(what).absolute()}:{_class_in(Path(what))}"
    else:
        hint = nearest(what, declared) or "; name a file.py:Class, or a signal model of the catalog"
        raise NotFoundError(f"there is no signal model {what!r}{hint}")
    return Candidate(id="checked", version="1", kind=CandidateKind.SIGNAL, path=path, params=params)


def _declared(context: Context) -> dict[str, Candidate]:
    """The candidate of this id, also if it was rejected: a check finds out why."""
    file = context.configuration.catalog_file
    return {one.id: one for one in catalog_schema.read(file).candidates} if file.is_file() else {}


def _signal_model(found: Candidate, params: Mapping[str, Any]) -> Candidate:
    if found.kind is not CandidateKind.SIGNAL:
        raise InvalidInputError(
            f"{found.id} is a candidate for bake-offs, and no signal model: "
            f"`bakeoff run --models {found.id}` tries it"
        )
    return replace(found, params={**found.params, **params})


def _class_in(file: Path) -> str:
    """The only signal model in the file, found by reading its source."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as exc:
        raise InvalidInputError(f"{file} cannot be read: {exc}") from exc
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and _answers(node.body)]
    if len(names) != 1:
        there = f"these: {listed(names)}" if names else "none"
        raise InvalidInputError(
            f"{file} should have one class with a method generate_signals, and has {there}: name it, "
            f"{file}:Class"
        )
    return names[0]


def _answers(body: Sequence[ast.stmt]) -> bool:
    return any(name == "generate_signals" for name in _methods(body))


def _methods(body: Sequence[ast.stmt]) -> Iterator[str]:
    return (node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
