"""Brings Rialto up on one machine: environment, embedded services, processes."""
