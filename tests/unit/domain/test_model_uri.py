import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelUri, Stage, is_uri, parse_uri

_NAMES = st.text(min_size=1, max_size=50)
_VERSIONS = st.tuples(*[st.integers(0, 99)] * 3).map(lambda numbers: ".".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("models:/churn/1.2.0", ModelUri(name="churn", version="1.2.0")),
        ("churn/1.2.0", ModelUri(name="churn", version="1.2.0")),
        ("models:/churn/3", ModelUri(name="churn", serial=3)),
        ("models:/churn/Production", ModelUri(name="churn", stage=Stage.PRODUCTION)),
        ("models:/churn/production", ModelUri(name="churn", stage=Stage.PRODUCTION)),
        ("models:/churn/latest", ModelUri(name="churn", latest=True)),
        ("models:/churn@champion", ModelUri(name="churn", alias="champion")),
        ("churn@champion", ModelUri(name="churn", alias="champion")),
        ("runs:/4711/forest", ModelUri(run_id="4711", candidate_id="forest")),
        ("models:/a/b/1.2.0", ModelUri(name="a/b", version="1.2.0")),
        ("models:/a/b@champion", ModelUri(name="a/b", alias="champion")),
        ("models:/me@home/1.2.0", ModelUri(name="me@home", version="1.2.0")),
        ("models:/me@home@champion", ModelUri(name="me@home", alias="champion")),
        ("models:/models:/x/1.2.0", ModelUri(name="models:/x", version="1.2.0")),
    ],
)
def test_a_uri_says_which_model_is_meant(text, meant):
    assert parse_uri(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "models:/",
        "models:/churn",
        "models:/churn/",
        "models://1.2.0",
        "models:/@champion",
        "models:/churn@",
        "models:/churn/1.2",
        "models:/churn/-1",
        "models:/churn/newest",
        "models:/churn@latest",
        "runs:/",
        "runs:/4711",
        "runs:/4711/",
        "runs://forest",
    ],
)
def test_what_names_no_model_is_told_how_to(text):
    with pytest.raises(InvalidInputError) as refused:
        parse_uri(text)

    assert str(refused.value) == (
        f"{text!r} names no model: write models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, "
        "runs:/RUN/CANDIDATE, or NAME/VERSION"
    )


@given(_NAMES, _VERSIONS)
def test_whatever_a_model_is_called_its_uri_leads_back_to_it(name, version):
    assert parse_uri(f"models:/{name}/{version}") == ModelUri(name=name, version=version)


@given(_NAMES, st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True).filter(lambda text: text != "latest"))
def test_whatever_a_model_is_called_its_aliases_lead_back_to_it(name, alias):
    if alias[0] != "v" or not alias[1:].isdecimal():
        assert parse_uri(f"models:/{name}@{alias}") == ModelUri(name=name, alias=alias)


def test_some_uris_may_mean_another_version_tomorrow():
    uris = ["churn/1.2.0", "churn/3", "churn/Staging", "churn/latest", "churn@champion", "runs:/4711/forest"]

    assert [parse_uri(uri).moves for uri in uris] == [False, False, True, True, True, False]


def test_only_what_is_written_in_full_is_a_uri():
    texts = ["models:/churn/1.2.0", "runs:/4711/forest", "churn/1.2.0", "churn@champion", "7"]

    assert [is_uri(text) for text in texts] == [True, True, False, False, False]
