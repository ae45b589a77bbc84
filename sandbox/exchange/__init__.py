"""What the stand-ins for trading platforms share: prices, instruments, money, records, storage, time, faults.

Nothing here knows a protocol. Numbers of enumerations are those of the platform the market was first written
for; a stand-in of another one translates them at its border.
"""
