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
from chartcoder.stages import Stages

DOCUMENTATION = r"""
module: chartcoder_close
short_description: Close the record of the run of this master and release the lease
description:
  - Ends the run's record as done, or as failed where a failure is given, with what it coded and cost.
  - Releases the lease last. Fails where the run does not hold it.
  - The run and the stack are those of the environment (CHARTCODER_*), as everywhere in chartcoder.
options:
  failure:
    description: Why the run failed; empty where it did not.
    type: str
    default: ""
  over_budget:
    description: Whether the run ended because its money was spent.
    type: bool
    default: false
author: chartcoder
"""

EXAMPLES = r"""
- name: Ensure the run's record is closed and the lease is free
  chartcoder_close:
    failure: "{{ failure | default('') }}"
"""

RETURN = r"""
said: {description: How the run ended., type: str, returned: success}
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={"failure": {"type": "str", "default": ""}, "over_budget": {"type": "bool", "default": False}}
    )
    try:
        stages = Stages.of(Settings.read(os.environ), boto3.Session())
        result = {"said": stages.close(module.params["failure"], over_budget=module.params["over_budget"])}
    except (ChartcoderError, ClientError, BotoCoreError) as error:
        module.fail_json(msg=tell(error))
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
