"""`bakeoff predict`, in this process and as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.projects.command_line import TERMINAL, Project
from fixtures.projects.project import wait_for
from fixtures.servers import warm
from sklearn.linear_model import LogisticRegression

from registry import ModelRegistry

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70], "pay": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
TWO = np.array(["no", "no", "no", "yes", "yes", "yes"])
COLUMNS = [f"x{place}" for place in range(20)]


@pytest.fixture
def registry(project: Project, make_registry) -> ModelRegistry:
    return make_registry(project.root / "data" / "models" / "registry")


@pytest.fixture
def churn(project: Project, registry: ModelRegistry) -> Path:
    """A model in Production, and a file to ask it about."""
    registry.save_model(LogisticRegression(max_iter=5000).fit(X, TWO), "churn", input_example=X)
    registry.transition_model_stage("churn/1.0.0", "Production")
    file = project.root / "in.csv"
    X.assign(id=list("abcdef")).to_csv(file, index=False)
    return file


@pytest.mark.parametrize("model", ["models:/churn/Production", "churn/1.0.0", "1"])
def test_predictions_go_to_standard_output_as_csv(project: Project, churn: Path, model: str) -> None:
    said = project.bakeoff("predict", model, "in.csv", "--id", "id")

    assert said.exit_code == 0
    assert said.stdout == "id,prediction\na,no\nb,no\nc,no\nd,yes\ne,yes\nf,yes\n"
    assert said.stderr.startswith("6 rows by models:/churn/1.0.0 in ")


def test_a_file_is_written_and_the_summary_names_rows_version_and_seconds(
    project: Project, churn: Path
) -> None:
    told = project.bakeoff("predict", "models:/churn/Production", "in.csv", "-o", "out.jsonl")
    said = project.bakeoff(
        "predict", "models:/churn/Production", "in.csv", "-o", "out.parquet", "--probabilities", "--json"
    )

    record = json.loads(said.stdout)
    assert told.stdout.startswith("6 rows by models:/churn/1.0.0 in ")
    assert told.stdout.endswith(" rows/s: out.jsonl\n")
    assert record.pop("seconds") > 0
    assert record == {
        "model": "models:/churn/1.0.0",
        "modelId": 1,
        "version": "1.0.0",
        "input": str(churn),
        "rows": 6,
        "output": "out.parquet",
    }
    assert pq.read_table("out.parquet").column_names == ["prediction", "probability"]
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0]) == {"prediction": "no"}


def test_wrong_input_is_one_message_and_code_2(project: Project, churn: Path) -> None:
    X.rename(columns={"pay": "Pay"}).assign(age="old").to_csv("wrong.csv", index=False)

    said = project.bakeoff("predict", "churn/1.0.0", "wrong.csv", "-o", "out.csv")

    assert said.exit_code == 2
    assert said.output == (
        "error: models:/churn/1.0.0 cannot predict: missing columns 'pay': add or rename them; "
        "did you mean 'Pay'?; column 'age' is text where integer is expected, first 'old' in row 1: "
        "give whole numbers\n"
    )
    assert not Path("out.csv").exists()


def test_a_check_says_whether_the_input_fits(project: Project, churn: Path) -> None:
    X[["pay", "age"]].assign(age=[20, None, 40, 50, 60, 70]).to_csv("gaps.csv", index=False)

    fits = project.bakeoff("predict", "churn/1.0.0", "in.csv", "--check")
    gaps = project.bakeoff("predict", "churn/1.0.0", "gaps.csv", "--check")

    assert (fits.exit_code, gaps.exit_code) == (0, 0)
    assert fits.stdout.splitlines() == [
        f"6 rows of {churn} fit models:/churn/1.0.0",
        "  extra columns, which are ignored: 'id'",
    ]
    assert gaps.stdout.splitlines()[1:] == [
        "  columns with missing values that had none in training: 'age'",
        "  the columns are reordered as the model expects",
    ]


def test_a_check_that_fails_names_all_that_is_wrong_and_ends_with_1(project: Project, churn: Path) -> None:
    X.drop(columns="pay").assign(age=1.5).to_csv("wrong.csv", index=False)

    said = project.bakeoff("predict", "churn/1.0.0", "wrong.csv", "--check")
    record = json.loads(project.bakeoff("predict", "churn/1.0.0", "wrong.csv", "--check", "--json").stdout)

    assert said.exit_code == 1
    assert said.stdout.splitlines() == [
        f"6 rows of {project.root / 'wrong.csv'} do not fit models:/churn/1.0.0",
        "✗ missing columns 'pay': add or rename them",
        "✗ column 'age' is float where integer is expected, first 1.5 in row 1: give whole numbers",
    ]
    assert (record["valid"], record["missingFeatures"], record["rows"]) == (False, ["pay"], 6)
    assert record["wrongTypes"]["age"] == {"expected": "integer", "found": "float", "row": 0, "value": "1.5"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["churn/9.9.9", "in.csv"], "the registry has no model churn/9.9.9"),
        (["models:/churn/soon", "in.csv"], "'models:/churn/soon' names no model"),
        (
            ["runs:/3f2a91c0/forest", "in.csv"],
            "write the whole id of the run, as `bakeoff show 3f2a91c0` prints",
        ),
        (["churn/1.0.0", "on.csv"], "did you mean 'in.csv'?"),
        (["churn/1.0.0", "in.csv", "--id", "ids"], "has no column 'ids'; did you mean 'id'?"),
        (["churn/1.0.0", "in.csv", "--json"], "would both go to standard output: name a file with -o"),
        (["churn/1.0.0", "in.csv", "-o", "out.xml"], "the ending of out.xml says no format: expected .csv"),
    ],
)
def test_bad_usage_is_code_2_and_a_line_that_says_what_would_be_right(
    project: Project, churn: Path, arguments: list[str], problem: str
) -> None:
    said = project.bakeoff("predict", *arguments)

    assert said.exit_code == 2
    assert problem in said.stderr


def test_without_any_model_it_says_how_to_get_one_and_makes_no_registry(project: Project) -> None:
    Path("in.csv").write_text("a\n1\n")

    said = project.bakeoff("predict", "churn/1.0.0", "in.csv")

    assert said.exit_code == 2
    assert "no model was ever saved in " in said.stderr
    assert not (project.root / "data" / "models").exists()


def test_a_tampered_model_is_not_loaded_and_that_is_code_4(
    project: Project, churn: Path, registry: ModelRegistry
) -> None:
    file = Path(registry.get("churn/1.0.0").file_path)
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    said = project.bakeoff("predict", "churn/1.0.0", "in.csv")

    assert said.exit_code == 4
    assert "is not the file that was saved" in said.stderr


def test_a_terminal_sees_rows_and_rows_per_second(project: Project, churn: Path) -> None:
    X.to_parquet("in.parquet")

    said = project.bakeoff(
        "predict", "churn/1.0.0", "in.parquet", "-o", "out.csv", "--batch-size", "3", env=TERMINAL
    )

    assert "6 of 6 rows" in said.stderr
    assert "rows/s" in said.stderr


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 160 MB of rows in a single row group, and a tenth of them."""
    folder = tmp_path_factory.mktemp("rows")
    table = pa.table(dict(zip(COLUMNS, np.random.default_rng(0).random((20, 1_000_000)), strict=True)))
    pq.write_table(table, folder / "all.parquet", row_group_size=len(table), compression="none")
    pq.write_table(table[:100_000], folder / "tenth.parquet", compression="none")
    return folder


