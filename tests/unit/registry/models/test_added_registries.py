"""Registry backends of an installed package, `tests/packages/shop`."""

import pytest
import yaml

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.settings.configuration import load
from registry.models.registry_opening import has_registry, open_registry

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def configured(tmp_path):
    def configure(backend, **keys):
        file = tmp_path / "config" / "bakeoff.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump({"modelRegistry": {"backend": backend, **keys}}))
        return load(file, environment={})

    return configure


def test_a_backend_of_a_package_is_opened_with_its_options_below_the_root(configured, tmp_path):
    configuration = configured("counted", options={"folder": "vault"})
    registry = open_registry(configuration)
    registry.save_model([1, 2], "numbers")

    assert has_registry(configuration)
    assert type(registry).__name__ == "CountedRegistry"
    assert (tmp_path / "vault" / "saved.txt").read_text() == "numbers\n"
    assert open_registry(configuration).load_model("models:/numbers/1.0.0")["model"] == [1, 2]


@pytest.mark.parametrize(
    ("backend", "kind", "message"),
    [
        (
            "refusing",
            InfrastructureError,
            (
                "the registry backend 'refusing' of the package shop-doors 1.2 cannot be opened: "
                "ConnectionError: the vault is closed"
            ),
        ),
        (
            "odd",
            InvalidInputError,
            (
                "the registry backend 'odd' of the package shop-doors 1.2 is of type str: expected a "
                "registry.BaseModelRegistry"
            ),
        ),
        (
            "gone",
            InvalidInputError,
            (
                "bakeoff.registries 'gone' of the package shop-doors 1.2 cannot be loaded from "
                "shop_doors.nowhere:open (ModuleNotFoundError: No module named 'shop_doors.nowhere'): "
                "mend the package, or uninstall it"
            ),
        ),
    ],
)
def test_a_broken_backend_is_an_error_that_names_its_package(configured, backend, kind, message):
    with pytest.raises(kind) as caught:
        open_registry(configured(backend))

    assert str(caught.value) == message


def test_an_unknown_backend_is_answered_with_those_there_are(configured):
    with pytest.raises(InvalidInputError) as caught:
        configured("count")

    assert str(caught.value).endswith(
        "modelRegistry.backend is 'count': no backend has this name; did you mean 'counted'?; there are "
        "'local', 'mlflow', 'none', 'counted', 'gone', 'odd', 'refusing'"
    )


def test_options_are_those_of_packages_alone(configured):
    with pytest.raises(InvalidInputError, match="the backend local has no options"):
        configured("local", options={"folder": "vault"})
