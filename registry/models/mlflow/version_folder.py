"""The folder that MLflow keeps for a version, in MLflow's own form, so that plain MLflow loads it.

MLmodel, requirements.txt, conda.yaml, python_env.yaml    as MLflow writes them
model.pkl                                                 a pickle; of some flavors, a file of their own
preprocessor.pkl                                          the artifact of `registry.models.model_description`
input_example.json, serving_input_example.json            a few rows, as MLflow has them
example.json      the same rows with their types: `registry.columns.input_example`
code/bakeoff_model.py                                     how to load model and preprocessor together
"""

import json
import mmap
import shutil
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bakeoff.domain.errors import TamperedError
from bakeoff.domain.model_version import ModelVersion
from registry.columns.input_example import example_from_json
from registry.columns.json_values import jsonable
from registry.models import pickling
from registry.models.local import artefact_files
from registry.models.mlflow import bakeoff_model, choose_mlflow_flavor
from registry.models.mlflow.bakeoff_model import MODEL, PREPROCESSOR
from registry.models.registry_interface import Description, Fitted, Loaded
from registry.models.unpickle_with_version_warning import does_not_load, warning_of_other_versions

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema

EXAMPLE = "example.json"
_MLMODEL, _CODE = "MLmodel", "code"
_REQUIREMENTS, _CONDA, _PYTHON = "requirements.txt", "conda.yaml", "python_env.yaml"
_PICKLE = b"\x80"  #: how a pickle of protocol 2 or newer begins
_ENVIRONMENTS = {"conda_env": _CONDA, "python_env": _PYTHON}


def write(folder: Path, model: Any, described: Description, preprocessor: Mapping[str, Any] | None) -> None:
    """Writes the folder. Pickles are plain ones, because MLflow does not read those of joblib."""
    flavor = choose_mlflow_flavor.flavor_of(model)
    if flavor is None or choose_mlflow_flavor.is_a_pickle(flavor):
        folder.mkdir()
        pickling.write(model, folder / MODEL)
    else:
        signature = to_mlflow_signature(described.signature)
        choose_mlflow_flavor.save(
            flavor, model, folder, signature=signature, requirements=_requirements(described)
        )
    if preprocessor is not None:
        pickling.write(preprocessor, folder / PREPROCESSOR)
    _describe(folder, flavor, described, uses_our_loader=choose_mlflow_flavor.needs_our_predict(model))


def write_fitted(folder: Path, fitted: Fitted, described: Description) -> None:
    """Writes the folder of a model that is not unpickled. Its flavor follows from the form of its file."""
    folder.mkdir()
    artefact_files.adopt(fitted.model, fitted.model_digest, folder / MODEL)
    if fitted.preprocessor is not None:
        artefact_files.adopt(fitted.preprocessor, str(fitted.preprocessor_digest), folder / PREPROCESSOR)
    _describe(folder, choose_mlflow_flavor.SKLEARN if _is_plain_pickle(folder / MODEL) else None, described)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by its path in the folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): artefact_files.digest_of(file) for file in files}


def verify(folder: Path, recorded: Mapping[str, str], what: str) -> None:
    """TamperedError if a file differs from the saved one. Files that were never saved are removed unread."""
    found = digests(folder)
    for name, digest in recorded.items():
        if found.get(name) != digest:
            raise TamperedError(
                f"{name} of {what} is {'missing' if name not in found else 'not the file that was saved'}: "
                "it is not loaded; put the saved file back from a copy, or delete the version"
            )
    for name in found.keys() - recorded.keys():
        (folder / name).unlink()


def load(folder: Path, version: ModelVersion) -> Loaded:
    """Unpickles a folder that has been verified."""
    _pyfunc()
    with warning_of_other_versions(version.libraries):
        try:
            model = bakeoff_model.load_model(folder)
            artifact = bakeoff_model.load_preprocessor(folder)
        except Exception as exc:  # loading runs code of the model's classes, which may raise anything
            raise does_not_load(version.uri, exc, version.libraries) from exc
    example = folder / EXAMPLE
    return Loaded(
        version=version,
        model=model,
        preprocessor_artifact=artifact,
        input_example=example_from_json(json.loads(example.read_text())) if example.is_file() else None,
    )


