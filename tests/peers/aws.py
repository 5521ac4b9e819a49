"""AWS Secrets Manager and the security token service, by moto, over TLS; signatures are checked with botocore's own signer.

python aws.py CERTIFICATE KEY ACCESS_KEY SECRET_KEY

It prints its port. The secret `prod/db` holds `{"password": "first"}`; `POST /control` with JSON sets another password.
moto takes every signature: what is asked for a secret with the long-lived key is signed here once more and compared.
`GET /control` tells how many were right and wrong, and how often a role was taken on with which token.
"""
import json
import ssl
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

certificate, key, access_key, secret_key = sys.argv[1:]
counts = {"right": 0, "wrong": 0, "roles": 0, "token": None}
application = DomainDispatcherApplication(create_backend_app)


def is_signed(request, body):
    """Whether the signature is the one that botocore makes of the same request."""
    given = request.headers.get("authorization", "")
    if f"Credential={access_key}/" not in given:
        return None
    names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: request.headers[name] for name in names if name not in ("host", "x-amz-date")}
    signing = botocore.awsrequest.AWSRequest(
        method=request.method, url=f"https://{request.headers['host']}{request.path}", data=body, headers=headers
    )
    signing.context["timestamp"] = request.headers["x-amz-date"]
    scope = given.split("Credential=")[1].split(",")[0].split("/")
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(access_key, secret_key), scope[3], scope[2])
    signing.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    text = signer.canonical_request(signing)
    expected = signer.signature(signer.string_to_sign(signing, text), signing)
    return given.endswith(f"Signature={expected}")


def put(password):
    import boto3

    client = boto3.client(
        "secretsmanager", region_name="eu-west-1", endpoint_url=f"https://localhost:{port}", verify=False,
        aws_access_key_id="seed", aws_secret_access_key="seed",
    )
    value = json.dumps({"password": password})
    try:
        client.create_secret(Name="prod/db", SecretString=value)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId="prod/db", SecretString=value)


def front(environ, start_response):
    request = Request(environ)
    body = request.get_data(cache=True)
    if request.path == "/control":
        if request.method == "POST":
            put(json.loads(body)["password"])
        return Response(json.dumps(counts), content_type="application/json")(environ, start_response)
    signed = is_signed(request, body)
    if signed is not None:
        counts["right" if signed else "wrong"] += 1
        if not signed:
            text = json.dumps({"__type": "InvalidSignatureException"})
            return Response(text, status=400, content_type="application/x-amz-json-1.1")(environ, start_response)
    if b"AssumeRoleWithWebIdentity" in body:
        counts["roles"] += 1
        counts["token"] = request.form.get("WebIdentityToken")
    import io

    environ["wsgi.input"] = io.BytesIO(body)
    return application(environ, start_response)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = make_server("127.0.0.1", 0, front, threaded=True, ssl_context=context)
port = server.server_port
import logging
import threading
import warnings

warnings.filterwarnings("ignore")
logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=server.serve_forever, daemon=True).start()
put("first")
print(port, flush=True)
threading.Event().wait()
