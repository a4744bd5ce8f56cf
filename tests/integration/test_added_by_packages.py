"""A bake-off with the dataset source, the metric and the registry backend of an installed package."""

import json
import os
import sys
from pathlib import Path

import yaml
from fixtures.servers import warm

SETTINGS = {
    "metrics": ["profit", "accuracy"],
    "datasets": {"sales": {"source": "parts", "path": "sales", "target": "sold"}},
    "modelRegistry": {"backend": "counted", "options": {"folder": "vault"}, "save": "best"},
}


def test_a_run_uses_what_a_package_adds_from_its_data_to_the_saved_model(shop_folder, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text(yaml.safe_dump(SETTINGS))
    (tmp_path / "config" / "models.yaml").write_text(
        "models:\n  tree: {path: 'sklearn.tree:DecisionTreeClassifier', params: {max_depth: 2}}\n"
    )
    (tmp_path / "sales").mkdir()
    for part in range(3):
        rows = "".join(f"{n},{'yes' if n > 60 else 'no'}\n" for n in range(part * 40, part * 40 + 40))
        (tmp_path / "sales" / f"{part}.csv").write_text("price,sold\n" + rows)

    def bakeoff(*arguments: str) -> str:
        done = warm.run(
            [str(Path(sys.executable).parent / "bakeoff"), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(shop_folder)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    report = json.loads(bakeoff("run", "sales", "--json"))
    best = report["leaderboard"][0]

    assert best["modelId"] == "tree"
    assert best["metrics"]["profit"] >= 100
    assert (tmp_path / "vault" / "saved.txt").read_text() == "sales\n"
    assert [row["modelType"] for row in json.loads(bakeoff("registry", "list", "--json"))] == [
        "DecisionTreeClassifier"
    ]
    assert "counted, of the package shop-doors 1.2 answers" in bakeoff("doctor")
