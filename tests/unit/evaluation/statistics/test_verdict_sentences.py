"""A truth table: the case, and the sentence that a person reads."""

from dataclasses import replace

import pytest

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.verdict import (
    Against,
    Interval,
    PairDifference,
    ReferenceComparison,
    RunVerdict,
    Standing,
)
from bakeoff.evaluation.statistics.verdict_sentences import Contender, about, number, tell


def verdict_of(standings, metric="f1", **more):
    shares = (Standing.TIED, Standing.EQUIVALENT)
    return RunVerdict(
        metric=metric,
        greater_is_better=more.pop("greater_is_better", True),
        level=0.05,
        method="",
        seed=1,
        rows=more.pop("rows", 6000),
        best=next((id_ for id_, standing in standings.items() if standing is Standing.BEST), None),
        tied=tuple(id_ for id_, standing in standings.items() if standing in shares),
        standings=standings,
        **more,
    )


def contender(id_, value=0.871, half=0.012, **costs):
    known = None if value is None else Interval(low=value - half, high=value + half)
    return Contender(id=id_, value=value, interval=known, **costs)


def behind(a, difference, half, best="xgboost"):
    return PairDifference(
        a=a,
        b=best,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p_value=0.01,
        n_eff=90,
    )


def against(reference, candidate, outcome, difference=0.02, half=0.008):
    return ReferenceComparison(
        reference=reference,
        candidate=candidate,
        outcome=outcome,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p_value=0.5,
        n_eff=90,
    )


B, T, E, W, NONE = Standing.BEST, Standing.TIED, Standing.EQUIVALENT, Standing.WORSE, Standing.INSUFFICIENT
BETTER, WORSE, NOT_SHOWN = Against.BETTER, Against.WORSE, Against.NOT_SHOWN

CHEAP = {"predict_seconds": 0.0059, "fit_seconds": 14.9}
FEW_ROWS = Finding(slug="few-rows", severity=Severity.MEDIUM, message="")
FEW_GROUPS = Finding(slug="few-groups", severity=Severity.MEDIUM, message="")

FOUR = ("xgboost", "lightgbm", "forest", "svm")
ONE_BEST = verdict_of(
    {"xgboost": B, "lightgbm": W, "forest": W},
    recommended="xgboost",
    to_best={"lightgbm": behind("lightgbm", -0.018, 0.014), "forest": behind("forest", -0.05, 0.01)},
)
TWO_TIED = verdict_of({"xgboost": T, "lightgbm": T, "forest": W}, recommended="xgboost")
FOUR_TIED = verdict_of(dict.fromkeys(FOUR, T), recommended="xgboost")
NINE = tuple(f"m{place}" for place in range(1, 10))
ONLY_ONE = verdict_of({"xgboost": NONE}, recommended="xgboost")


