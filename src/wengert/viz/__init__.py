"""Pictures, by matplotlib (the extra `viz`), which nothing imports before a picture is asked for.

Knows arrays and files, no function and no derivative. Start at `series`.
"""
