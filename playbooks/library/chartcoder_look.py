#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import boto3
from ansible.module_utils.basic import AnsibleModule
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.errors import ChartcoderError
from chartcoder.settings import Settings
from chartcoder.stages import Stages, look_as_facts

DOCUMENTATION = r"""
module: chartcoder_look
short_description: Look once at the run of this master
description:
  - Counts the charts in the queue, the workers and the money, keeps them in the run's record, and says what follows.
  - Terminates a worker that has not been heard of for minutes.
  - The run and the stack are those of the environment (CHARTCODER_*), as everywhere in chartcoder.
options:
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
  delay: 15
  retries: 2880
"""

RETURN = r"""
verdict: {description: "One of working, empty, short, budget, lost.", type: str, returned: success}
backlog: {description: "Charts in the queue: waiting, in flight and delayed.", type: int, returned: success}
workers: {description: Workers that live and were heard of., type: int, returned: success}
workers_needed: {description: Workers that the run should have., type: int, returned: success}
cost_usd: {description: What the run has cost so far., type: float, returned: success}
said: {description: The same in words., type: str, returned: success}
"""


def main() -> None:
    module = AnsibleModule(argument_spec={"may_launch": {"type": "bool", "default": True}})
    try:
        stages = Stages.of(Settings.read(os.environ), boto3.Session())
        result = look_as_facts(stages.look(may_launch=module.params["may_launch"]))
    except (ChartcoderError, ClientError, BotoCoreError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
