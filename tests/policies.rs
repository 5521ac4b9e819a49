//! Policies, end to end.

use crate::support::{Api, Backend, Gateway, Landing};

#[tokio::test]
async fn policies_of_all_scopes_run_in_the_order_of_base() {
    let backend = Backend::echo();
    let mark = |name: &str| {
        format!("<set-header name=\"X-Order\" exists-action=\"append\"><value>{name}</value></set-header>")
    };
    let landing = Landing::new().api(
        Api::new("a", &backend.url())
            .operation("get", "GET", "/x")
            .operation("alone", "GET", "/alone")
            .inbound(&mark("api"))
            .operation_policy(
                "get",
                &format!(
                    "<policies><inbound>{}<base />{}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>",
                    mark("before"),
                    mark("after")
                ),
            )
            .operation_policy(
                "alone",
                &format!("<policies><inbound>{}</inbound><backend><forward-request /></backend><outbound /><on-error /></policies>", mark("alone")),
            ),
    );
    landing.file(
        "artifacts/policy.xml",
        &format!("<policies><inbound>{}</inbound><backend><forward-request /></backend><outbound /><on-error /></policies>", mark("global")),
    );
    let gateway = Gateway::start(landing).await;
    let order = |answer: crate::support::Answer| {
        answer.json()["headers"]["x-order"].as_str().unwrap().replace(' ', "")
    };
    assert_eq!(order(gateway.client().get("/a/x").await), "before,global,api,after");
    assert_eq!(order(gateway.client().get("/a/alone").await), "alone");
}

#[tokio::test]
async fn a_rate_limit_counts_each_subscription_by_itself() {
    let backend = Backend::echo();
    let limit = "<rate-limit calls=\"2\" renewal-period=\"60\" remaining-calls-header-name=\"X-Left\" />";
    let landing = Landing::new()
        .api(
            Api::new("a", &backend.url())
                .set("subscriptionRequired", true)
                .operation("get", "GET", "/x")
                .inbound(limit),
        )
        .subscription("one", "/apis/a")
        .subscription("two", "/apis");
    let gateway = Gateway::start(landing).await;
    let with = |key: &str| gateway.client().header("Ocp-Apim-Subscription-Key", key);
    let first = with("one-primary").get("/a/x").await;
    assert_eq!((first.status.as_u16(), first.header("x-left")), (200, Some("1")));
    assert_eq!(with("one-secondary").get("/a/x").await.header("x-left"), Some("0"));
    let third = with("one-primary").get("/a/x").await;
    assert_eq!(third.status, 429);
    let seconds: u64 = third.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(third.json()["message"], format!("Rate limit is exceeded. Try again in {seconds} seconds."));
    assert_eq!(with("two-primary").get("/a/x").await.status, 200);
    assert_eq!(backend.seen().len(), 3);
}

#[tokio::test]
async fn secrets_in_messages_of_policies_stand_in_no_log() {
    let backend = Backend::echo();
    let check = "<check-header name=\"Authorization\" failed-check-httpcode=\"401\" failed-check-error-message=\"no\" ignore-case=\"false\"><value>{{secret-token}}</value></check-header>";
    let throw =
        "<set-variable name=\"x\" value=\"@{ throw new Exception(&quot;got {{secret-token}}&quot;); }\" />";
    let landing = Landing::new()
        .api(Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(check))
        .api(Api::new("b", &backend.url()).operation("get", "GET", "/x").inbound(throw));
    landing.file(
        "artifacts/named values/secret-token/namedValueInformation.json",
        r#"{ "properties": { "displayName": "secret-token", "secret": true, "value": "s3cret-of-the-gateway" } }"#,
    );
    let gateway = Gateway::start(landing).await;
    let wrong = gateway.client().header("authorization", "Bearer token-of-the-client").get("/a/x").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        gateway.client().header("authorization", "s3cret-of-the-gateway").get("/a/x").await.status,
        200
    );
    assert_eq!(gateway.client().get("/b/x").await.status, 500);
    let rows = gateway.access_log(3).await;
    // Cores write their records in no order.
    let mut messages: Vec<&str> = rows.iter().filter_map(|row| row["error"]["message"].as_str()).collect();
    messages.sort_unstable_by_key(|message| message.starts_with("Expression"));
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[0], "The message holds what the client has sent and is not logged.");
    assert!(messages[1].contains("got ***"), "{messages:?}");
}

#[tokio::test]
async fn a_policy_sees_the_key_of_the_request_and_the_backend_does_not() {
    let backend = Backend::echo();
    let limit = "<rate-limit-by-key calls=\"1\" renewal-period=\"60\" counter-key=\"@(context.Subscription.Key)\" /><set-header name=\"X-Length\"><value>@(context.Subscription.Key.Length.ToString() + context.Subscription.PrimaryKey)</value></set-header>";
    let landing = Landing::new()
        .api(
            Api::new("a", &backend.url())
                .set("subscriptionRequired", true)
                .operation("get", "GET", "/x")
                .inbound(limit),
        )
        .subscription("one", "/apis/a")
        .subscription("three", "/apis/a");
    let gateway = Gateway::start(landing).await;
    let with = |key: &str| gateway.client().header("Ocp-Apim-Subscription-Key", key);
    let first = with("one-primary").get("/a/x").await;
    assert_eq!((first.status.as_u16(), &first.json()["headers"]["x-length"]), (200, &"11".into()));
    assert!(!first.text().contains("one-primary"));
    assert_eq!(with("one-primary").get("/a/x").await.status, 429);
    assert_eq!(with("one-secondary").get("/a/x").await.status, 200);
    let by_query = gateway.client().get("/a/x?subscription-key=three-primary").await;
    assert_eq!((by_query.status.as_u16(), &by_query.json()["headers"]["x-length"]), (200, &"13".into()));
    assert!(!by_query.text().contains("three-primary"));
}
