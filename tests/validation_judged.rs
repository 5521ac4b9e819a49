//! Verdicts of the running gateway against those of an independent validator, over generated bodies.

use std::fmt::Write as _;

use crate::support::{Gateway, Landing, gatehouse, peers};

const DEFINITIONS: &[&str] = &[
    "openapi3.0-kin-openapi-petstore.json",
    "openapi3.0-libopenapi-petstorev3.json",
    "openapi3.0-openapi-core-petstore.yaml",
    "openapi3.0-Xero-OpenAPI-xero-assets.yaml",
    "openapi3.0-Xero-OpenAPI-xero-payroll-nz.yaml",
    "openapi3.0-box-openapi-openapi.json",
    "openapi3.0-progenitor-api.github.com.json",
    "openapi3.1-adyen-openapi-CheckoutService-v66.json",
    "openapi3.1-discord-api-spec-openapi.json",
    "openapi3.1-openai-openapi-openapi.json",
    "openapi3.1-schemathesis-adyen.com-BalancePlatformService-2.json",
];

const POLICY: &str = "<policies><inbound><validate-content unspecified-content-type-action=\"prevent\" max-size=\"1000000\" size-exceeded-action=\"prevent\"><content type=\"application/json\" validate-as=\"json\" action=\"prevent\" /></validate-content><return-response><set-status code=\"200\" /></return-response></inbound><backend><forward-request /></backend><outbound /><on-error /></policies>";

#[tokio::test]
async fn an_independent_validator_agrees_on_generated_bodies() {
    let (Some(corpora), Some(python)) = (peers::corpora(), peers::python()) else { return };
    let landing = Landing::new().subscription("all", "/apis");
    let mut arguments = Vec::new();
    for (number, file) in DEFINITIONS.iter().enumerate() {
        let path = corpora.join("openapi").join(file);
        let name = format!("api{number}");
        let import = [
            "import",
            "openapi",
            path.to_str().unwrap(),
            "--name",
            &name,
            "--into",
            "artifacts",
            "--backend",
            "http://127.0.0.1:9",
        ];
        let output = gatehouse(landing.folder.path(), &import);
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        arguments.push(format!("{name}={}", path.display()));
    }
    landing.file("artifacts/policy.xml", POLICY);
    let gateway = Gateway::start(landing).await;
    let base = format!("https://{}", gateway.address());
    let authority = gateway.landing.path("certs/ca.pem");
    let mut all = vec![base.as_str(), authority.to_str().unwrap(), "localhost"];
    all.extend(arguments.iter().map(String::as_str));
    let told = peers::run(&python, "validation_judge.py", &all).await;
    let counts: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let mut wrong = String::new();
    for line in told.lines().filter(|line| line.starts_with("false ")) {
        let _ = writeln!(wrong, "{line}");
    }
    println!("{counts}");
    assert!(counts["accepts"].as_u64() > Some(300) && counts["rejects"].as_u64() > Some(300), "{told}");
    assert!(counts["false accepts"] == 0 && counts["false rejects"] == 0, "{counts}\n{wrong}");
}
