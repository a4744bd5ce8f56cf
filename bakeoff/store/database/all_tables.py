"""All tables of the database of runs. Import them from here: then all of them are known.

They are declared in `run_tables`, `result_tables`, `schedule_and_suite_tables`,
`event_audit_and_rejection_tables` and `signal_and_feedback_tables`. Foreign keys point from one to another,
so `metadata` is whole only when all of these are imported.
Constraints repeat the rules of the domain: illegal rows are refused.
"""

from bakeoff.store.database.event_audit_and_rejection_tables import audit_log, candidate_loads, outbox
from bakeoff.store.database.result_tables import (
    curves,
    fitted_models,
    fold_results,
    provenances,
    race_looks,
    results,
    savings,
    shuffled_refits,
    sketches,
    trackings,
    verdicts,
)
from bakeoff.store.database.run_tables import IS_QUEUED, IS_RUNNING, IS_WHOLE, jobs, run_labels, runs
from bakeoff.store.database.schedule_and_suite_tables import (
    schedule_pauses,
    schedule_slots,
    schedules,
    suite_members,
    suites,
)
from bakeoff.store.database.signal_and_feedback_tables import ensemble_signals, items, labels, model_signals
from bakeoff.store.database.table_conventions import metadata

__all__ = [
    "IS_QUEUED",
    "IS_RUNNING",
    "IS_WHOLE",
    "audit_log",
    "candidate_loads",
    "curves",
    "ensemble_signals",
    "fitted_models",
    "fold_results",
    "items",
    "jobs",
    "labels",
    "metadata",
    "model_signals",
    "outbox",
    "provenances",
    "race_looks",
    "results",
    "run_labels",
    "runs",
    "savings",
    "schedule_pauses",
    "schedule_slots",
    "schedules",
    "shuffled_refits",
    "sketches",
    "suite_members",
    "suites",
    "trackings",
    "verdicts",
]
