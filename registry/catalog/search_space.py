"""Search spaces: the parameters that a candidate chooses itself, inside its cell.

The values are written like those of random trials: a list, or a range such as `{log_uniform: [0.001, 100]}`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import Tuning
from registry.catalog.parameter_grid import with_parameter
from registry.catalog.random_trials import check_range


def with_tuning(candidate: Candidate, tuning: Tuning) -> Candidate:
    """The candidate with its search. InvalidInputError says which parameter or range is none."""
    if not tuning.params:
        raise InvalidInputError(f"the search of {candidate.id} has no params: name one, and its values")
    for name, values in tuning.params.items():
        check_range(f"the search of {candidate.id} takes {name}", values)
        with_parameter(candidate, name, None, what="search")  # refuses a step that is not there
    return replace(candidate, tune=tuning)


def with_parameters(candidate: Candidate, params: Mapping[str, Any]) -> Candidate:
    """The candidate with these values, and nothing left to search."""
    for name, value in params.items():
        candidate = with_parameter(candidate, name, value, what="search")
    return replace(candidate, tune=None)


def with_first_values(candidate: Candidate) -> Candidate:
    """The candidate as one of its trials might make it: a constructor may need what only the search gives.

    Parameters that are given stay, but for those of steps; and nothing is left to search.
    """
    if candidate.tune is None:
        return candidate
    missing = {
        name: _first(values) for name, values in candidate.tune.params.items() if name not in candidate.params
    }
    return with_parameters(candidate, missing)


def _first(values: Any) -> Any:
    if isinstance(values, Mapping):
        [(low, _)] = values.values()
        return low
    return values[0]
