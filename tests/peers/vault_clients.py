"""Asks the peers of vault_server.py with the clients of Microsoft and HashiCorp's community: what these understand is right.

vault_clients.py VAULT_PORT METADATA_PORT CA
"""
import os
import sys

vault, metadata, authority = sys.argv[1:]
os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = f"http://127.0.0.1:{metadata}"
os.environ["REQUESTS_CA_BUNDLE"] = authority

import hvac  # noqa: E402
from azure.identity import ManagedIdentityCredential  # noqa: E402
from azure.keyvault.secrets import SecretClient  # noqa: E402

client = SecretClient(f"https://localhost:{vault}", ManagedIdentityCredential(), verify_challenge_resource=False)
secret = client.get_secret("db-password")
assert (secret.value, secret.name) == ("first", "db-password"), secret

client = hvac.Client(url=f"https://localhost:{vault}", verify=authority)
client.auth.approle.login(role_id="role", secret_id="secret")
read = client.secrets.kv.v2.read_secret_version(path="app", raise_on_deleted_version=True)
assert read["data"]["data"]["password"] == "first", read
assert client.secrets.kv.v1.read_secret(path="app", mount_point="kv")["data"]["value"] == "first"
print("understood")