def _is_plain_pickle(file: Path) -> bool:
    """Whether MLflow's flavor can read it: no pickle that joblib has compressed or put arrays into."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data[:1] == _PICKLE and data.find(b"NumpyArrayWrapper") < 0


def _describe(
    folder: Path, flavor: str | None, described: Description, *, uses_our_loader: bool = False
) -> None:
    _pyfunc()
    from mlflow.models import Model

    if (folder / _MLMODEL).is_file():
        mlmodel = Model.load(str(folder))
    else:
        mlmodel = Model(signature=to_mlflow_signature(described.signature))
        _write_environment(folder, described)
        _add_flavor(mlmodel, flavor)
    if uses_our_loader or flavor is None or (folder / PREPROCESSOR).is_file():
        _add_our_loader(mlmodel, folder)
    if described.input_example is not None:
        mlmodel.saved_input_example_info = _write_example(folder, described.input_example)
    mlmodel.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    mlmodel.save(str(folder / _MLMODEL))


def _add_flavor(mlmodel: "Model", flavor: str | None) -> None:
    """Describes our pickle as `mlflow.sklearn.save_model` would."""
    import sklearn

    if flavor is None:
        return
    _pyfunc().add_to_model(
        mlmodel, loader_module="mlflow.sklearn", model_path=MODEL, predict_fn="predict", **_ENVIRONMENTS
    )
    mlmodel.add_flavor(
        choose_mlflow_flavor.SKLEARN,
        pickled_model=MODEL,
        sklearn_version=sklearn.__version__,
        serialization_format="pickle",
    )


def _add_our_loader(mlmodel: "Model", folder: Path) -> None:
    (folder / _CODE).mkdir()
    source = Path(bakeoff_model.__file__)
    shutil.copyfile(source, folder / _CODE / source.name)
    _pyfunc().add_to_model(mlmodel, loader_module=source.stem, code=_CODE, **_ENVIRONMENTS)


def _pyfunc() -> Any:
    """MLflow's module. Importing it warns of its own type hints, which concern no user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return import_module("mlflow.pyfunc")


def _requirements(described: Description) -> list[str]:
    import mlflow

    libraries = {name: version for name, version in described.libraries.items() if name != "python"}
    return [f"{name}=={version}" for name, version in {"mlflow": mlflow.__version__, **libraries}.items()]


def _write_environment(folder: Path, described: Description) -> None:
    requirements, python = _requirements(described), described.libraries.get("python", "3.11")
    (folder / _REQUIREMENTS).write_text("\n".join(requirements) + "\n")
    pip = [f"python={python}", "pip", {"pip": requirements}]
    conda = {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": pip}
    (folder / _CONDA).write_text(yaml.safe_dump(conda, sort_keys=False))
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": [f"-r {_REQUIREMENTS}"]}
    (folder / _PYTHON).write_text(yaml.safe_dump(environment, sort_keys=False))


def _write_example(folder: Path, example: Mapping[str, Any]) -> dict[str, Any]:
    frame = example_from_json(example)
    split = {"columns": list(frame.columns), "data": jsonable(frame.astype(object).to_numpy())}
    (folder / EXAMPLE).write_text(json.dumps(example))
    (folder / "input_example.json").write_text(json.dumps(split))
    (folder / "serving_input_example.json").write_text(json.dumps({"dataframe_split": split}))
    return {
        "artifact_path": "input_example.json",
        "serving_input_path": "serving_input_example.json",
        "type": "dataframe",
        "pandas_orient": "split",
    }


_MLFLOW_TYPES = {
    "boolean": "boolean",
    "integer": "long",
    "float": "double",
    "datetime": "datetime",
    "text": "string",
}


def to_mlflow_signature(signature: Mapping[str, Any] | None) -> "ModelSignature | None":
    from mlflow.models import ModelSignature

    if signature is None:
        return None
    return ModelSignature(inputs=_schema(signature["inputs"]), outputs=_schema(signature["outputs"]))


def _schema(columns: Sequence[Mapping[str, Any]]) -> "Schema | None":
    """The columns for MLflow. A category has the type of its values; other types are left unchecked."""
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    if not columns:
        return None
    return Schema(
        [
            ColSpec(
                DataType[known] if known else AnyType(),
                column["name"],
                required=bool(known) and not column.get("optional", False),
            )
            for column in columns
            for known in [_MLFLOW_TYPES.get(column.get("of") or column["type"])]
        ]
    )
