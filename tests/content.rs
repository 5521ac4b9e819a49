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

/// The policies that Azure generates for an operation of a SOAP API that is offered as REST.
#[tokio::test]
async fn a_soap_backend_is_offered_as_json() {
    let backend = Backend::answering(|seen| {
        let request = String::from_utf8_lossy(&seen.body);
        let n = request.split("<n>").nth(1).and_then(|rest| rest.split("</n>").next()).unwrap_or_default();
        let items: Vec<String> = (0..n.parse().unwrap())
            .map(|i| format!("<Item><Id>{i}</Id><Name>say &quot;{i}&quot;</Name></Item>"))
            .collect();
        let items = items.concat();
        let envelope = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><ListResponse xmlns=\"urn:l\">{items}</ListResponse></soap:Body></soap:Envelope>"
        );
        http::Response::builder().header("content-type", "text/xml").body(envelope.into()).unwrap()
    });
    let request = "<set-body template=\"liquid\"><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><List xmlns=\"urn:l\"><n>{{body.count}}</n></List></soap:Body></soap:Envelope></set-body>";
    let answer = "<set-body template=\"liquid\">{\"items\":[{% JSONArrayFor item in body.envelope.body.ListResponse.Item -%}\n{\"id\": {{item.Id}}, \"name\": {% if item.Name %}\"{{item.Name | Replace: '([^\\\\](\\\\\\\\)*)\"', '$1\\\"'}}\"{% else %} null {% endif %}}\n{% endJSONArrayFor -%}]}</set-body>\
        <set-header name=\"Content-Type\" exists-action=\"override\"><value>application/json</value></set-header>";
    let document = format!(
        "<policies><inbound>{request}</inbound><backend><base /></backend><outbound>{answer}</outbound><on-error /></policies>"
    );
    let api = Api::new("a", &backend.url()).operation("list", "POST", "/list").policy(&document);
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let client = gateway.client().header("Content-Type", "application/json");
    for count in [0, 1, 3] {
        let answer = client.send("POST", "/a/list", format!("{{\"count\":{count}}}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let items = answer.json()["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), count);
        for (index, item) in items.iter().enumerate() {
            assert_eq!(item["id"], index);
            assert_eq!(item["name"], format!("say \"{index}\""));
        }
    }
    assert_eq!(client.send("POST", "/a/list", "{").await.status, 400);
}

#[tokio::test]
async fn the_cross_domain_document_is_served_at_the_root_and_under_an_api() {
    let backend = Backend::echo();
    let policy = |domain: &str| {
        format!(
            "<cross-domain><cross-domain-policy><allow-access-from domain=\"{domain}\" /></cross-domain-policy></cross-domain>"
        )
    };
    let landing = Landing::new()
        .api(Api::new("a", &backend.url()).operation("get", "GET", "/x").policy(&format!(
            "<policies><inbound>{}</inbound><backend><base /></backend><outbound /><on-error /></policies>",
            policy("api.example")
        )))
        .api(
            Api::new("b", &backend.url()).operation("get", "GET", "/x").policy(
                "<policies><inbound /><backend><base /></backend><outbound /><on-error /></policies>",
            ),
        );
    landing.file(
        "artifacts/policy.xml",
        &format!("<policies><inbound>{}</inbound><backend><forward-request /></backend><outbound /><on-error /></policies>", policy("root.example")),
    );
    let gateway = Gateway::start(landing).await;
    let root = gateway.client().get("/crossdomain.xml").await;
    assert_eq!(
        (root.status.as_u16(), root.header("content-type")),
        (200, Some("text/x-cross-domain-policy"))
    );
    assert!(root.text().contains("domain=\"root.example\""), "{}", root.text());
    assert!(gateway.client().get("/a/crossdomain.xml").await.text().contains("domain=\"api.example\""));
    assert_eq!(gateway.client().get("/b/crossdomain.xml").await.status, 404);
    assert_eq!(gateway.client().send("POST", "/crossdomain.xml", "").await.status, 404);
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
}

#[tokio::test]
async fn an_xml_backend_answers_in_json_to_those_who_ask_for_it() {
    let backend = Backend::answering(|_| {
        http::Response::builder()
            .header("content-type", "application/xml")
            .body("<list><item id=\"1\">a</item></list>".into())
            .unwrap()
    });
    let document = "<policies><inbound /><backend><base /></backend><outbound><xml-to-json kind=\"direct\" apply=\"content-type-xml\" always-array-child-elements=\"true\" /></outbound><on-error /></policies>";
    let api = Api::new("a", &backend.url()).operation("get", "GET", "/x").policy(document);
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let plain = gateway.client().get("/a/x").await;
    assert_eq!(plain.text(), "<list><item id=\"1\">a</item></list>");
    let json = gateway.client().header("Accept", "application/json").get("/a/x").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(json.text(), r##"{"list":{"item":[{"@id":"1","#text":"a"}]}}"##);
}
