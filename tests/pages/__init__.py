"""Every page in a real browser, found from the routes that exist."""
