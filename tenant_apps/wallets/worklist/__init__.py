"""What waits for staff over money, of every app, as one list. Each app says in its `work.py` which kinds it has."""
