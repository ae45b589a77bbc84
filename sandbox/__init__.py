"""Protocol-faithful stand-ins for the outside world. They share no code with the adapters they face."""
