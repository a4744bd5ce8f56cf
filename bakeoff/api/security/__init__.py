"""Who may call the API, from where and how often; and the log of requests."""
