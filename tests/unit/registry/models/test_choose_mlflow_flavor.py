"""Which flavor of MLflow a model has. For CatBoost and PyTorch, classes with their names do."""

from registry.models.mlflow.choose_mlflow_flavor import flavor_of, needs_our_predict


def a_class(module: str, base: type = object, **members: object) -> type:
    return type("Mine", (base,), {"__module__": module, **members})


def test_a_class_of_ones_own_has_the_flavor_of_what_it_derives_from() -> None:
    assert flavor_of(a_class("models.mine", a_class("lightgbm.sklearn"))()) == "lightgbm"
    assert flavor_of(a_class("models.mine")()) is None


def test_what_derives_from_a_class_of_catboost_is_a_python_function() -> None:
    """MLflow's flavor saves it, and then loads the classes of CatBoost alone."""
    theirs = a_class("catboost.core")

    assert flavor_of(theirs()) == "catboost"
    assert flavor_of(a_class("models.mine", theirs)()) is None


def test_a_module_of_pytorch_is_asked_by_its_predict_if_it_has_one() -> None:
    module = a_class("torch.nn.modules.module")
    mine = a_class("models.mine", module, predict=len)

    assert (flavor_of(module()), flavor_of(mine())) == ("pytorch", "pytorch")
    assert (needs_our_predict(module()), needs_our_predict(mine())) == (False, True)
