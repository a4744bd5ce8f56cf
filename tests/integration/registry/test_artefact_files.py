"""A file that is not the one that was saved is never unpickled."""

import hashlib
import os
import pickle
import resource
import shutil
import sys
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, TamperedError
from registry import ModelRegistry
from registry.models import unpickle_with_version_warning
from registry.models.registry_interface import Description, Fitted
from registry.models.unpickle_with_version_warning import OtherVersionWarning

MODEL = LinearRegression().fit(np.arange(200).reshape(100, 2), np.arange(100))
SCALER = StandardScaler().fit(np.arange(6).reshape(3, 2))


class Trap:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def file(registry):
    """Of the model churn/1.0.0, which has a preprocessor beside it."""
    registry.save_model(MODEL, "churn", preprocessor_artifact=SCALER)
    return Path(registry.get("churn/1.0.0").file_path)


def never_loads(registry):
    assert registry.load_model(model_id=1) is None
    assert registry.load_model(version="1.0.0") is None
    for act in (registry.load, registry.load_model, registry.verify):
        with pytest.raises(TamperedError):
            act("models:/churn/1.0.0")
    return True


def trap(tmp_path):
    return pickle.dumps(Trap(tmp_path / "sprung"))


def swapped(file, tmp_path):
    """With another model of the same registry, which is whole."""
    registry = ModelRegistry(file.parents[2])
    registry.save_model(LinearRegression(), "churn")
    shutil.copy(registry.get("churn/1.0.1").file_path, file)


