"""The backends of the registry, and one that lives in memory alone: no caller can tell them apart."""

from functools import partial

import pytest
from contract.model_registry import ModelRegistryContract, SharedModelRegistryContract, flip_a_byte
from fixtures.values.memory_registry import InMemoryRegistry

from registry import MLflowModelRegistry, ModelRegistry


class TestInMemory(ModelRegistryContract):
    @pytest.fixture
    def registry(self):
        return InMemoryRegistry()

    def damage(self, registry, model_id):
        kept = registry.kept[model_id]
        kept.model = kept.model[:-1] + b"!"


class TestEmbedded(SharedModelRegistryContract):
    @pytest.fixture
    def registry(self, make_registry, tmp_path):
        return make_registry(tmp_path / "registry")

    @pytest.fixture
    def reopen(self, registry):
        return partial(ModelRegistry, registry.storage_path)


@pytest.mark.services
class TestMLflow(SharedModelRegistryContract):
    saves_of_each = 1

    @pytest.fixture
    def registry(self, mlflow_database):
        return MLflowModelRegistry(mlflow_database)

    @pytest.fixture
    def reopen(self, mlflow_database):
        return partial(MLflowModelRegistry, mlflow_database)


@pytest.mark.services
class TestMLflowServer:
    """Over HTTP, where each request takes its time, some of each kind: the rest is the same code as above."""

    saves_of_each = 1

    @pytest.fixture
    def registry(self, mlflow_server):
        return MLflowModelRegistry(mlflow_server.uri)

    @pytest.fixture
    def reopen(self, mlflow_server):
        return partial(MLflowModelRegistry, mlflow_server.uri)

    @pytest.fixture(autouse=True)
    def _artifacts(self, mlflow_server):
        self.artifacts = mlflow_server.artifacts

    def damage(self, registry, model_id):
        flip_a_byte(self.artifacts / registry.get(model_id).file_path.removeprefix("mlflow-artifacts:/"))


for _claim in (
    "a_version_that_a_name_has_is_refused_and_named",
    "a_deleted_version_is_never_given_again",
    "all_that_was_saved_with_a_model_comes_back",
    "an_awkward_name_is_kept_or_refused_but_never_changed",
    "names_that_differ_in_case_alone_are_two_names",
    "savers_at_once_never_get_the_same_version",
    "what_a_cell_has_fitted_is_taken_as_it_is",
    "what_a_cell_has_fitted_is_not_unpickled_when_it_is_saved",
    "a_model_is_copied_as_it_was_saved_and_not_unpickled",
    "an_evaluation_is_saved_once",
    "what_does_not_exist_is_an_error_that_names_it",
    "by_uri_comes_all_that_was_saved_together",
    "a_damaged_model_never_loads",
    "a_damaged_version_is_neither_promoted_nor_gone_back_to",
    "models_are_listed_newest_first_in_pages",
    "of_equals_the_newest_is_the_best",
    "what_is_deleted_is_gone",
    "what_is_in_production_is_deleted_by_force_alone",
    "a_change_of_stage_is_a_line_of_the_log",
    "one_version_of_a_name_is_in_production",
    "a_promotion_over_another_version_than_it_says_changes_nothing",
    "of_promoters_at_once_that_say_the_same_one_succeeds",
    "a_line_that_changes_no_stage_can_be_added_to_the_log",
    "the_log_is_read_newest_first_by_name",
    "an_alias_moves_and_goes",
    "what_is_saved_here_is_there_in_another_process",
    "ten_processes_at_once_never_get_the_same_version",
    "a_fork_may_go_on_using_it",
):
    setattr(TestMLflowServer, f"test_{_claim}", getattr(SharedModelRegistryContract, f"test_{_claim}"))
