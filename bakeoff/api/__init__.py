"""The HTTP API: routes, camelCase schemas, problem details, access, health. No SQL and no science."""
