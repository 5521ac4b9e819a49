//! GraphQL behind the gateway: what does not conform to the schema, or asks for too much, never reaches the backend.

use std::fmt::Write as _;

use crate::support::{Answer, Backend, Client, Gateway, Landing, gatehouse};

const SDL: &str = "type Query { user(id: ID!): User me: User }\ntype Mutation { deleteUser(id: ID!): Boolean }\ntype User { id: ID! name: String secret: String friends: [User] }\n";

const POLICY: &str = "<policies><inbound><base /><validate-graphql-request error-variable-name=\"errors\" max-size=\"20000\" max-depth=\"4\"><authorize><rule path=\"/__*\" action=\"reject\" /><rule path=\"/User/secret\" action=\"@(context.Request.Headers.ContainsKey(&quot;X-Admin&quot;) ? &quot;ignore&quot; : &quot;remove&quot;)\" /><rule path=\"/Mutation/deleteUser\" action=\"reject\" /></authorize></validate-graphql-request><set-header name=\"X-Errors\"><value>@(context.Variables.ContainsKey(\"GraphQLErrors\") ? \"yes\" : \"no\")</value></set-header></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>";

async fn ask(client: &Client, query: &str) -> Answer {
    let body = serde_json::json!({ "query": query }).to_string();
    client.clone().header("content-type", "application/json").send("POST", "/films", body).await
}

#[tokio::test]
async fn requests_conform_to_the_schema_and_to_the_rules() {
    let backend = Backend::echo();
    let landing = Landing::new().with("waf: { mode: off }").subscription("all", "/apis");
    landing.file("films.graphql", SDL);
    let url = format!("{}/graphql", backend.url());
    let import =
        ["import", "graphql", "films.graphql", "--name", "films", "--into", "artifacts", "--backend", &url];
    let output = gatehouse(landing.folder.path(), &import);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    landing.file("artifacts/apis/films/policy.xml", POLICY);
    let gateway = Gateway::start(landing).await;
    let client = gateway.client().header("Ocp-Apim-Subscription-Key", "all-primary");
    let answer = ask(&client, "{ me { name friends { id } } }").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let taken = ask(&client, "query($id: ID!) { user(id: $id) { name hidden: secret } }").await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let admin = client.clone().header("x-admin", "1");
    assert_eq!(ask(&admin, "{ me { secret } }").await.status, 200);
    let seen = backend.seen();
    let sent = |number: usize| String::from_utf8_lossy(&seen[number].body).into_owned();
    assert!(!sent(1).contains("secret") && sent(1).contains("name"), "{}", sent(1));
    assert_eq!(
        (seen[0].headers["x-errors"].as_bytes(), seen[1].headers["x-errors"].as_bytes()),
        (&b"no"[..], &b"yes"[..])
    );
    assert!(sent(2).contains("secret"));
    let (mut fragments, mut aliases) = (String::new(), String::new());
    for number in 0..40 {
        let _ = write!(fragments, " fragment f{number} on User {{ ...f{0} ...f{0} }}", number + 1);
    }
    for number in 0..1_500 {
        let _ = write!(aliases, " a{number}:id");
    }
    for (query, wanted) in [
        ("{ me { nme } }".to_owned(), "nme"),
        ("{ me { name }".to_owned(), ""),
        (format!("{{ me {} {{ id }} {} }}", "{ friends ".repeat(4), "}".repeat(4)), "levels deep"),
        (format!("{{ me {} {{ id }} {} }}", "{ friends ".repeat(800), "}".repeat(800)), ""),
        (format!("{{ me {{ ...f0 }} }} {fragments} fragment f40 on User {{ id }}"), "more than 10000 fields"),
        (format!("{{ me {{ {aliases} }} }}"), "aliases"),
        ("{ me { ...a } } fragment a on User { ...b } fragment b on User { ...a }".to_owned(), ""),
        ("{ __schema { types { name } } }".to_owned(), "may not be asked for"),
        ("mutation { deleteUser(id: 1) }".to_owned(), "may not be asked for"),
        ("{ me { secret } }".to_owned(), "has been taken out"),
        (format!("{{ me {{ id }} }} #{}", "x".repeat(20_000)), "exceeds the limit of 20000 bytes"),
    ] {
        let answer = ask(&client, &query).await;
        let told = answer.json();
        assert_eq!(answer.status, 400, "{query:.80}: {}", answer.text());
        assert!(told.get("data").is_none(), "{}", answer.text());
        let errors = told["errors"].as_array().unwrap();
        let has =
            |error: &serde_json::Value| error["message"].as_str().is_some_and(|text| text.contains(wanted));
        assert!(errors.iter().any(has), "{query:.80}: {}", answer.text());
    }
    let json = client.clone().header("content-type", "application/json");
    for bad in [
        "",
        "[]",
        "{}",
        "{\"query\":\"{ me { id } }\",\"query\":\"{ me { secret } }\"}",
        "{\"query\":\"{ me { id } }\"",
    ] {
        assert_eq!(json.send("POST", "/films", bad).await.status, 400, "{bad}");
    }
    assert_eq!(
        json.send("POST", "/films?query=%7Bme%7Bid%7D%7D", "{\"query\":\"{ me { id } }\"}").await.status,
        400
    );
    assert_eq!(
        client
            .clone()
            .header("content-type", "text/plain")
            .send("POST", "/films", "{ me { id } }")
            .await
            .status,
        400
    );
    assert_eq!(client.get("/films?query=mutation%7BdeleteUser(id%3A1)%7D").await.status, 400);
    assert_eq!(backend.seen().len(), 3);
    assert_eq!(client.get("/films?query=%7Bme%7Bid%20secret%7D%7D").await.status, 200);
    let last = backend.seen().pop().unwrap();
    assert!(!last.uri.contains("secret") && last.uri.starts_with("/graphql?"), "{}", last.uri);
}
