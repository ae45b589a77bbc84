"""The Web API's text protocol over TCP: the same commands, another wire."""
