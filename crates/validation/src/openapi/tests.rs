#![allow(clippy::needless_pass_by_value, reason = "parameters are written where they are passed")]

use serde_json::json;
use smallvec::smallvec;

use super::style::Location;
use super::*;
use crate::schema::Direction;

fn api(parameters: Value) -> Api {
    let document = json!({"openapi": "3.0.3", "paths": {"/x/{id}": {"get": {"parameters": parameters, "responses": {}}}}});
    Api::compile(&document, Dialect::OpenApi30, &[Variant::plain(Direction::Request)])
}

fn query(parameter: Value, query: &str) -> Result<(), ParameterFault> {
    let api = api(json!([parameter]));
    assert!(api.reports().is_empty(), "{:?}", api.reports());
    let operation = api.operation("/x/{id}", "GET").unwrap();
    let pairs = QueryPairs::parse(query).unwrap();
    operation.check(&operation.parameters()[0], &Values::Query(&pairs))
}

fn texts(parameter: Value, values: &[&str]) -> Result<(), ParameterFault> {
    let api = api(json!([parameter]));
    let operation = api.operation("/x/{id}", "GET").unwrap();
    operation.check(&operation.parameters()[0], &Values::Texts(values.iter().copied().collect()))
}

#[test]
fn scalars_are_read_after_their_schema() {
    let of = |schema: Value| json!({"name": "a", "in": "query", "schema": schema});
    let integer = of(json!({"type": "integer", "format": "int32", "minimum": 1}));
    assert!(query(integer.clone(), "a=7").is_ok());
    assert!(query(integer.clone(), "b=7").is_ok());
    for bad in ["a=0", "a=x", "a=1.5", "a=", "a=2147483648", "a=007", "a=1&a=2", "a=1&A=2", "a=%zz", "a=0x10"]
    {
        assert!(query(integer.clone(), bad).is_err(), "{bad}");
    }
    assert_eq!(query(integer.clone(), "a=1&a=2"), Err(ParameterFault::Multiple));
    let Err(ParameterFault::Invalid(found)) = query(integer, "a=x") else { panic!() };
    assert_eq!(found[0].details(), "Invalid type. Expected Integer but got String.");
    assert!(query(of(json!({"type": "boolean"})), "a=true").is_ok());
    assert!(query(of(json!({"type": "boolean"})), "a=True").is_err());
    assert!(query(of(json!({"type": "string", "format": "date"})), "a=2024-02-30").is_err());
    assert!(query(of(json!({"type": "string", "maxLength": 3})), "a=%C3%A4+b").is_ok());
    assert!(query(of(json!({"type": "string"})), "a=12").is_ok());
    assert!(query(of(json!({"type": "string", "nullable": true, "minLength": 1})), "a=").is_ok());
    assert!(
        query(of(json!({"anyOf": [{"type": "integer", "maximum": 3}, {"type": "string"}]})), "a=5").is_ok()
    );
    assert!(query(of(json!({"enum": [1, "b"]})), "a=1").is_ok());
    assert!(query(of(json!({"enum": [1, "b"]})), "a=c").is_err());
    let required = json!({"name": "a", "in": "query", "required": true, "schema": {}});
    assert_eq!(query(required, "b=1"), Err(ParameterFault::Missing));
}

