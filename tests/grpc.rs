//! gRPC between a client and a server that nobody here wrote: HTTP/2 and its trailers end to end.

use crate::support::peers::{self, Server};
use crate::support::{Api, Gateway, Landing};

/// Starts a gateway in front of a gRPC server and runs the client through it.
async fn call_everything(kind: &str, is_tls: bool) {
    let Some(python) = peers::python() else { return };
    let landing = Landing::new().with("backend_tls: { trust: [certs/ca.pem] }");
    let (certificate, key) = (landing.path("certs/server.pem"), landing.path("certs/server.key"));
    let arguments = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let server = Server::start(&python, "grpc_server.py", if is_tls { &arguments } else { &[] });
    let scheme = if is_tls { "https" } else { "http" };
    let api = Api::new("calls", &format!("{scheme}://localhost:{}", server.port))
        .set("path", "")
        .set("type", kind)
        .operation("call", "POST", "/{*method}");
    let gateway = Gateway::start(landing.api(api)).await;
    let target = gateway.address().to_string();
    let authority = gateway.landing.path("certs/ca.pem");
    let arguments = ["--target", &target, "--authority", authority.to_str().unwrap(), "--name", "localhost"];
    let said = peers::run(&python, "grpc_client.py", &arguments).await;
    assert!(said.contains("all calls are good"), "{said}");
    let records = gateway.access_log(207).await;
    assert!(records.iter().all(|record| record["protocol"] == "HTTP/2"), "{:#}", records[0]);
    let good = records.iter().filter(|record| record["status"] == 200 && record["api"] == "calls").count();
    assert!(good >= 206, "{good} of {}", records.len());
}

#[tokio::test]
async fn calls_pass_to_a_server_behind_tls() {
    call_everything("grpc", true).await;
}

#[tokio::test]
async fn calls_pass_to_a_server_without_tls() {
    call_everything("grpc", false).await;
}

#[tokio::test]
async fn calls_pass_through_an_api_of_type_http() {
    call_everything("http", true).await;
}
