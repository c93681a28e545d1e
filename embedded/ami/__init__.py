"""What the machine image of an embedded instance holds: stand-ins for `docker`, `aws` and `shutdown`.

They do what the boot script needs and refuse the rest, loudly, so that a change of the script shows.
"""
