"""The response bodies, as classes: they make the OpenAPI document and check what is sent."""