@pytest.mark.parametrize(
    ("verdict", "contenders", "options", "sentence"),
    [
        pytest.param(
            ONE_BEST,
            [contender(x) for x in FOUR[:3]],
            {},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of the two others. "
            "The next, lightgbm, is 0.018 (0.004 to 0.032) behind.",
            id="one best",
        ),
        pytest.param(
            verdict_of(
                {"xgboost": B, "lightgbm": W},
                to_best={"lightgbm": behind("lightgbm", -0.018, 0.014)},
                recommended="xgboost",
            ),
            [contender("xgboost"), contender("lightgbm")],
            {},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of lightgbm, by "
            "0.018 (0.004 to 0.032).",
            id="best of two",
        ),
        pytest.param(
            replace(ONE_BEST, to_best={**ONE_BEST.to_best, "lightgbm": behind("lightgbm", -0.01, 0.02)}),
            [contender(x) for x in FOUR[:3]],
            {},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of the two others. "
            "The next, lightgbm, is 0.01 behind.",
            id="best, but not by the pair with the next alone",
        ),
        pytest.param(
            verdict_of(
                {"xgboost": B, "lightgbm": W, "forest": W},
                metric="rmse",
                greater_is_better=False,
                to_best={
                    "lightgbm": behind("lightgbm", 21.0, 12.0),
                    "forest": behind("forest", 900.0, 30.0),
                },
                recommended="xgboost",
            ),
            [contender("xgboost", 1234.5, 31.0), contender("lightgbm", 1255.0), contender("forest", 2134.0)],
            {},
            "xgboost is best: its rmse of 1,230 is shown to be lower than that of the two others. "
            "The next, lightgbm, is 21 (9 to 33) behind.",
            id="best of a loss",
        ),
        pytest.param(
            replace(
                ONE_BEST,
                references=(
                    against("Production", "xgboost", BETTER),
                    against("dummy", "xgboost", BETTER, 0.4),
                ),
            ),
            [contender(x) for x in FOUR[:3]],
            {"baselines": ["dummy"]},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of the two others. "
            "The next, lightgbm, is 0.018 (0.004 to 0.032) behind. It beats Production by about "
            "0.02 f1.",
            id="best, and better than Production; that it beats the dummy goes without saying",
        ),
        pytest.param(
            replace(ONE_BEST, references=(against("Production", "xgboost", NOT_SHOWN),)),
            [contender(x) for x in FOUR[:3]],
            {},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of the two others. "
            "The next, lightgbm, is 0.018 (0.004 to 0.032) behind. It is not shown to beat "
            "Production.",
            id="best, but not shown to beat Production",
        ),
        pytest.param(
            replace(ONE_BEST, references=(against("Production", "xgboost", WORSE, -0.03),)),
            [contender(x) for x in FOUR[:3]],
            {},
            "xgboost is best: its f1 of 0.871 is shown to be higher than that of the two others. "
            "The next, lightgbm, is 0.018 (0.004 to 0.032) behind. Production is shown to be "
            "better than it, by about 0.03 f1.",
            id="best, and worse than Production",
        ),
        pytest.param(
            TWO_TIED,
            [
                contender("xgboost", **CHEAP),
                contender("lightgbm", predict_seconds=0.007),
                contender("forest"),
            ],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, the cheaper of the two (5.9 ms a prediction, 14.9 s to fit).",
            id="tie of two",
        ),
        pytest.param(
            replace(TWO_TIED, recommended="lightgbm"),
            [
                contender("xgboost", predict_seconds=0.24, fit_seconds=180, peak_memory_mb=900),
                contender("lightgbm", predict_seconds=0.006, fit_seconds=15, peak_memory_mb=300),
            ],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take lightgbm, the cheaper of the two (6 ms a prediction, 15 s to fit). "
            "xgboost, with the highest f1, takes 40 times the prediction time, 12 times the time "
            "to fit and 3 times the memory.",
            id="tie of two, the one to take is much cheaper than the one with the best score",
        ),
        pytest.param(
            replace(
                TWO_TIED, recommended="lightgbm", to_best={"lightgbm": behind("lightgbm", -0.0042, 0.011)}
            ),
            [
                contender("xgboost", predict_seconds=0.011, fit_seconds=15),
                contender("lightgbm", predict_seconds=0.006, fit_seconds=15),
            ],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take lightgbm, the cheaper of the two (6 ms a prediction, 15 s to fit). Its f1 is "
            "0.004 lower, which may be chance.",
            id="tie of two, the one to take scores lower",
        ),
        pytest.param(
            replace(FOUR_TIED, recommended="lightgbm"),
            [
                contender("xgboost", predict_seconds=0.05),
                contender("lightgbm", predict_seconds=0.0055, fit_seconds=2),
                contender("forest", predict_seconds=0.005),
                contender("svm", predict_seconds=0.2),
            ],
            {},
            "Four candidates share first place: xgboost, lightgbm, forest and svm cannot be told apart by f1 "
            "on 6,000 rows. Take lightgbm, with the highest f1 of those that cost little (5.5 ms a "
            "prediction, 2 s to fit). xgboost, with the highest f1, takes 9.1 times the prediction time.",
            id="tie of four, two of them cheap, of which one scores higher",
        ),
        pytest.param(
            TWO_TIED,
            [contender("xgboost", predict_seconds=0.0055), contender("lightgbm", predict_seconds=0.005)],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 rows. Take "
            "xgboost, with the highest f1: the other one does not cost much less.",
            id="tie of two, the other one costs a little less",
        ),
        pytest.param(
            verdict_of(
                {"xgboost": T, "lightgbm": T, "svm": NONE},
                recommended="xgboost",
                bands={"xgboost": (1, 3), "lightgbm": (1, 3), "svm": (1, 3)},
            ),
            [contender("xgboost"), contender("lightgbm"), contender("svm")],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 rows. svm "
            "may be as good: too few rows tell it from xgboost. Take xgboost, with the highest f1: "
            "what they cost is not known.",
            id="tie of two, and a third of which too little is known",
        ),
        pytest.param(
            verdict_of({"xgboost": NONE, "lightgbm": NONE, "svm": W}),
            [contender("xgboost"), contender("lightgbm"), contender("svm", 0.2)],
            {},
            "svm is shown not to be the best. Which of xgboost and lightgbm is, cannot be said: their f1 "
            "rests on too few of the 6,000 rows.",
            id="too few rows for those in front, not for the one behind",
        ),
        pytest.param(
            verdict_of(
                {"xgboost": NONE, "lightgbm": NONE, "svm": W},
                recommended="xgboost",
                to_best={"lightgbm": behind("lightgbm", -0.01, 0.02), "svm": behind("svm", -0.4, 0.1)},
                references=(
                    against("dummy", "lightgbm", BETTER, 0.4),
                    against("dummy", "svm", NOT_SHOWN),
                    against("dummy", "xgboost", BETTER, 0.4),
                ),
            ),
            [contender("xgboost"), contender("lightgbm"), contender("svm", 0.2)],
            {"baselines": ["dummy"]},
            "svm is shown not to be the best. Which of xgboost and lightgbm is, cannot be said: their f1 "
            "rests on too few of the 6,000 rows. Take xgboost, with the highest f1: what they cost is not "
            "known. Both beat dummy by about 0.4 f1.",
            id="too few rows for those in front, who beat the dummy",
        ),
        pytest.param(
            verdict_of({"xgboost": NONE, "lightgbm": NONE}, rows=None),
            [contender("xgboost"), contender("lightgbm")],
            {},
            "Nothing can be claimed of the two candidates: the predictions behind their scores were not "
            "kept.",
            id="scores without sketches",
        ),
        pytest.param(
            TWO_TIED,
            [
                contender("xgboost", predict_seconds=0.0001, fit_seconds=15),
                contender("lightgbm", predict_seconds=0.00025, fit_seconds=15),
            ],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, the cheaper of the two (0.1 ms a prediction, 15 s to fit). "
            "lightgbm, the next, takes 2.5 times the prediction time.",
            id="tie of two, the cheaper one has the best score as well",
        ),
        pytest.param(
            TWO_TIED,
            [contender("xgboost", fit_seconds=2.0), contender("lightgbm", fit_seconds=3.0)],
            {"prefer": "fit_time"},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, the faster of the two to fit (2 s to fit).",
            id="tie of two, time to fit is preferred",
        ),
        pytest.param(
            FOUR_TIED,
            [contender(x, peak_memory_mb=m) for x, m in zip(FOUR, (1200, 1300, 1400, 1500), strict=True)],
            {"prefer": "memory"},
            "Four candidates share first place: xgboost, lightgbm, forest and svm cannot be told "
            "apart by f1 on 6,000 rows. Take xgboost, which needs the least memory (1.2 GB).",
            id="tie of four, memory is preferred",
        ),
        pytest.param(
            replace(TWO_TIED, recommended="lightgbm"),
            [contender("xgboost"), contender("lightgbm")],
            {"prefer": "order"},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take lightgbm, which comes first in the order you gave.",
            id="tie of two, an order was given",
        ),
        pytest.param(
            TWO_TIED,
            [contender("xgboost"), contender("lightgbm")],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, with the highest f1: what they cost is not known.",
            id="tie of two, costs not known",
        ),
        pytest.param(
            TWO_TIED,
            [contender(x, predict_seconds=0.001) for x in FOUR[:2]],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost: none of them costs less.",
            id="tie of two, as cheap as each other",
        ),
        pytest.param(
            replace(FOUR_TIED, references=tuple(against("Production", x, BETTER) for x in FOUR)),
            [contender("xgboost", **CHEAP), *(contender(x, predict_seconds=0.009) for x in FOUR[1:])],
            {},
            "Four candidates share first place: xgboost, lightgbm, forest and svm cannot be told "
            "apart by f1 on 6,000 rows. Take xgboost, the cheapest of them (5.9 ms a prediction, "
            "14.9 s to fit). All four beat Production by about 0.02 f1.",
            id="tie of four that all beat Production",
        ),
        pytest.param(
            replace(
                FOUR_TIED,
                references=tuple(
                    against("Production", x, outcome)
                    for x, outcome in zip(FOUR, (BETTER, NOT_SHOWN, BETTER, BETTER), strict=True)
                ),
            ),
            [contender("xgboost", **CHEAP), *(contender(x, predict_seconds=0.009) for x in FOUR[1:])],
            {},
            "Four candidates share first place: xgboost, lightgbm, forest and svm cannot be told "
            "apart by f1 on 6,000 rows. Take xgboost, the cheapest of them (5.9 ms a prediction, "
            "14.9 s to fit). All but lightgbm beat Production by about 0.02 f1.",
            id="tie of four, three of them beat Production",
        ),
        pytest.param(
            replace(TWO_TIED, references=tuple(against("Production", x, NOT_SHOWN) for x in FOUR[:2])),
            [contender(x, predict_seconds=0.001) for x in FOUR[:2]],
            {},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost: none of them costs less. Neither is shown to beat Production.",
            id="tie of two, neither beats Production",
        ),
        pytest.param(
            replace(TWO_TIED, references=tuple(against("dummy", x, Against.INSUFFICIENT) for x in FOUR[:2])),
            [contender(x, predict_seconds=0.001) for x in FOUR[:2]],
            {"baselines": ["dummy"]},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost: none of them costs less. Too few rows tell them from dummy.",
            id="tie of two that too few rows tell from the dummy",
        ),
        pytest.param(
            replace(FOUR_TIED, references=tuple(against("Production", x, WORSE, -0.03) for x in FOUR)),
            [contender(x, predict_seconds=0.001) for x in FOUR],
            {},
            "Four candidates share first place: xgboost, lightgbm, forest and svm cannot be told "
            "apart by f1 on 6,000 rows. Take xgboost: none of them costs less. Production is shown "
            "to be better than all four, by about 0.03 f1.",
            id="tie of four, all worse than Production",
        ),
        pytest.param(
            verdict_of(dict.fromkeys(NINE, T), recommended="m1"),
            [
                contender("m1", predict_seconds=0.001),
                *(contender(x, predict_seconds=0.0015) for x in NINE[1:]),
            ],
            {},
            "Nine candidates share first place: m1, m2, m3 and 6 more cannot be told apart by f1 "
            "on 6,000 rows. Take m1, the cheapest of them (1 ms a prediction).",
            id="tie of many",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                to_best={
                    "lightgbm": PairDifference(
                        a="lightgbm", b="xgboost", difference=0, low=0, high=0, p_value=1, n_eff=6000
                    )
                },
            ),
            [contender("xgboost", **CHEAP), contender("lightgbm", predict_seconds=0.007)],
            {},
            "xgboost and lightgbm share first place: they score the same by f1 on 6,000 rows. Take "
            "xgboost, the cheaper of the two (5.9 ms a prediction, 14.9 s to fit).",
            id="equal predictions",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                to_best={
                    "lightgbm": PairDifference(
                        a="lightgbm", b="xgboost", difference=0, low=0, high=0, p_value=1, n_eff=6000
                    )
                },
            ),
            [contender("xgboost", predict_seconds=0.006), contender("lightgbm", predict_seconds=0.005)],
            {},
            "xgboost and lightgbm share first place: they score the same by f1 on 6,000 rows. Take "
            "xgboost: the other one does not cost much less.",
            id="equal predictions at about the same cost: neither has the highest score",
        ),
        pytest.param(
            verdict_of({"xgboost": E, "lightgbm": E}, recommended="xgboost"),
            [contender("xgboost", **CHEAP), contender("lightgbm", predict_seconds=0.007)],
            {"margin": 0.01},
            "xgboost and lightgbm are equivalent: each shown to be within 0.01 of whichever is "
            "best by f1 on 6,000 rows. Take xgboost, the cheaper of the two (5.9 ms a prediction, "
            "14.9 s to fit).",
            id="two equivalent within a margin",
        ),
        pytest.param(
            verdict_of({"xgboost": E, "lightgbm": E, "forest": T}, recommended="xgboost"),
            [contender("xgboost", **CHEAP), *(contender(x, predict_seconds=0.007) for x in FOUR[1:3])],
            {"margin": 0.01},
            "Three candidates share first place: xgboost, lightgbm and forest cannot be told apart "
            "by f1 on 6,000 rows. Of these, xgboost and lightgbm are shown to be within 0.01 of "
            "whichever is best. Take xgboost, the cheapest of them (5.9 ms a prediction, 14.9 s to "
            "fit).",
            id="a tie of which some are within the margin",
        ),
        pytest.param(
            verdict_of(dict.fromkeys(NINE, E), recommended="m1"),
            [
                contender("m1", predict_seconds=0.001),
                *(contender(x, predict_seconds=0.0015) for x in NINE[1:]),
            ],
            {"margin": 0.01},
            "Nine candidates are equivalent: m1, m2, m3 and 6 more, each shown to be within 0.01 "
            "of whichever is best by f1 on 6,000 rows. Take m1, the cheapest of them (1 ms a "
            "prediction).",
            id="many equivalent within a margin",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                recommended=None,
                references=tuple(against("dummy", x, NOT_SHOWN) for x in FOUR[:2]),
            ),
            [contender(x, predict_seconds=0.001) for x in FOUR[:2]],
            {"baselines": ["dummy"]},
            "No candidate is shown to beat dummy by f1 on 6,000 rows. xgboost has the highest, 0.871.",
            id="nobody beats the dummy",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                recommended=None,
                references=tuple(
                    against(name, x, NOT_SHOWN) for name in ("dummy", "Production") for x in FOUR[:2]
                ),
            ),
            [contender(x, predict_seconds=0.001) for x in FOUR[:2]],
            {"baselines": ["dummy"]},
            "No candidate is shown to beat dummy by f1 on 6,000 rows. "
            "xgboost has the highest, 0.871. It is not shown to beat Production.",
            id="nobody beats the dummy or Production",
        ),
        pytest.param(
            replace(
                ONE_BEST,
                metric="rmse",
                greater_is_better=False,
                recommended=None,
                references=(
                    against("Production", "xgboost", NOT_SHOWN),
                    *(against("dummy", x, NOT_SHOWN) for x in FOUR[:3]),
                ),
            ),
            [contender(x) for x in FOUR[:3]],
            {"baselines": ["dummy"]},
            "No candidate is shown to beat dummy by rmse on 6,000 rows. xgboost has the lowest, "
            "0.871. It is not shown to beat Production.",
            id="better than the others, not than the dummy",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                references=(against("dummy", "xgboost", BETTER), against("dummy", "lightgbm", NOT_SHOWN)),
            ),
            [contender("xgboost", **CHEAP), contender("lightgbm", predict_seconds=0.007)],
            {"baselines": ["dummy"]},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, the cheaper of the two (5.9 ms a prediction, 14.9 s to fit). "
            "xgboost beats dummy by about 0.02 f1.",
            id="one of two beats the dummy",
        ),
        pytest.param(
            replace(
                TWO_TIED,
                recommended="lightgbm",
                references=(against("dummy", "xgboost", NOT_SHOWN), against("dummy", "lightgbm", BETTER)),
            ),
            [contender("xgboost", predict_seconds=0.001), contender("lightgbm", predict_seconds=0.007)],
            {"baselines": ["dummy"]},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take lightgbm, the first choice among those that beat the baseline (7 ms a "
            "prediction). lightgbm beats dummy by about 0.02 f1.",
            id="the cheaper of two does not beat the dummy",
        ),
        pytest.param(
            TWO_TIED,
            [contender("xgboost"), contender("lightgbm")],
            {"prefer": "score"},
            "xgboost and lightgbm share first place: they cannot be told apart by f1 on 6,000 "
            "rows. Take xgboost, with the highest f1: the order you gave names none of them.",
            id="tie of two that the given order does not name",
        ),
        pytest.param(
            verdict_of(
                dict.fromkeys(FOUR, NONE),
                rows=12,
                findings=(FEW_ROWS,),
            ),
            [contender(x) for x in FOUR],
            {},
            "12 rows are too few to claim anything of the four candidates; at least 20 are needed.",
            id="too few rows",
        ),
        pytest.param(
            verdict_of(
                {"xgboost": NONE},
                rows=12,
                findings=(FEW_ROWS,),
            ),
            [contender("xgboost")],
            {},
            "12 rows are too few to claim anything of xgboost; at least 20 are needed.",
            id="too few rows of one candidate",
        ),
        pytest.param(
            verdict_of(
                dict.fromkeys(FOUR, NONE),
                findings=(FEW_GROUPS,),
            ),
            [contender(x) for x in FOUR],
            {},
            "The groups of the 6,000 rows are too few to claim anything of the four candidates; 6 "
            "are needed.",
            id="too few groups",
        ),
        pytest.param(
            verdict_of(dict.fromkeys(FOUR, NONE), metric="recall"),
            [contender(x) for x in FOUR],
            {},
            "Nothing can be claimed of the four candidates: their recall rests on too few of the 6,000 rows.",
            id="many rows, but few that the metric rests on",
        ),
        pytest.param(
            ONLY_ONE,
            [contender("xgboost"), contender("broken", None)],
            {},
            "xgboost is the only candidate with a score: f1 0.871 (0.859 to 0.883) on 6,000 rows.",
            id="one candidate",
        ),
        pytest.param(
            replace(ONLY_ONE, references=(against("Production", "xgboost", BETTER),)),
            [contender("xgboost")],
            {},
            "xgboost is the only candidate with a score: f1 0.871 (0.859 to 0.883) on 6,000 rows. "
            "It beats Production by about 0.02 f1.",
            id="one candidate and Production",
        ),
        pytest.param(
            replace(ONLY_ONE, references=(against("dummy", "xgboost", BETTER),)),
            [contender("xgboost")],
            {"baselines": ["dummy"]},
            "xgboost is the only candidate with a score: f1 0.871 (0.859 to 0.883) on 6,000 rows. "
            "It beats dummy by about 0.02 f1.",
            id="one candidate that beats the dummy",
        ),
        pytest.param(
            replace(ONLY_ONE, references=(against("dummy", "xgboost", Against.INSUFFICIENT),)),
            [contender("xgboost")],
            {"baselines": ["dummy"]},
            "xgboost is the only candidate with a score: f1 0.871 (0.859 to 0.883) on 6,000 rows. "
            "Too few rows tell it from dummy.",
            id="one candidate that too few rows tell from the dummy: that is no failed comparison",
        ),
        pytest.param(
            replace(ONLY_ONE, recommended=None, references=(against("dummy", "xgboost", NOT_SHOWN),)),
            [contender("xgboost")],
            {"baselines": ["dummy"]},
            "xgboost, the only candidate with a score, is not shown to beat dummy by f1 on 6,000 rows.",
            id="one candidate that does not beat the dummy",
        ),
        pytest.param(
            replace(
                ONLY_ONE,
                recommended=None,
                references=(against("always", "xgboost", NOT_SHOWN), against("dummy", "xgboost", BETTER)),
            ),
            [contender("xgboost")],
            {"baselines": ["always", "dummy"]},
            "xgboost, the only candidate with a score, is not shown to beat always by f1 on 6,000 rows.",
            id="one candidate that beats one baseline of two has won nothing",
        ),
        pytest.param(
            verdict_of({"xgboost": NONE}),
            [contender("xgboost", None)],
            {},
            "No candidate has a score by f1, so there is no verdict.",
            id="no candidate has a score",
        ),
        pytest.param(
            verdict_of({}, rows=None),
            [],
            {},
            "No candidate has a result, so there is no verdict.",
            id="no result",
        ),
    ],
)
def test_the_sentence(verdict, contenders, options, sentence):
    assert tell(verdict, contenders, **options) == sentence


