from bakeoff.web.table_downloads import ShownTable

HOSTILE = ShownTable(
    name="t", columns=("name", "value"), rows=[("=1+1", -2.5), ("-x|y\n<b>", None), ("@SUM", float("inf"))]
)


def test_a_spreadsheet_takes_no_text_for_a_formula_and_numbers_stay_numbers() -> None:
    assert HOSTILE.to_csv() == "name,value\n'=1+1,-2.5\n\"'-x|y\n<b>\",\n'@SUM,inf\n"


def test_a_cell_of_markdown_ends_neither_its_column_nor_its_row() -> None:
    assert HOSTILE.to_markdown().splitlines()[3] == "| -x\\|y &lt;b> |  |"


def test_json_has_no_infinity() -> None:
    assert HOSTILE.write(".json").endswith('{\n  "name": "@SUM",\n  "value": null\n }\n]\n')
