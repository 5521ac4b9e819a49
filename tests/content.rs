//! Policies that keep values and turn bodies into others, end to end.

use crate::support::{Api, Backend, Gateway, Landing};

#[tokio::test]
async fn values_are_kept_from_one_request_to_the_next_and_across_a_reload() {
    let backend = Backend::echo();
    let token = "<cache-lookup-value key=\"@(&quot;token-&quot; + context.Request.Headers.GetValueOrDefault(&quot;who&quot;, &quot;&quot;))\" variable-name=\"token\" />\
        <choose><when condition=\"@(!context.Variables.ContainsKey(&quot;token&quot;))\">\
        <set-variable name=\"token\" value=\"@(JObject.Parse(&quot;{'id':'&quot; + context.RequestId + &quot;'}&quot;))\" />\
        <cache-store-value key=\"@(&quot;token-&quot; + context.Request.Headers.GetValueOrDefault(&quot;who&quot;, &quot;&quot;))\" value=\"@((JObject)context.Variables[&quot;token&quot;])\" duration=\"600\" />\
        </when></choose>\
        <set-header name=\"X-Token\" exists-action=\"override\"><value>@((string)((JObject)context.Variables[\"token\"])[\"id\"])</value></set-header>";
    let landing = Landing::new().api(
        Api::new("a", &backend.url())
            .operation("get", "GET", "/x")
            .operation("out", "GET", "/logout")
            .inbound(token)
            .operation_policy("out", "<policies><inbound><cache-remove-value key=\"token-ann\" caching-type=\"external\" /><return-response /></inbound><backend><base /></backend><outbound /><on-error /></policies>"),
    );
    let gateway = Gateway::start(landing).await;
    let of = async |who: &str| {
        let answer = gateway.client().header("Who", who).get("/a/x").await;
        answer.json()["headers"]["x-token"].as_str().unwrap().to_owned()
    };
    let (ann, bob) = (of("ann").await, of("bob").await);
    assert_ne!(ann, bob);
    assert_eq!((of("ann").await, of("bob").await), (ann.clone(), bob.clone()));
    gateway.reload().await;
    assert_eq!(of("ann").await, ann);
    assert_eq!(gateway.client().get("/a/logout").await.status, 200);
    assert_ne!(of("ann").await, ann);
    assert_eq!(of("bob").await, bob);
    assert!(
        gateway.log().contains("asks for an external cache, and none is configured"),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn a_cached_value_is_computed_once_for_many_requests() {
    let backend = Backend::echo();
    let policy = "<cache-value key=\"v\" variable-name=\"v\" expires-after=\"600\" refresh-after=\"300\"><value>\
        <set-variable name=\"v\" value=\"@(context.RequestId)\" /></value></cache-value>\
        <return-response><set-body>@(context.Variables[\"v\"].ToString())</set-body></return-response>";
    let api = Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(policy);
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let first = gateway.client().get("/a/x").await.text();
    for _ in 0..10 {
        assert_eq!(gateway.client().get("/a/x").await.text(), first);
    }
}
