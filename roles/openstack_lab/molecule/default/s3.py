"""Stores an object by the S3 API and reads it back; asks again with a wrong secret.

Takes the address of the service; the pair of keys is in the environment, as for all of Amazon's
clients. Prints what was read, and the code of the refusal.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError


def client(secret: str) -> Any:
    """A client of the service that signs with ``secret``."""
    access = os.environ["AWS_ACCESS_KEY_ID"]
    return boto3.client(
        "s3",
        endpoint_url=sys.argv[1],
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
    )


s3 = client(os.environ["AWS_SECRET_ACCESS_KEY"])
s3.create_bucket(Bucket="kho")
s3.put_object(Bucket="kho", Key="báo cáo.txt", Body="Kính gửi".encode())
read = s3.get_object(Bucket="kho", Key="báo cáo.txt")["Body"].read().decode()
try:
    client("wrong").list_objects_v2(Bucket="kho")
except ClientError as error:
    refused = error.response["Error"]["Code"]
else:
    refused = ""
json.dump({"read": read, "refused": refused}, sys.stdout)
