"""Sends bodies that a property-based generator makes to a running gateway, and compares its verdicts with those of an
independent validator: python validation_judge.py BASE CAFILE HOST DEFINITION...

Each DEFINITION is NAME=FILE: the API NAME at BASE/NAME, with the OpenAPI 3 definition in FILE. Prints a line a definition and,
last, the counts of false accepts and false rejects.
"""

import json
import random
import ssl
import sys
import urllib.error
import urllib.request
import warnings

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis_jsonschema import from_schema
from openapi_schema_validator import OAS30WriteValidator, OAS31Validator, oas30_format_checker, oas31_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4, DRAFT202012

warnings.simplefilter("ignore")
PER_OPERATION, OPERATIONS = 12, 12
random.seed(7)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file) if path.endswith(".json") else yaml.safe_load(file)


def bodies(document):
    """Paths of templates without parameters, with the schema of their JSON body."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            # What stands behind `#` never reaches a server.
            if method not in ("post", "put", "patch") or "{" in path or "#" in path:
                continue
            shared = item.get("parameters", []) + operation.get("parameters", [])
            if any(parameter.get("required") or "$ref" in parameter for parameter in shared):
                continue
            content = operation.get("requestBody", {}).get("content", {})
            if "schema" in content.get("application/json", {}):
                pointer = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}/requestBody/content/application~1json/schema"
                yield method.upper(), path, content["application/json"]["schema"], pointer


def mutations(value):
    """The value with one thing changed, in several ways."""
    spots = []

    def walk(owner, key, inner):
        spots.append((owner, key))
        if isinstance(inner, dict):
            for name in list(inner):
                walk(inner, name, inner[name])
        elif isinstance(inner, list):
            for index in range(len(inner)):
                walk(inner, index, inner[index])

    holder = [json.loads(json.dumps(value))]
    walk(holder, 0, holder[0])
    for _ in range(4):
        copy = [json.loads(json.dumps(value))]
        spots.clear()
        walk(copy, 0, copy[0])
        owner, key = random.choice(spots)
        choice = random.randrange(4)
        if choice == 0 and isinstance(owner, dict):
            del owner[key]
        elif choice == 1 and isinstance(owner[key], dict):
            owner[key]["unexpected"] = 1
        else:
            owner[key] = random.choice([None, True, -1, 0, 1.5, 2**31, 2**63, "", "x" * 300, [], {}, [[]], "2024-01-01"])
        yield copy[0]


def sample(schema, document, depth=0):
    """A value after the outline of a schema, for schemas that the generator cannot read."""
    for _ in range(20):
        if not isinstance(schema, dict) or "$ref" not in schema:
            break
        target = document
        for step in schema["$ref"][2:].split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        schema = target
    if not isinstance(schema, dict):
        return {}
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return random.choice(schema["enum"])
    for keyword in ("oneOf", "anyOf"):
        if schema.get(keyword):
            return sample(random.choice(schema[keyword]), document, depth + 1)
    if "example" in schema and random.random() < 0.5:
        return schema["example"]
    merged = {"properties": dict(schema.get("properties", {})), "required": list(schema.get("required", []))}
    value = {}
    for part in schema.get("allOf", []):
        inner = sample(part, document, depth + 1)
        if isinstance(inner, dict):
            value.update(inner)
        else:
            return inner
    kind = schema.get("type")
    kind = random.choice(kind) if isinstance(kind, list) else kind
    if kind == "array":
        count = 0 if depth > 6 else max(schema.get("minItems", 0), random.randrange(2))
        return [sample(schema.get("items", {}), document, depth + 1) for _ in range(count)]
    if kind == "integer" or kind == "number":
        return max(schema.get("minimum", 1), 1)
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "null":
        return None
    if kind == "string":
        by_format = {
            "date": "2024-05-17", "date-time": "2024-05-17T09:30:00Z", "uuid": "0f0f4f66-2a4c-4c0e-9d8b-6f6f2f1f0a01",
            "uri": "https://example.com/a", "email": "a@example.com", "byte": "YQ==",
        }
        text = by_format.get(schema.get("format"), "text")
        return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 1000)] if "format" not in schema else text
    for name, inner in merged["properties"].items():
        if name in merged["required"] or depth < 4 and random.random() < 0.3:
            value[name] = sample(inner, document, depth + 1)
    return value


def generated(schema, document):
    """Values that the generator thinks are valid; none where it cannot read the schema."""
    found = []
    whole = dict(schema)
    whole["components"] = document.get("components", {})

    @seed(1)
    @settings(max_examples=PER_OPERATION, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(from_schema(whole))
    def collect(value):
        found.append(value)

    try:
        collect()
    except Exception:
        pass
    return found + [sample(schema, document) for _ in range(PER_OPERATION)]


def main():
    base, cafile, host, *definitions = sys.argv[1:]
    context = ssl.create_default_context(cafile=cafile)
    context.check_hostname = False
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    totals = {"accepts": 0, "rejects": 0, "false accepts": 0, "false rejects": 0, "explained": 0}
    for definition in definitions:
        name, path = definition.split("=", 1)
        document = load(path)
        newer = document["openapi"].startswith("3.1")
        resource = Resource.from_contents(document, default_specification=DRAFT202012 if newer else DRAFT4)
        registry = Registry().with_resource("urn:definition", resource)
        judge, formats = (OAS31Validator, oas31_format_checker) if newer else (OAS30WriteValidator, oas30_format_checker)
        counts = dict.fromkeys(totals, 0)
        for number, (method, template, schema, pointer) in enumerate(bodies(document)):
            if number >= OPERATIONS:
                break
            validator = judge({"$ref": f"urn:definition{pointer}"}, registry=registry, format_checker=formats)
            values = generated(schema, document)
            for value in values + [changed for value in values for changed in mutations(value)]:
                try:
                    valid = validator.is_valid(value)
                except Exception:
                    continue
                request = urllib.request.Request(
                    f"{base}/{name}{template}", json.dumps(value).encode(), {"Content-Type": "application/json", "Host": host, "Ocp-Apim-Subscription-Key": "all-primary"}, method=method)
                try:
                    status = opener.open(request).status
                except urllib.error.HTTPError as error:
                    status, told = error.code, error.read().decode()
                if status not in (200, 400):
                    raise SystemExit(f"{method} {name}{template}: {status} {told}")
                accepted = status == 200
                counts["accepts" if valid else "rejects"] += 1
                # The judge of 3.1 knows no read-only properties; the definition of OpenAI has schemas that are no schemas.
                if not accepted and valid and (
                    newer and "must not be sent this way" in told or "internal error" in told
                ):
                    counts["explained"] += 1
                    continue
                if accepted != valid:
                    kind = "false accepts" if accepted else "false rejects"
                    counts[kind] += 1
                    reason = "" if accepted else json.loads(told)["message"]
                    why = "" if valid else str(next(validator.iter_errors(value)).message)
                    print(f"{kind}: {method} {name}{template} {json.dumps(value)[:300]} | gateway: {reason[:200]} | judge: {why[:200]}")
        print(name, counts)
        for key, count in counts.items():
            totals[key] += count
    print(json.dumps(totals))


main()
