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
from chartcoder.stages import Stages, plan_as_facts

DOCUMENTATION = r"""
module: chartcoder_size
short_description: Say how many workers the run of this master needs
description:
  - Asks ChartsQueue for the backlog and works out how many workers the run needs, from the measured rate, the time
    and the money left, and how many of them to ask for as Spot.
  - Keeps the backlog and the number of workers in the run's record.
  - The run and the stack are those of the environment (CHARTCODER_*), as everywhere in chartcoder.
options:
  refused:
    description: EC2 did not give the workers of the last plan; the plan then has half of the missing ones, and none
      where that is none.
    type: bool
    default: false
author: chartcoder
"""

EXAMPLES = r"""
- name: Ensure the run knows how many workers it needs
  chartcoder_size:
  register: plan
"""

RETURN = r"""
workers: {description: "Workers the run should have, those included that are leaving.", type: int, returned: success}
spot: {description: Of them as Spot., type: int, returned: success}
on_demand: {description: Of them as On-Demand., type: int, returned: success}
spot_alive: {description: Spot workers that live already., type: int, returned: success}
minutes: {description: Until the backlog is coded., type: float, returned: success}
usd: {description: What the workers cost until then., type: float, returned: success}
said: {description: The same in words., type: str, returned: success}
"""


def main() -> None:
    module = AnsibleModule(argument_spec={"refused": {"type": "bool", "default": False}})
    try:
        stages = Stages.of(Settings.read(os.environ), boto3.Session())
        result = plan_as_facts(stages.size(refused=module.params["refused"]))
    except (ChartcoderError, ClientError, BotoCoreError) as error:
        module.fail_json(msg=tell(error))
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