@pytest.mark.parametrize(
    ("value", "half", "said"),
    [
        (0.87123, 0.0141, "0.871"),
        (0.87123, 0.031, "0.87"),
        (0.87123, 0.0032, "0.871"),
        (1234.5, 31, "1,230"),
        (1234567.8, 2.5, "1,234,568"),
        (-0.3141, 0.02, "-0.31"),
        (0.0001, 0.02, "0.00"),
        (-0.0001, 0.02, "0.00"),
        (1234.5, 0, "1,230"),
        (0.5, float("inf"), "0.500"),
        (3.2e-9, 1e-10, "3.2e-09"),
        (0.0, 0.0, "0.00"),
    ],
)
def test_a_number_has_the_digits_that_its_interval_supports(value, half, said):
    assert number(value, half) == said


@pytest.mark.parametrize(
    ("value", "half", "said"),
    [
        (0.0213, 0.008, "0.021"),
        (0.0213, 0.02, "0.02"),
        (0.2, 0.3, "0.2"),
        (0.002, 0.05, "0.002"),
        (210, 30, "210"),
        (0, 0, "0"),
    ],
)
def test_about_has_one_or_two_digits(value, half, said):
    assert about(value, half) == said


def test_a_tie_is_never_called_equal_and_nobody_in_it_best():
    contenders = [contender(x, **CHEAP) for x in FOUR]
    for verdict in (TWO_TIED, FOUR_TIED, replace(FOUR_TIED, recommended=None)):
        said = tell(verdict, contenders, margin=0.01)
        assert not {"equivalent", "equal", "best", "wins", "winner"} & set(said.replace(".", "").split())


def test_a_shown_difference_is_that_of_the_pair_and_not_of_its_order():
    turned = replace(ONE_BEST, to_best=dict(reversed(ONE_BEST.to_best.items())))
    contenders = [contender(x) for x in FOUR[:3]]
    assert tell(turned, contenders) == tell(ONE_BEST, contenders)


@pytest.mark.parametrize("verdict", [ONE_BEST, TWO_TIED, FOUR_TIED])
def test_a_metric_that_is_a_function_goes_by_the_name_of_the_function(verdict):
    contenders = [contender(x) for x in verdict.standings]
    said = tell(verdict, contenders)

    assert "f1" in said
    assert tell(replace(verdict, metric="shop.metrics:profit"), contenders) == said.replace("f1", "profit")
