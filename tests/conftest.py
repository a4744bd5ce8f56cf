pytest_plugins = ["fixtures.postgresql", "fixtures.databases"]
