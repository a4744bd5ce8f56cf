pytest_plugins = ["fixtures.postgresql", "fixtures.databases", "fixtures.command_line"]