#[test]
fn lists_and_objects_are_read_in_every_style_of_a_query() {
    let of = |style: &str, explode: bool, schema: Value| json!({"name": "a", "in": "query", "style": style, "explode": explode, "schema": schema});
    let list = json!({"type": "array", "items": {"type": "integer"}, "maxItems": 3});
    for (style, explode, good, bad) in [
        ("form", true, "a=1&a=2", "a=1&a=x"),
        ("form", false, "a=1,2,3", "a=1,2,3,4"),
        ("spaceDelimited", false, "a=1%202+3", "a=1,2"),
        ("pipeDelimited", false, "a=1|2%7C3", "a=1|x"),
    ] {
        assert!(query(of(style, explode, list.clone()), good).is_ok(), "{style} {good}");
        assert!(query(of(style, explode, list.clone()), bad).is_err(), "{style} {bad}");
    }
    // A comma that is escaped is part of a value.
    let names = json!({"type": "array", "items": {"type": "string"}, "maxItems": 1});
    assert!(query(of("form", false, names), "a=x%2Cy").is_ok());
    let object = json!({"type": "object", "required": ["r"], "additionalProperties": false, "properties": {
        "r": {"type": "integer"}, "g": {"type": "string"}, "in": {"type": "object", "properties": {"x": {"type": "boolean"}}}}});
    for (style, explode, good, bad) in [
        ("form", true, "r=1&g=2&z=3", "r=x"),
        ("form", false, "a=r,1,g,x", "a=r,1,h,x"),
        ("deepObject", true, "a[r]=1&a[in][x]=true", "a[r]=1&a[in][x]=7"),
        ("deepObject", true, "a%5Br%5D=1", "a[r]=1&a[z]=2"),
    ] {
        assert!(query(of(style, explode, object.clone()), good).is_ok(), "{style} {good}");
        assert!(query(of(style, explode, object.clone()), bad).is_err(), "{style} {bad}");
    }
    assert!(query(of("deepObject", true, object), "a[r]=1&a[r]=2").is_err());
    let content = json!({"name": "a", "in": "query", "content": {"application/json": {"schema": {"type": "object", "required": ["x"]}}}});
    assert!(query(content.clone(), "a=%7B%22x%22:1%7D").is_ok());
    assert!(query(content, "a=%7B%22y%22:1%7D").is_err());
}

#[test]
fn lists_and_objects_are_read_in_every_style_of_a_path() {
    let of = |style: &str, explode: bool, schema: Value| json!({"name": "id", "in": "path", "required": true, "style": style, "explode": explode, "schema": schema});
    let list = json!({"type": "array", "items": {"type": "integer"}});
    let object = json!({"type": "object", "additionalProperties": false, "properties": {"r": {"type": "integer"}, "g": {"type": "integer"}}});
    let scalar = json!({"type": "integer"});
    for (style, explode, schema, good, bad) in [
        ("simple", false, &scalar, "5", "x"),
        ("simple", false, &list, "3,4", "3,x"),
        ("simple", false, &object, "r,1,g,2", "r,1,h,2"),
        ("simple", true, &object, "r=1,g=2", "r=1,g=x"),
        ("label", false, &scalar, ".5", "5"),
        ("label", false, &list, ".3,4", ".3,x"),
        ("label", true, &list, ".3.4", ".3.x"),
        ("label", true, &object, ".r=1.g=2", ".r=1.h=2"),
        ("matrix", false, &scalar, ";id=5", ";x=5"),
        ("matrix", false, &list, ";id=3,4", ";id=3,x"),
        ("matrix", true, &list, ";id=3;id=4", ";id=3;id=x"),
        ("matrix", true, &object, ";r=1;g=2", ";r=1;g=x"),
        ("matrix", false, &object, ";id=r,1,g,2", ";id=r,1,g"),
    ] {
        assert_eq!(texts(of(style, explode, schema.clone()), &[good]), Ok(()), "{style} {explode} {good}");
        assert!(texts(of(style, explode, schema.clone()), &[bad]).is_err(), "{style} {explode} {bad}");
    }
    let header = json!({"name": "X-A", "in": "header", "schema": list});
    assert!(texts(header.clone(), &["1, 2", "3"]).is_ok());
    assert!(texts(header, &["1, x"]).is_err());
    let header = json!({"name": "X-A", "in": "header", "schema": {"type": "integer"}});
    assert_eq!(texts(header, &["1", "2"]), Err(ParameterFault::Multiple));
}