MUTATIONS = {
    "a bit is flipped": lambda f, _: f.write_bytes(f.read_bytes()[:-9] + b"\x00" + f.read_bytes()[-8:]),
    "the first byte is another": lambda f, _: f.write_bytes(b"X" + f.read_bytes()[1:]),
    "it ends early": lambda f, _: f.write_bytes(f.read_bytes()[:-1]),
    "half of it is gone": lambda f, _: f.write_bytes(f.read_bytes()[: f.stat().st_size // 2]),
    "it is empty": lambda f, _: f.write_bytes(b""),
    "something was added": lambda f, _: f.write_bytes(f.read_bytes() + b"\x00"),
    "it is replaced by a trap": lambda f, tmp: f.write_bytes(trap(tmp)),
    "a trap was added": lambda f, tmp: f.write_bytes(f.read_bytes() + trap(tmp)),
    "a trap was put before it": lambda f, tmp: f.write_bytes(trap(tmp) + f.read_bytes()),
    "it is swapped": swapped,
    "it is missing": lambda f, _: f.unlink(),
    "it is a folder": lambda f, _: (f.unlink(), f.mkdir()),
    "it is a link to nowhere": lambda f, _: (f.unlink(), f.symlink_to("nowhere")),
    "its folder is missing": lambda f, _: shutil.rmtree(f.parent),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_file_that_was_changed_never_loads(registry, file, tmp_path, mutation):
    MUTATIONS[mutation](file, tmp_path)

    assert never_loads(registry)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("mutation", [name for name in MUTATIONS if name != "it is swapped"])
def test_nor_does_a_model_whose_preprocessor_was_changed(registry, file, tmp_path, mutation):
    MUTATIONS[mutation](file.with_suffix(".preprocessor.pkl"), tmp_path)

    assert never_loads(registry)
    assert not (tmp_path / "sprung").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_change_of_any_bytes_goes_unnoticed(registry, file, data):
    saved = file.read_bytes()
    start = data.draw(st.integers(0, len(saved)))
    end = data.draw(st.integers(start, len(saved)))
    changed = saved[:start] + data.draw(st.binary(max_size=20)) + saved[end:]
    file.write_bytes(changed)
    try:
        assert (registry.load_model(model_id=1) is None) is (changed != saved)
    finally:
        file.write_bytes(saved)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(min_size=1, max_size=200).filter(str.strip), kind=st.text(max_size=200))
def test_whatever_a_model_is_called_its_files_are_its_own(registry, name, kind):
    before = set(registry.storage_path.rglob("*.pkl"))
    model_id = registry.save_model(MODEL, name, kind, preprocessor_artifact=SCALER)
    file = Path(registry.get(model_id).file_path)

    assert file.parent.parent == registry.storage_path / "models"
    assert set(registry.storage_path.rglob("*.pkl")) - before == {
        file,
        file.with_suffix(".preprocessor.pkl"),
    }
    assert len(list(registry.storage_path.parent.iterdir())) == 1
    registry.verify(model_id)


def test_the_reason_is_logged_and_says_what_to_do(registry, file, caplog):
    file.write_bytes(b"something else")

    registry.load_model(model_id=1)

    assert f"no model is loaded: {file} is not the file that was saved: its SHA-256 is " in caplog.text
    assert "put the saved file back from a copy, or delete the version" in caplog.text


def test_what_is_unpickled_is_what_was_hashed(registry, file, tmp_path):
    """However often the file is swapped for a trap while it is being read."""
    good, bad = file.read_bytes(), trap(tmp_path)
    done = threading.Event()

    def swap():
        while not done.is_set():
            for data in (bad, good):
                beside = file.with_suffix(".new")
                beside.write_bytes(data)
                beside.replace(file)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        loaded = [registry.load_model(model_id=1) for _ in range(200)]
    finally:
        done.set()
        swapper.join()

    assert {type(model).__name__ for model in loaded} <= {"LinearRegression", "NoneType"}
    assert not (tmp_path / "sprung").exists()


def test_a_file_is_put_back_from_a_copy(registry, file, tmp_path):
    shutil.copy(file, tmp_path / "copy")
    file.write_bytes(b"something else")
    assert registry.load_model(model_id=1) is None

    shutil.copy(tmp_path / "copy", file)

    assert registry.load_model(model_id=1).coef_.tolist() == MODEL.coef_.tolist()


def calls_of(act):
    """Of the operating system and of the database, in their order."""
    seen = []

    def note(_frame, event, called):
        if event == "c_call" and called in {os.fsync, os.replace, os.unlink}:
            seen.append(called.__name__)
        elif event == "c_call" and called.__qualname__ == "Connection.commit":
            seen.append("commit")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return seen


def test_files_are_on_the_disk_before_their_row_and_gone_after_it(registry, file):
    save = calls_of(lambda: registry.save_model(MODEL, "churn", preprocessor_artifact=SCALER))
    delete = calls_of(lambda: registry.delete_model("churn/1.0.1"))

    assert save == ["fsync", "fsync", "replace", "replace", "fsync", "commit"]
    assert delete[-3:] == ["commit", "unlink", "unlink"]


def test_what_was_saved_beside_a_model_is_deleted_with_it(registry, file):
    assert registry.delete_model("churn/1.0.0")

    assert list(registry.storage_path.rglob("*.pkl")) == []


def test_any_joblib_reads_the_file(file):
    assert joblib.load(file).coef_.tolist() == MODEL.coef_.tolist()


def test_a_registry_may_be_moved(registry, file, tmp_path):
    registry.storage_path.rename(tmp_path / "elsewhere")
    moved = ModelRegistry(tmp_path / "elsewhere")

    assert moved.load("churn/1.0.0").model.coef_.tolist() == MODEL.coef_.tolist()
    assert moved.list_models()[0]["file_path"].startswith(str(tmp_path / "elsewhere"))
    assert moved.leftovers() == []


def test_a_registry_that_was_removed_is_a_new_one(make_registry, tmp_path):
    folder = tmp_path / "registry"
    make_registry(folder).save_model(MODEL, "churn")
    shutil.rmtree(folder)

    again = ModelRegistry(folder)
    again.save_model(MODEL, "churn")

    assert len(again.list_models()) == 1
    assert (folder / "registry.db").exists()


@pytest.mark.parametrize("model", [threading.Lock(), {"inside": threading.Lock()}], ids=["lock", "inside"])
def test_what_cannot_be_pickled_is_refused_and_leaves_nothing(registry, model):
    with pytest.raises(InvalidInputError, match="cannot be saved: "):
        registry.save_model(model, "churn")

    assert registry.list_models() == []
    assert registry.leftovers() == []
    registry.save_model(MODEL, "churn")
    assert registry.list_models()[0]["version"] == "1.0.0"


def test_a_disk_that_is_full_is_an_error_that_names_the_folder(registry):
    """As the kernel says it: no file of this process may be larger than a kilobyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(InfrastructureError, match=f"can be written below {registry.storage_path}"):
            registry.save_model(np.zeros(10_000), "churn")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert registry.leftovers() == []


def test_a_place_that_is_no_folder_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InfrastructureError, match=f"nothing can be written below {tmp_path}/file: "):
        ModelRegistry(tmp_path / "file")


def test_an_id_may_be_a_number_of_numpy(registry, file):
    assert registry.get(np.int64(1)).file_path == str(file)


def test_a_link_that_a_cell_left_is_not_followed(registry, tmp_path):
    secret, left = tmp_path / "secret", tmp_path / "left"
    secret.write_bytes(pickle.dumps("password"))
    left.symlink_to(secret)
    fitted = Fitted(model=left, model_digest=sha256(secret))

    with pytest.raises(InvalidInputError, match=r"cannot be read, so it is not saved: .*symbolic link"):
        registry.save_fitted(fitted, "churn", Description(type="Tree"))

    assert registry.list_models() == []
    assert registry.leftovers() == []


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_not_waited_for(registry, tmp_path, make):
    make(tmp_path / "left")
    fitted = Fitted(model=tmp_path / "left", model_digest="0" * 64)

    with pytest.raises(InvalidInputError, match="is no regular file"):
        registry.save_fitted(fitted, "churn", Description(type="Tree"))


def test_a_verified_file_that_does_not_load_says_what_it_needs(registry, tmp_path):
    left = tmp_path / "left"
    left.write_bytes(b"cnowhere_at_all\nThing\n.")
    said = Description(type="Thing", libraries={"python": "3.11.7", "things": "2.0"})
    registry.save_fitted(Fitted(model=left, model_digest=sha256(left)), "churn", said)

    with pytest.raises(InvalidInputError) as failed:
        registry.load_model("churn/1.0.0")

    assert str(failed.value) == (
        "models:/churn/1.0.0 is as it was saved, and does not load here: ModuleNotFoundError: No module "
        "named 'nowhere_at_all'; install or put on the import path what it was fitted with "
        "(python 3.11.7, things 2.0)"
    )


# other versions of scikit-learn


@pytest.fixture
def unwarned(monkeypatch):
    monkeypatch.setattr(unpickle_with_version_warning, "_warned", set())


def saved_under(registry, tmp_path, version, name="churn"):
    """A model that says of itself that it was pickled by this scikit-learn, as a real one does."""
    file = tmp_path / "old.pkl"
    here = sklearn.__version__.encode()
    there = version.encode()
    data = pickle.dumps(MODEL, protocol=2)
    marked = data.replace(len(here).to_bytes(4, "little") + here, len(there).to_bytes(4, "little") + there)
    assert marked != data
    file.write_bytes(marked)
    said = Description(type="LinearRegression", libraries={"scikit-learn": version})
    return registry.save_fitted(Fitted(model=file, model_digest=sha256(file)), name, said)


@pytest.mark.usefixtures("unwarned")
def test_another_scikit_learn_warns_once_and_names_both(registry, tmp_path):
    first, second = (saved_under(registry, tmp_path, "1.2.3") for _ in range(2))

    with pytest.warns() as seen:
        loaded = [registry.load_model(model_id=model_id) for model_id in (first, second, first)]

    assert [model.coef_.tolist() for model in loaded] == [MODEL.coef_.tolist()] * 3
    assert [warning.category for warning in seen] == [OtherVersionWarning]
    assert "scikit-learn 1.2.3" in str(seen[0].message)
    assert f"under {sklearn.__version__}:" in str(seen[0].message)


@pytest.mark.usefixtures("unwarned")
def test_each_other_scikit_learn_warns_for_itself(registry, tmp_path):
    saved = [saved_under(registry, tmp_path, version) for version in ("1.2.3", "0.24.1")]

    with pytest.warns() as seen:
        assert all(registry.load_model(model_id=model_id) for model_id in saved)

    assert len(seen) == 2


@pytest.mark.usefixtures("unwarned")
def test_another_patch_of_scikit_learn_is_nothing_to_speak_of(registry, tmp_path):
    patch = ".".join([*sklearn.__version__.split(".")[:2], "99"])
    model_id = saved_under(registry, tmp_path, patch)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.load_model(model_id=model_id) is not None
