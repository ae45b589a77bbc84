"""A long run under faults: bridge, worker, relay, trading servers, database and Redis die and lie while money moves and
trades are made. At its end every ledger has to equal its server to the cent.

`plan` decides by a seed what happens, `house` runs the processes, `brokerages` sets the scene, `deeds` does what the plan
says, `rest` waits until nothing is under way any more, `proof` compares.
"""
