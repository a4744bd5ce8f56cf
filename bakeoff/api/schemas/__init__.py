"""What goes out, in the OpenAPI document and on the wire."""
