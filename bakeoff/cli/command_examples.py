"""Examples below the help of commands. A test holds that each names a command and options that exist."""

from collections.abc import Mapping, Sequence

#: By command of the table, in the order in which a newcomer would type them.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "run": (
        "bakeoff run",
        "bakeoff run churn.csv --target churned --drop customer_id",
        "bakeoff run churn --models forest,ridge --folds 5 --save best",
    ),
    "plan": ("bakeoff plan churn", "bakeoff plan churn --models forest --seed 1"),
    "show": ("bakeoff show", "bakeoff show latest --errors", "bakeoff show 3f2a --json"),
    "predict": ("bakeoff predict models:/churn/Production new.csv -o answers.csv",),
    "models": ("bakeoff models", "bakeoff models --strict"),
    "datasets": (
        "bakeoff datasets",
        "bakeoff datasets add churn churn.csv --target churned --drop customer_id",
        "bakeoff datasets check churn",
    ),
    "registry": (
        "bakeoff registry list",
        "bakeoff registry show churn/3",
        "bakeoff registry promote churn/3 --to Production",
        "bakeoff registry rollback churn",
    ),
    "signals": (
        "bakeoff signals generate AAPL MSFT --as-of 2026-01-30",
        "bakeoff signals show --conflicts",
        "bakeoff signals explain model_a AAPL",
    ),
    "results": ("bakeoff results import items.csv --id item", "bakeoff results label item-17 true --by ann"),
    "api": ("bakeoff api --port 8484", "bakeoff api token ann --role admin"),
    "db": ("bakeoff db current", "bakeoff db backup", "bakeoff db upgrade"),
    "track": ("bakeoff track", "bakeoff track 3f2a latest", "bakeoff track --waiting"),
    "priority": ("bakeoff priority latest 10",),
}


def epilog_of(command: str) -> str | None:
    examples = EXAMPLES.get(command)
    return "\n\n".join(["Examples:", *examples]) if examples else None
