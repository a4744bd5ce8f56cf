"""The section `market`: where the prices and fundamentals for signal models come from."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, model_validator

from bakeoff.domain.wording import masked
from bakeoff.settings.yaml_with_lines import Section


class MarketSource(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    SQL = "sql"
    CALLABLE = "callable"  #: `package.module:function` that returns a DataFrame
    SYNTHETIC = "synthetic"  #: made up, with a pattern that a model can learn, to try things out


#: The keys that each source needs.
_NEEDED: Mapping[MarketSource, tuple[str, ...]] = {
    MarketSource.CSV: ("path",),
    MarketSource.PARQUET: ("path",),
    MarketSource.SQL: ("url", "query"),
    MarketSource.CALLABLE: ("name",),
    MarketSource.SYNTHETIC: (),
}


class TableSettings(Section):
    """Where one table of the market comes from."""

    source: MarketSource = Field(description="csv, parquet, sql, callable or synthetic")
    path: str | None = Field(None, description="file, for csv and parquet")
    url: str | None = Field(None, description="SQLAlchemy URL, for sql")
    query: str | None = Field(None, description="SELECT statement, for sql")
    name: str | None = Field(None, description="package.module:function, for callable")
    columns: dict[str, str] = Field(
        default_factory=dict, description="columns that have another name there, such as `symbol: ticker`"
    )

    @model_validator(mode="after")
    def _has_what_its_source_needs(self) -> "TableSettings":
        missing = [key for key in _NEEDED[self.source] if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a table of source {self.source} needs {' and '.join(missing)}")
        if len({*self.columns.values()}) < len(self.columns):
            raise ValueError("columns names one column twice")
        return self

    @property
    def place(self) -> str:
        """Where it comes from, without the password of a URL."""
        return masked(self.url) if self.url else self.path or self.name or self.source


class MarketSettings(Section):
    prices: TableSettings = Field(description="table of prices, a row for each symbol and day")
    fundamentals: TableSettings | None = Field(
        None, description="table of figures of companies, with the day on which they were known; null: none"
    )

    @property
    def tables(self) -> Mapping[str, TableSettings]:
        """The tables that are configured, by name."""
        both = {"prices": self.prices, "fundamentals": self.fundamentals}
        return {name: table for name, table in both.items() if table is not None}
