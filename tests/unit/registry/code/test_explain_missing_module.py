"""A module that is not there is named as what it is: the project's own, or of a known distribution."""

import sys

import pytest

from registry.code.explain_missing_module import cure_for

WHERE = "where the workers run"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A project, and a folder with a distribution `zoo` of which a file was removed.

    What all distributions contain is read once for all tests, since that folder stays as it is.
    """
    top = tmp_path_factory.mktemp("missing")
    project, site = top / "project", top / "site-packages"
    for name in (
        "domain.py",
        "features/__init__.py",
        "plugs/helpers.py",
        "plugs/mine.py",
        "config/columns.py",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    (project / "config" / "models.yaml").touch()
    (project / "data").mkdir()
    (project / "data" / "secret_module.py").touch()
    info = site / "zoo-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 2.1\n")
    (info / "RECORD").write_text("zoo_animals/__init__.py,,\nzoo-2.1.dist-info/METADATA,,\n")
    (info / "top_level.txt").write_text("zoo_animals\n")
    return project, site


@pytest.fixture
def root(places, monkeypatch):
    project, site = places
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(sys, "path", [*sys.path, str(project)])
    return project


@pytest.mark.parametrize(
    ("missing", "cure"),
    [
        ("domian", "did you mean 'domain'? (the project has domain)"),
        ("feature", "did you mean 'features'? (the project has features)"),
        ("helpers", "the project has it as plugs/helpers.py: import it as plugs.helpers"),
        ("zoo_animals", "it belongs to zoo 2.1, of which files are missing: install that again"),
        ("cv2", f"`pip install opencv-python` {WHERE}"),
        ("skimage.filters", f"`pip install scikit-image` {WHERE}"),
        ("gensim", f"`pip install gensim` {WHERE}"),
        ("lightgbn", "did you mean 'lightgbm'?"),
        ("sklaern", "did you mean 'sklearn'?"),
        ("pikle", "did you mean 'pickle'?"),
    ],
)
def test_a_module_that_is_not_there_is_named_as_what_it_is(root, missing, cure):
    assert cure_for(missing, root=root) == cure


@pytest.mark.parametrize("missing", ["nowhere", "store", "secret_module", "quux.part"])
def test_nothing_is_advised_where_nothing_is_known(root, missing):
    assert cure_for(missing, root=root) == (
        f"neither the project {root} nor an installed package has it; "
        "correct the name, or install what holds it"
    )


def test_a_part_of_a_package_that_is_there_is_looked_for_in_it(root):
    import sklearn.tree  # noqa: F401

    __import__("config.columns")
    try:
        assert cure_for("sklearn.tre", root=root) == "did you mean 'tree'?"
        assert cure_for("sklearn.quux", root=root).startswith(
            "correct the name: sklearn is that of scikit-learn 1."
        )
        assert cure_for("config.colunms", root=root) == "did you mean 'columns'?"
        assert cure_for("config.columns.more", root=root) == (
            "config.columns is a module, not a package: it has no parts; correct the name"
        )
    finally:
        for name in ("config", "config.columns"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("importer", "cure"),
    [
        ("plugs.mine", "import it as plugs.helpers"),
        ("mine_0123456789ab", "put both files below the folder above config/"),
    ],
)
def test_a_file_beside_the_one_that_the_catalog_names_is_imported_by_its_full_name(root, importer, cure):
    assert cure_for("helpers", root=root, importer=importer, file=root / "plugs" / "mine.py") == cure
