"""Takes docs/pictures/page-*.png: pages of a project that was made up for the tests. `make docs` calls it."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from fixtures.projects.showcase import a_showcase
from fixtures.servers.page_server import a_chromium, a_sight, served

_HEIGHT = 820


def main() -> None:
    folder = Path(sys.argv[1])
    with TemporaryDirectory() as root:
        show = a_showcase(Path(root))
        run = show.judged.id
        pages = {
            "page-leaderboard": f"/runs/{run}?m=lightgbm&m=xgboost",
            "page-compare": f"/compare?run={run}&m=random_forest&m=xgboost&m=stack_top3&m=logistic_l2",
        }
        with served(show.context) as url, a_chromium() as chromium:
            for name, path in pages.items():
                with a_sight(chromium, url) as sight:
                    sight.go(path)
                    sight.wait_until("document.fonts.status === 'loaded'")
                    clip = {"x": 0, "y": 0, "width": 1280, "height": _HEIGHT}
                    sight.page.screenshot(path=folder / f"{name}.png", full_page=True, clip=clip)
        show.context.engine.dispose()


if __name__ == "__main__":
    main()
