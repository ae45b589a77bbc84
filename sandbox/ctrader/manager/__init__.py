"""The Manager's API: protobuf over TLS."""
