"""Checks of the results of a run: constant predictions, scores too good, different versions of packages."""

from collections.abc import Iterator, Mapping, Sequence

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.result import Result
from bakeoff.domain.wording import joined_in_brief

_ALMOST_RIGHT, _POINTS_BEHIND = 0.99, 0.05
_ALMOST_ALL, _LINEAR_R2 = 0.999, 0.95
_MOSTLY_ONE_CLASS = 0.9
_LINEAR = "sklearn.linear_model"


def result_findings(
    results: Sequence[Result], candidates: Mapping[str, Candidate], *, baseline: str | None
) -> Iterator[Finding]:
    """`candidates`: those of the run, by id. The baseline predicts one value by design."""
    rivals = [result for result in results if result.model_id != baseline]
    constant = tuple(result.model_id for result in rivals if _is_constant(result))
    if constant:
        yield Finding(
            slug="constant-prediction",
            severity=Severity.MEDIUM,
            message=f"{', '.join(constant)} {'predicts' if len(constant) == 1 else 'predict'} the same for "
            "every test row",
            cure="`threshold`, class weights or other parameters; as it is, it has learned nothing",
            candidates=constant,
        )
    yield from _below_the_dummy(rivals, next((one for one in results if one.model_id == baseline), None))
    linear = [one for one in rivals if (candidates[one.model_id].path or "").startswith(_LINEAR)]
    for metric, enough, behind in (
        ("accuracy", _ALMOST_RIGHT, lambda score: score - _POINTS_BEHIND),
        ("r2", _ALMOST_ALL, lambda _: _LINEAR_R2),
    ):
        reference = max((one.metrics.get(metric) or 0.0 for one in linear), default=None)
        if reference is None:
            continue
        good = [
            one
            for one in rivals
            if (score := one.metrics.get(metric)) is not None
            and score >= enough
            and reference < behind(score)
        ]
        if good:
            first = max(good, key=lambda one: one.metrics[metric] or 0.0)
            yield Finding(
                slug="too-good",
                severity=Severity.HIGH,
                message=f"{first.model_id} has {metric} {first.metrics[metric]:.4f}, where the best linear "
                f"candidate has {reference:.4f}: look for what the test rows give away",
                cure="look for features that are known only with the target, and for repeated rows; if it is "
                "right, `accept: [too-good: the reason]`",
                candidates=tuple(one.model_id for one in good),
            )


def version_findings(packages: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """`packages`: by candidate, the versions that its fit used: those of the machine it was fitted on."""
    with_version: dict[str, dict[str, list[str]]] = {}
    for candidate, versions in sorted(packages.items()):
        for name, version in versions.items():
            with_version.setdefault(name, {}).setdefault(version, []).append(candidate)
    mixed = {name: versions for name, versions in sorted(with_version.items()) if len(versions) > 1}
    if not mixed:
        return
    told = [
        f"{name} {' and '.join(f'{version} ({joined_in_brief(ids)})' for version, ids in versions.items())}"
        for name, versions in mixed.items()
    ]
    yield Finding(
        slug="mixed-versions",
        severity=Severity.MEDIUM,
        message=f"the candidates were fitted with different versions of packages: {joined_in_brief(told)}",
        cure="install the same versions on all machines, and `bakeoff run --fresh`",
        candidates=tuple(
            sorted({id_ for versions in mixed.values() for ids in versions.values() for id_ in ids})
        ),
    )


def _below_the_dummy(rivals: Sequence[Result], dummy: Result | None) -> Iterator[Finding]:
    """Where nearly all rows are of one class, who looks for the others is less often right than the dummy."""
    usual = dummy.metrics.get("accuracy") if dummy else None
    if usual is None or usual < _MOSTLY_ONE_CLASS:
        return
    below = tuple(
        one.model_id
        for one in rivals
        if (accuracy := one.metrics.get("accuracy")) is not None and accuracy < usual
    )
    if below:
        yield Finding(
            slug="below-dummy",
            severity=Severity.LOW,
            message=f"the accuracy of {', '.join(below)} is below the {usual:.4f} of always answering the "
            "most frequent class: few rows of a class carry the result",
            cure="go by average_precision, roc_auc or balanced_accuracy, which such an answer does not win",
            candidates=below,
        )


def _is_constant(result: Result) -> bool:
    """Whether all predictions are in one column of the table of confusions; unknown for numbers."""
    table = result.details.get("confusion")
    if not table:
        return False
    return sum(any(row[place] for row in table) for place in range(len(table[0]))) == 1
