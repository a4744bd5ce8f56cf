"""The contract of plugins and the catalog that names them."""
