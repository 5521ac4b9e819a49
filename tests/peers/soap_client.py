"""Zeep against a service behind the gateway: python soap_client.py WSDL URL CAFILE prints what came of each call."""

import json
import sys

import requests
import zeep
from lxml import etree

wsdl, url, authority = sys.argv[1:]
session = requests.Session()
session.trust_env = False
session.verify = authority
session.headers["Ocp-Apim-Subscription-Key"] = "all-primary"
client = zeep.Client(wsdl, transport=zeep.Transport(session=session))
binding = next(iter(client.wsdl.bindings))
service = client.create_service(binding, url)
told = {}


def call(name, operation, **arguments):
    try:
        told[name] = getattr(service, operation)(**arguments)
    except zeep.exceptions.Fault as fault:
        told[name] = f"fault: {fault.message}"
    except zeep.exceptions.TransportError as error:
        told[name] = f"{error.status_code}: {error.content.decode(errors='replace')}"


call("good", "place", customer="ann", lines={"Line": [{"sku": "AB-1", "count": 2}, {"sku": "CD-2", "count": 3}]})
call("fault", "place", customer="nobody", lines={"Line": [{"sku": "AB-1", "count": 2}]})
call("bad sku", "place", customer="ann", lines={"Line": [{"sku": "1", "count": 2}]})
call("bad count", "place", customer="ann", lines={"Line": [{"sku": "AB-1", "count": 0}]})
call("bad answer", "broken", text="x")

message = client.create_message(service, "place", customer="ann", lines={"Line": [{"sku": "AB-1", "count": 2}]})
text = etree.tostring(message).decode()


def post(name, body, action="place", content_type="text/xml; charset=utf-8", query=""):
    headers = {"Content-Type": content_type}
    if action is not None:
        headers["SOAPAction"] = f'"{action}"'
    answer = session.post(url + query, data=body.encode(), headers=headers)
    told[name] = f"{answer.status_code}: {answer.text}"


post("raw", text)
post("by the query", text, action=None, query="?soapAction=place")
post("by the body", text, action=None)
post("by the body with an empty action", text, action="")
post("unknown action", text, action="other")
post("another operation's action", text, action="broken")
post("version 1.2 namespace", text, content_type="application/soap+xml")
post("two bodies", text.replace("</soap-env:Body>", "</soap-env:Body><soap-env:Body/>"))
post("bomb", '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + text.replace("ann", "&b;"))
post("external entity", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + text.replace("ann", "&a;"))
post("deep", text.replace("ann", "<a>" * 10_000))
post("not XML", text[:-5])
post("no envelope", "<a/>")
post("empty", "")
print(json.dumps(told))
