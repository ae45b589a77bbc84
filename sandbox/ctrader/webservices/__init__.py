"""WebServices: JSON (or XML, for who does not ask for JSON) and CSV over HTTPS."""
