"""The database of the embedded registry: its schema, its log that never changes, and its query plans."""

import pytest
from fixtures.places import ROOT
from fixtures.projects.crowd import in_processes
from fixtures.values.plans import plans_of
from fixtures.values.shape import shape_of
from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.model_version import Stage, VersionFilter, parse_uri
from bakeoff.store.database import registry_tables, schema_version
from bakeoff.store.database.engine_and_transactions import open_registry_database, reading, writing
from bakeoff.store.database.schema_version import Branch
from bakeoff.store.models import version_rows, version_stages
from registry import ModelRegistry
from registry.models.local.artefact_files import DATABASE

MIGRATIONS = ROOT / "migrations"


@pytest.fixture
def empty(tmp_path):
    engine = open_registry_database(tmp_path / DATABASE)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(registry):
    return open_registry_database(registry.storage_path.resolve() / DATABASE)


def execute(engine, statement):
    with engine.begin() as connection:
        connection.execute(statement)


def shape(engine):
    return {part for part in shape_of(engine) if part[0] != "alembic_version"}


def test_the_migrations_make_what_the_tables_say(empty):
    schema_version.upgrade(empty, branch=Branch.REGISTRY)
    migrated = shape(empty)
    schema_version.downgrade(empty, "base", Branch.REGISTRY)
    assert shape(empty) == set()

    with writing(empty) as connection:
        registry_tables.metadata.create_all(connection)

    assert migrated == shape(empty)
    assert {"models", "promotions"} <= {table for table, _ in migrated}
    assert any("CREATE TRIGGER promotions_no_update" in part for _, part in migrated)


def test_the_branch_has_a_label_and_a_head_of_its_own(empty):
    schema_version.upgrade(empty, "registry@head", Branch.REGISTRY)

    newest = max(path.name for path in (MIGRATIONS / "registry").glob("*.py"))
    assert schema_version.current(empty) == schema_version.REGISTRY_HEAD == f"registry_{newest[:4]}"


def test_neither_kind_of_database_is_taken_for_the_other(empty):
    schema_version.upgrade(empty, branch=Branch.REGISTRY)

    with pytest.raises(InvalidInputError, match=f"has schema {schema_version.REGISTRY_HEAD}, which is newer"):
        schema_version.ensure(empty)


def test_an_older_registry_is_refused_with_the_command_that_mends_it(registry, monkeypatch):
    monkeypatch.setattr(schema_version, "REGISTRY_HEAD", "registry_0999")

    with pytest.raises(InfrastructureError) as refused:
        ModelRegistry(registry.storage_path)

    assert str(refused.value) == (
        f"the database sqlite:///{registry.storage_path.resolve()}/registry.db has schema registry_0001 and "
        "this version needs registry_0999: stop the workers, then run `bakeoff db upgrade`"
    )


def open_it(folder):
    return len(ModelRegistry(folder).list_models())


def test_ten_processes_open_one_new_registry_together(tmp_path):
    assert in_processes(open_it, [(tmp_path / "registry",)] * 10) == [0] * 10


@pytest.mark.parametrize("change", ["UPDATE promotions SET version = '9.9.9'", "DELETE FROM promotions"])
def test_nobody_can_change_the_log(registry, engine, change):
    registry.save_model(1, "churn")
    registry.transition_model_stage("churn/1.0.0", "Staging")

    with pytest.raises(IntegrityError, match="the log of stages is added to, and never changed"):
        execute(engine, text(change))

    assert [line.version for line in registry.history()] == ["1.0.0"]


def test_two_versions_in_production_cannot_be_written(registry, engine):
    for _ in range(2):
        registry.save_model(1, "churn")

    with pytest.raises(IntegrityError):
        execute(engine, update(registry_tables.models).values(stage=Stage.PRODUCTION))