@pytest.fixture
def wide(registry: ModelRegistry) -> None:
    """A model of twenty columns."""
    few = pd.DataFrame(np.random.default_rng(0).random((100, 20)), columns=COLUMNS)
    registry.save_model(LogisticRegression().fit(few, few["x0"] > 0.5), "wide", input_example=few)


def process(folder: Path, program: str, *arguments: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BAKEOFF_")}
    return warm.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


BAKEOFF = "from bakeoff.cli.main import run; run()"
PREDICT_TWICE = """
import sys
from bakeoff.cli.main import app

for source in sys.argv[1:]:
    app(["predict", "wide/1.0.0", source, "-o", "out.parquet"], standalone_mode=False)
    status = open("/proc/self/status").read()
    print("peak", status.split("VmHWM:")[1].split()[0])
"""


def test_memory_does_not_grow_with_the_file(project: Project, wide: None, rows: Path) -> None:
    sources = [str(rows / "tenth.parquet"), str(rows / "all.parquet")]
    said, warned = process(project.root, PREDICT_TWICE, *sources).communicate(timeout=100)

    peaks = [int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("peak")]
    assert len(peaks) == 2, warned
    assert pq.read_metadata(project.root / "out.parquet").num_rows == 1_000_000
    assert (rows / "all.parquet").stat().st_size > 160e6
    assert peaks[1] - peaks[0] < 30


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_leave_nothing_half_written(
    project: Project, wide: None, rows: Path, number: int, code: int
) -> None:
    (project.root / "out.csv").write_text("as it was")
    slowly = ("-o", "out.csv", "--batch-size", "5")
    asked = process(project.root, BAKEOFF, "predict", "wide/1.0.0", str(rows / "tenth.parquet"), *slowly)
    wait_for(lambda: [part for part in project.root.glob(".*.part") if part.stat().st_size], "the first rows")

    asked.send_signal(number)
    _, warned = asked.communicate(timeout=60)

    assert (asked.returncode, "Traceback" in warned) == (code, False)
    assert (project.root / "out.csv").read_text() == "as it was"
    assert list(project.root.glob(".*")) == []


def test_whoever_stops_reading_ends_it_without_a_word(project: Project, wide: None, rows: Path) -> None:
    asked = process(project.root, BAKEOFF, "predict", "wide/1.0.0", str(rows / "tenth.parquet"))
    assert asked.stdout is not None
    assert asked.stdout.readline() == "prediction\n"

    asked.stdout.close()
    asked.stdout = None
    _, warned = asked.communicate(timeout=60)

    assert (asked.returncode, warned) == (1, "")


MINE = """
import numpy as np

class Mine:
    def fit(self, X, y=None):
        self.border = X["age"].mean()
        return self

    def predict(self, X):
        return np.where(X["age"] > self.border, "old", "young")
"""


@pytest.mark.parametrize("file", ["models/mine_of_a_test.py", "plug-ins/my model.py"])
def test_a_model_of_the_projects_own_modules_is_loaded_in_another_process(
    project: Project, churn: Path, file: str
) -> None:
    """The second file has no name that an import statement could reach."""
    (project.root / file).parent.mkdir()
    (project.root / file).write_text(MINE)
    fit_and_save = (
        "from pathlib import Path\n"
        "import pandas as pd\n"
        "from registry import ModelRegistry\n"
        "from registry.code.class_import import find_class\n"
        f"model = find_class({f'{file}:Mine'!r}, root=Path.cwd())().fit(pd.read_csv('in.csv'), None)\n"
        "ModelRegistry().save_model(model, 'mine', feature_names=['age'])\n"
    )
    warm.run([sys.executable, "-c", fit_and_save], cwd=project.root, check=True)

    assert predicted(project) == ["young", "young", "young", "old", "old", "old"]


SAVE = """
from registry import ModelRegistry
from sklearn.preprocessing import FunctionTransformer

def aged(X):
    return X[["age"]]

ModelRegistry().save_model(model, "mine", preprocessor_artifact=FunctionTransformer(aged))
"""
DUMP = "import {0}\n{0}.dump(model, open('mine.pkl', 'wb'))\n"
FIT = f"""{MINE}
import pandas as pd
model = Mine().fit(pd.read_csv("in.csv"))
"""


def run_as_a_script(project: Project, text: str) -> None:
    (project.root / "train.py").write_text(text)
    warm.run([sys.executable, "train.py"], cwd=project.root, check=True)
    (project.root / "train.py").unlink()


def predicted(project: Project) -> list[str]:
    said = project.bakeoff("predict", "mine/1.0.0", "in.csv")
    assert said.exit_code == 0, said.stderr
    return said.stdout.split()[1:]


def test_a_class_of_a_script_is_saved_with_its_code(project: Project, churn: Path) -> None:
    """And so is a function that its preprocessor calls."""
    run_as_a_script(project, FIT + SAVE)

    assert predicted(project) == ["young", "young", "young", "old", "old", "old"]


def test_a_file_that_cloudpickle_wrote_brings_its_classes_along(project: Project, churn: Path) -> None:
    run_as_a_script(project, FIT + DUMP.format("cloudpickle"))
    project.bakeoff("registry", "save", "mine.pkl", "--name", "mine")

    assert predicted(project) == ["young", "young", "young", "old", "old", "old"]


@pytest.mark.parametrize("library", ["pickle", "joblib"])
def test_a_file_that_needs_the_script_that_wrote_it_is_refused_with_what_to_do(
    project: Project, churn: Path, library: str
) -> None:
    run_as_a_script(project, FIT + DUMP.format(library))
    said = project.bakeoff("registry", "save", "mine.pkl", "--name", "mine")

    assert said.exit_code == 2
    assert said.stderr == (
        "error: mine.pkl needs Mine of the script that wrote it (__main__), so no other program can load it: "
        "write it there with cloudpickle.dump, or save it there with save_model of the registry, or put "
        "Mine into a module of its own\n"
    )