#[test]
fn swagger_2_collections_and_bodies_are_read() {
    let document = json!({"swagger": "2.0", "consumes": ["application/json"], "paths": {"/x": {
        "get": {"parameters": [{"name": "a", "in": "query", "type": "array", "items": {"type": "integer"}, "collectionFormat": "pipes"}], "responses": {}},
        "post": {"parameters": [{"name": "b", "in": "body", "required": true, "schema": {"type": "object", "required": ["n"]}}], "responses": {"200": {"schema": {"type": "string"}}}},
        "put": {"consumes": ["multipart/form-data"], "parameters": [
            {"name": "n", "in": "formData", "type": "integer", "required": true}, {"name": "f", "in": "formData", "type": "file"}], "responses": {}}
    }}});
    let variants = [Variant::plain(Direction::Request), Variant::plain(Direction::Response)];
    let api = Api::compile(&document, Dialect::Swagger2, &variants);
    let get = api.operation("/x", "GET").unwrap();
    let check = |query: &str| {
        let pairs = QueryPairs::parse(query).unwrap();
        get.check(&get.parameters()[0], &Values::Query(&pairs))
    };
    assert!(check("a=1|2").is_ok());
    assert!(check("a=1|x").is_err());
    let post = api.operation("/x", "POST").unwrap();
    let body = post.body().unwrap();
    let media = body.media("application/json").unwrap();
    assert!(body.required && body.media("text/plain").is_none());
    let judge =
        |text: &str| post.validate(media, variants[0], Encoding::Json, "application/json", text.as_bytes());
    assert!(judge("{\"n\":1}").is_ok());
    let Err(BodyFault::Invalid(found)) = judge("{\n \"m\":1}") else { panic!() };
    assert_eq!(found[0].details(), "Required properties are missing from object: n. Line: 1, Position: 1");
    assert!(post.response(200).unwrap().media("application/json").is_some());
    assert!(post.response(404).is_none());
    let put = api.operation("/x", "PUT").unwrap();
    let media = put.body().unwrap().media("multipart/form-data").unwrap();
    let send = |body: &str| {
        let content_type = "multipart/form-data; boundary=\"b 1\"";
        put.validate(media, variants[0], Encoding::Multipart, content_type, body.as_bytes())
    };
    let part = |name: &str, value: &str| {
        format!("--b 1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    assert_eq!(send(&format!("{}--b 1--\r\n", part("n", "1"))), Ok(()));
    assert!(send(&format!("{}--b 1--\r\n", part("n", "x"))).is_err());
    assert!(send(&format!("{}{}--b 1--\r\n", part("n", "1"), part("n", "2"))).is_err());
    assert!(send(&part("n", "1")).is_err());
    assert!(send("--b 1--\r\n").is_err());
    let file = "--b 1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\n\u{0}\r\n";
    assert_eq!(send(&format!("{}{file}--b 1--\r\n", part("n", "1"))), Ok(()));
}

#[test]
fn forms_are_read_after_their_schema() {
    let document = json!({"paths": {"/x": {"post": {"responses": {}, "requestBody": {"content": {
    "application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["n"], "additionalProperties": false, "properties": {
        "n": {"type": "integer"}, "s": {"type": "string"}, "l": {"type": "array", "items": {"type": "integer"}},
        "o": {"type": "object", "properties": {"x": {"type": "integer"}, "l": {"type": "array", "items": {"type": "boolean"}}}}
    }}}}}}}}});
    let variant = Variant::plain(Direction::Request);
    let api = Api::compile(&document, Dialect::OpenApi30, &[variant]);
    let post = api.operation("/x", "POST").unwrap();
    let kind = "application/x-www-form-urlencoded";
    let media = post.body().unwrap().media(kind).unwrap();
    let judge = |body: &str| post.validate(media, variant, Encoding::Form, kind, body.as_bytes());
    for good in [
        "n=1",
        "n=1&s=12",
        "n=1&l=1&l=2",
        "n=1&o[x]=1&o[l][]=true&o[l][]=false",
        "n=1&o%5Bl%5D%5B0%5D=true",
        "n=1&o={\"x\":1}",
    ] {
        assert_eq!(judge(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "n=x",
        "n=1&n=2",
        "n=1&l=x",
        "n=1&o[x]=x",
        "n=1&z=1",
        "n=1&o[x]=1&o[x]=2",
        "n=1&s=%ff",
        "n=1&o[l][5]=true",
    ] {
        assert!(judge(bad).is_err(), "{bad}");
    }
    assert!(
        post.validate(media, variant, Encoding::Form, &format!("{kind}; charset=utf-16"), b"n=1").is_err()
    );
}

#[test]
fn cookies_and_whole_queries_are_parameters() {
    let api = api(json!([
        {"name": "c", "in": "cookie", "schema": {"type": "integer"}},
        {"name": "q", "in": "querystring", "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}}},
    ]));
    let operation = api.operation("/x/{id}", "GET").unwrap();
    let [cookie, whole] = operation.parameters() else { panic!() };
    assert_eq!(cookie.location, Location::Cookie);
    assert!(operation.check(cookie, &Values::Texts(smallvec!["5"])).is_ok());
    assert!(operation.check(cookie, &Values::Texts(smallvec!["x"])).is_err());
    assert!(operation.check(whole, &Values::Whole("a=5")).is_ok());
    assert!(operation.check(whole, &Values::Whole("a=x")).is_err());
}