@pytest.mark.parametrize(
    "changed", [{"stage": "Live"}, {"digest": "short"}, {"version": None}, {"serial": 1}]
)
def test_an_illegal_version_cannot_be_written(registry, engine, changed):
    registry.save_model(1, "churn")
    with reading(engine) as connection:
        row = connection.execute(text("SELECT * FROM models")).mappings().one()

    fresh = {**row, "model_id": 2, "version": "2.0.0", "serial": 2, **changed}

    with pytest.raises(IntegrityError):
        execute(engine, insert(registry_tables.models).values(fresh))


def test_what_is_committed_is_synced(engine):
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_registry_on_a_network_file_system_is_refused(tmp_path, monkeypatch):
    class Mount:
        mountpoint = str(tmp_path)
        fstype = "nfs4"

    monkeypatch.setattr("psutil.disk_partitions", lambda **_: [Mount])

    with pytest.raises(InvalidInputError) as refused:
        ModelRegistry(tmp_path / "net")

    assert str(refused.value) == (
        f"the database {tmp_path}/net/registry.db would lie on a network file system (nfs4), "
        "where SQLite corrupts: set modelRegistry.path to a folder on a local disk, "
        "or modelRegistry.backend to mlflow"
    )


#: Read from the end as far as the page goes.
IN_ORDER = {"SCAN models", "SCAN promotions"}

LOOKS = {
    "by id": lambda engine: version_rows.find(engine, 1),
    "by version": lambda engine: version_rows.find(engine, parse_uri("churn/1.0.0")),
    "by serial": lambda engine: version_rows.find(engine, parse_uri("churn/1")),
    "by stage": lambda engine: version_rows.find(engine, parse_uri("churn/Production")),
    "the newest": lambda engine: version_rows.find(engine, parse_uri("churn/latest")),
    "by alias": lambda engine: version_rows.find(engine, parse_uri("churn@champion")),
    "by run": lambda engine: version_rows.find(engine, parse_uri("runs:/r/tree")),
    "a page": lambda engine: version_rows.page(engine, limit=20),
    "a page of a name": lambda engine: version_rows.page(engine, VersionFilter(name="churn"), limit=20),
    "a page of a type": lambda engine: version_rows.page(engine, VersionFilter(type="Tree"), limit=20),
    "a page of a stage": lambda engine: version_rows.page(
        engine, VersionFilter(stage=Stage.STAGING), limit=20
    ),
    "a page of a tag": lambda engine: version_rows.page(
        engine, VersionFilter(tags={"team": "growth"}), limit=20
    ),
    "a page of a dataset": lambda engine: version_rows.page(engine, VersionFilter(dataset_id="d"), limit=20),
    "a page of good ones": lambda engine: version_rows.page(
        engine, VersionFilter(min_metrics={"f1": 0.5}), limit=20
    ),
    "every one of a version": lambda engine: version_rows.page(engine, VersionFilter(version="1.0.0")),
    "the best": lambda engine: version_rows.best(engine, "f1", greater_is_better=True),
    "the least": lambda engine: version_rows.best(engine, "mae", greater_is_better=False),
    "the best of a name": lambda engine: version_rows.best(
        engine, "f1", VersionFilter(name="churn"), greater_is_better=True
    ),
    "the log": lambda engine: version_stages.history(engine, limit=20),
    "the log of a name": lambda engine: version_stages.history(engine, "churn", limit=20),
    "a promotion": lambda engine: version_stages.move(
        engine, 1, Stage.PRODUCTION, by="me", reason="", evidence={}
    ),
    "a delete": lambda engine: version_rows.remove(engine, 1, force=True),
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_query_finds_its_rows_by_an_index_and_in_order(registry, engine, look):
    registry.save_model(1, "churn", metrics={"f1": 0.5})

    with plans_of(engine) as plans:
        LOOKS[look](engine)

    assert plans
    assert [step for step in plans if step.startswith("SCAN") and step not in IN_ORDER] == []
    assert [step for step in plans if "TEMP B-TREE" in step] == []
