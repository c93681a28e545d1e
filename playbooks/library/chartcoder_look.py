#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import boto3
from ansible.module_utils.basic import AnsibleModule
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.errors import ChartcoderError
from chartcoder.protected import tell
from chartcoder.settings import Settings
from chartcoder.stages import Stages, look_as_facts

DOCUMENTATION = r"""
module: chartcoder_look
short_description: Look at the run of this master for as long as a verdict holds
description:
  - Counts the charts in the queue, the workers and the money, keeps them in the run's record, and says what follows.
  - Terminates a worker that has not been heard of for minutes, and dismisses those that have nothing to do.
  - The run and the stack are those of the environment (CHARTCODER_*), as everywhere in chartcoder.
options:
  verdict:
    description: Looks again while this is the verdict.
    choices: [working, empty]
    default: working
    type: str
  every:
    description: Seconds between two looks.
    type: float
    default: 15
  seconds:
    description: Seconds after which the module gives the last look, whatever its verdict.
    type: float
    default: 60
  may_launch:
    description: Whether being short of workers is a verdict while one of them is left.
    type: bool
    default: true
author: chartcoder
"""

EXAMPLES = r"""
- name: Ensure the run goes on until the queue is empty
  chartcoder_look:
  register: look
  until: look.verdict != 'working'
  delay: 0
  retries: 720
"""

RETURN = r"""
why: {description: "What stopped a worker, where the verdict is stopped; else empty.", type: str, returned: success}
verdict: {description: "One of working, empty, stopped, short, budget, lost.", type: str, returned: success}
backlog: {description: "Charts in the queue: waiting, in flight and delayed.", type: int, returned: success}
workers: {description: Workers that live and were heard of., type: int, returned: success}
workers_needed: {description: Workers that the run should have., type: int, returned: success}
cost_usd: {description: What the run has cost so far., type: float, returned: success}
dismissed: {description: Idle workers that were told to leave., type: int, returned: success}
limit: {description: "The budget that is spent, in words; empty while there is money.", type: str, returned: success}
charts_coded: {description: Charts that the run has coded so far., type: int, returned: success}
charts_failed: {description: Charts that failed in the run so far., type: int, returned: success}
said: {description: The same in words., type: str, returned: success}
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "verdict": {"type": "str", "choices": ["working", "empty"], "default": "working"},
            "every": {"type": "float", "default": 15},
            "seconds": {"type": "float", "default": 60},
            "may_launch": {"type": "bool", "default": True},
        }
    )
    try:
        stages = Stages.of(Settings.read(os.environ), boto3.Session())
        look = stages.look_while(**module.params)
    except (ChartcoderError, ClientError, BotoCoreError) as error:
        module.fail_json(msg=tell(error))
    module.exit_json(changed=False, **look_as_facts(look))


if __name__ == "__main__":
    main()
