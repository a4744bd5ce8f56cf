"""The project that a command works on: its configuration, database, catalog, registry and jobs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.domain.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.domain.runs.job import Job
    from bakeoff.operations.context import Context, Messenger
    from bakeoff.settings.configuration import Configuration
    from registry.models.local.local_registry import ModelRegistry
    from registry.models.registry_interface import BaseModelRegistry

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="Configuration file, or its folder.", show_default=False),
]

FIRST_MODEL = "`bakeoff run --save best` or `bakeoff registry save` saves the first one"

_before_command: list[Path] = []


def remember(config: Path | None) -> None:
    """Keeps a `--config` that is given before the command, for commands that are given none themselves."""
    _before_command[:] = [config] if config else []


def open_project(config: Path | None, **flags: Any) -> "Context":
    """`flags` are settings from the command line, by camelCase key; None means not given."""
    from bakeoff.operations.context import Context
    from bakeoff.settings.configuration import load

    asked = config or (_before_command[0] if _before_command else None)
    context = Context(load(asked, overrides=flags), _messenger)
    context.make_project_importable()
    return context


def _messenger(context: "Context") -> "Messenger":
    """The worker that a command started or found sends its messages; else Celery is loaded for the first."""
    from bakeoff.worker.temporary.send_doorbells_through_worker import MessengerByWorker
    from bakeoff.worker.temporary.worker_for_command_run import ReliedOn

    return MessengerByWorker(ReliedOn(), lambda: _celery_messenger(context))


def _celery_messenger(context: "Context") -> "Messenger":
    from tasks.celery import messenger_for

    return messenger_for(context)


def existing_database(context: "Context") -> "Engine":
    """The database, with or without runs. An error if there is none: it is not created here."""
    from bakeoff.domain.errors import NotFoundError

    if not context.has_database():
        raise NotFoundError(
            f"there is no database of {context.configuration.root} yet: `bakeoff run` makes it, "
            f"or name another project with --config"
        )
    return context.engine


def database(context: "Context") -> "Engine":
    """The database if it has runs; else an error that says how to make the first one."""
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.store.bakeoffs.run_rows import page
    from bakeoff.store.database import schema_version

    if context.has_database():
        schema_version.ensure(context.engine)
        if page(context.engine, limit=1):
            return context.engine
    raise NotFoundError(
        f"nothing was ever run in {context.configuration.root}: `bakeoff run` makes the first run, "
        f"or name another project with --config"
    )


def registry(configuration: "Configuration") -> "BaseModelRegistry":
    """The registry of trained models; an error if no model was saved. Reading creates no file."""
    from bakeoff.domain.errors import NotFoundError
    from registry.models import registry_opening

    if registry_opening.has_registry(configuration):
        return registry_opening.open_registry(configuration)
    raise NotFoundError(f"no model was ever saved in {configuration.root}: {FIRST_MODEL}")


def local_registry(configuration: "Configuration") -> "ModelRegistry":
    """The embedded registry, whose files Bakeoff manages; an error for other backends."""
    from bakeoff.domain.errors import InvalidInputError
    from registry.models.local.local_registry import ModelRegistry

    found = registry(configuration)
    if isinstance(found, ModelRegistry):
        return found
    backend = configuration.settings.model_registry.backend
    owner = "managed by MLflow, see `mlflow gc --help`" if backend == "mlflow" else "managed by that backend"
    raise InvalidInputError(f"modelRegistry.backend is {backend}: its files are {owner}")


def find_job(engine: "Engine", asked: str, model: str | None) -> "Job":
    """`asked`: the id of the job, or that of its run if a candidate is named, too."""
    from bakeoff.domain.wording import listed, nearest
    from bakeoff.store.bakeoffs import job_queries, run_rows

    if model is None:
        try:
            return job_queries.get(engine, job_queries.find(engine, asked))
        except NotFoundError as exc:
            raise NotFoundError(f"{exc}; a candidate is named after its run, as in `latest MODEL`") from None
    run_id = run_rows.find(engine, asked)
    of_run = job_queries.of_run(engine, run_id)
    for job in of_run:
        if job.candidate.id == model:
            return job
    known = [job.candidate.id for job in of_run]
    near = nearest(model, known) or f"; there are {listed(known)}"
    raise NotFoundError(f"run {run_id} has no candidate {model!r}{near}")
