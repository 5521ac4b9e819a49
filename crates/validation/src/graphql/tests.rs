use std::fmt::Write as _;

use super::*;

const SDL: &str = "
type Query { user(id: ID!): User, node: Node, listUsers: [User] }
type Mutation { deleteUser(id: ID!): Boolean }
interface Node { id: ID! }
type User implements Node { id: ID!, name: String, secret: String, friends(first: Int): [User] }
";

fn schema() -> Schema {
    Schema::compile(SDL).unwrap()
}

fn errors(text: &str, operation: Option<&str>, depth: usize) -> Vec<String> {
    match schema().check(text, operation, depth) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.message).collect(),
    }
}

#[test]
fn requests_conform_to_the_schema() {
    assert!(errors("{ user(id: 1) { name friends(first: 2) { id } } }", None, 3).is_empty());
    assert!(errors("query a { node { id } } query b { node { id } }", Some("b"), 3).is_empty());
    for bad in [
        "{ user { name } }",
        "{ user(id: 1) { nme } }",
        "{ user(id: 1) }",
        "{ listUsers { name",
        "",
        "mutation { deletUser(id: 1) }",
        "query ($x: Int) { listUsers { name } }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ ...a } fragment a on Query { ...a listUsers { id } }",
        "query a { node { id } } query b { node { id } }",
        "type X { a: Int }",
    ] {
        assert!(!errors(bad, None, 10).is_empty(), "{bad}");
    }
    assert!(!errors("query a { node { id } }", Some("c"), 3).is_empty());
}

#[test]
fn what_asks_for_too_much_is_refused_fast() {
    let deep = format!("{{ user(id: 1) {}{{ id }} {} }}", "{ friends ".repeat(6), "}".repeat(6));
    assert!(errors(&deep, None, 6)[0].contains("levels deep"), "{:?}", errors(&deep, None, 6));
    let nested = format!("{{ user(id: 1) {}{{ id }} {} }}", "{ friends ".repeat(20_000), "}".repeat(20_000));
    assert!(!errors(&nested, None, 6).is_empty());
    let mut bomb = String::from("{ user(id: 1) { ...f0 } }");
    for number in 0..40 {
        let next = number + 1;
        let _ = write!(bomb, " fragment f{number} on User {{ ...f{next} ...f{next} }}");
    }
    bomb.push_str(" fragment f40 on User { id }");
    assert!(errors(&bomb, None, 6)[0].contains("more than 10000 fields"), "{:?}", errors(&bomb, None, 6));
    let mut chain = String::from("{ user(id: 1) { ...f0 } }");
    for number in 0..5_000 {
        let _ = write!(chain, " fragment f{number} on User {{ ...f{} }}", number + 1);
    }
    chain.push_str(" fragment f5000 on User { id }");
    assert!(!errors(&chain, None, 6).is_empty());
    let mut aliased = String::new();
    for number in 0..1_001 {
        let _ = write!(aliased, "a{number}: name ");
    }
    assert!(errors(&format!("{{ user(id: 1) {{ {aliased} }} }}"), None, 6)[0].contains("1000 aliases"));
}

#[test]
fn paths_of_rules_mean_fields() {
    let schema = schema();
    let means = |path: &str, parent: &str, name: &str| {
        schema.is_meant(path, &Field { parent: parent.into(), name: name.into() })
    };
    assert!(means("/Query/user", "Query", "user") && !means("/Query/user", "Query", "node"));
    assert!(means("/User/*", "User", "secret") && means("/User/s*", "User", "secret"));
    assert!(means("/__*", "Query", "__schema") && means("/__*", "Query", "__type"));
    assert!(!means("/__*", "Query", "__typename") && !means("/__*", "Query", "user"));
    assert!(means("/listUsers", "Query", "listUsers") && !means("/name", "User", "name"));
    // What an interface is asked for may be answered by the type that a rule is about.
    assert!(means("/User/id", "Node", "id"));
}

#[test]
fn fields_are_taken_out_with_what_nothing_uses_any_more() {
    let schema = schema();
    let text = "query q($n: Int, $id: ID!) { user(id: $id) { me: name secret ...f ...g } } fragment f on User { friends(first: $n) { secret } } fragment g on User { id secret }";
    let checked = schema.check(text, None, 6).unwrap();
    let secret = Field { parent: "User".into(), name: "secret".into() };
    assert!(checked.fields().any(|(field, _)| *field == secret));
    let left = checked.without(&BTreeSet::from([secret.clone()])).unwrap();
    assert!(!left.contains("secret") && !left.contains("$n") && !left.contains("...f"), "{left}");
    assert!(left.contains("me: name") && left.contains("...g"), "{left}");
    schema.check(&left, None, 6).unwrap();
    let only = schema.check("{ user(id: 1) { secret } }", None, 6).unwrap();
    assert_eq!(only.without(&BTreeSet::from([secret])), None);
}

#[test]
fn broken_schemas_are_told() {
    assert!(Schema::compile("type Query { a: Int").is_err());
    assert!(Schema::compile("type Other { a: Int }").unwrap_err().contains("no type for queries"));
    let twice = Schema::compile("type Query { a: Int a: Int }").unwrap();
    assert_eq!(twice.findings().len(), 1, "{:?}", twice.findings());
    assert!(twice.check("{ a }", None, 3).is_ok());
}

#[test]
fn requests_are_read_from_bodies() {
    let read = |body: &str| Graphql::read(body.as_bytes(), Transport::Json);
    let request = read(r#"{"query":"{ a }","operationName":"","variables":{"x":1.50}}"#).unwrap();
    assert_eq!((request.query.as_str(), request.operation.as_deref()), ("{ a }", None));
    assert_eq!(
        String::from_utf8(request.with_query("{ b }".into())).unwrap(),
        r#"{"query":"{ b }","operationName":"","variables":{"x":1.5}}"#
    );
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"query":1}"#,
        r#"[{"query":"{ a }"}]"#,
        r#"{"query":"{ a }","query":"{ b }"}"#,
        r#"{"query":"{ a }","variables":[]}"#,
        r#"{"query":"{ a }","operationName":1}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
