"""The embedded cloud: the real template, handlers, playbooks and worker; only the AWS endpoints are emulated.

from embedded.cloud import EmbeddedCloud
"""

ACCOUNT = "111122223333"  # the account that AWS's own documentation uses in examples
REGION = "us-east-1"
HOST = "127.0.0.1"
