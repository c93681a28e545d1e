"""How far the pipeline scales beyond this machine: a simulation of the fleet, and what holds it to real runs.

python -m bench.scale --charts 1e8          the simulation, with AWS's published limits
python -m bench.scale.check                 predicted and real runs of the embedded cloud, side by side

figures.py     every figure with its source: limits, boot times, losses, prices' units, the coding rate
limits.py      what the services take a second, as it grows
model.py       the fleet as a discrete-event simulation; its decisions are those of chartcoder.sizing
costs.py       what a simulated run costs, by service
real.py        a run on the embedded cloud, timed by its own record, its requests counted
"""
