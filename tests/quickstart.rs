//! The first five minutes: `gatehouse serve` in an empty folder.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Client, gatehouse};

/// Starts the quickstart in a folder and gives what it printed up to the line that says it is ready.
fn start(folder: &std::path::Path) -> (std::process::Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .arg("serve")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !printed.contains("Stop with Ctrl-C") {
        let read = lines.read_line(&mut printed).unwrap();
        assert!(read > 0, "the quickstart ended:\n{printed}");
    }
    // The rest is the access log; somebody has to read it.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    (child, printed)
}

fn key_in(printed: &str) -> Option<String> {
    let words = printed.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(str::to_owned)
        .next()
}

#[tokio::test]
async fn an_empty_folder_becomes_a_secured_api() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, printed) = start(folder.path());
    let key = key_in(&printed).unwrap_or_else(|| panic!("no key in:\n{printed}"));
    assert_eq!(printed.matches("curl ").count(), 3, "{printed}");
    let authority = std::fs::read_to_string(folder.path().join("gatehouse-data/certs/ca.pem")).unwrap();
    let client = Client::new(([127, 0, 0, 1], 8443).into(), "localhost", &authority);

    let without = client.get("/books").await;
    assert_eq!(without.status, 401);
    assert!(without.header("www-authenticate").unwrap().starts_with("AzureApiManagementKey realm="));
    assert_eq!(
        without.text(),
        r#"{"statusCode":401,"message":"Access denied due to missing subscription key. Make sure to include subscription key when making requests to this API."}"#
    );
    let with = client.clone().header("ocp-apim-subscription-key", &key);
    let answer = with.get("/books/1").await;
    assert_eq!((answer.status.as_u16(), answer.json()["author"].as_str()), (200, Some("Rachel Carson")));
    assert_eq!(with.get("/books?q=%27%20OR%201%3D1--").await.status, 403, "the third line");
    assert_eq!(with.send_h2("POST", "/books", r#"{"title":"T","author":"A"}"#).await.status, 201);

    // The same folder starts again with the same key, which is not shown any more.
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, printed) = start(folder.path());
    assert_eq!(key_in(&printed), None, "{printed}");
    assert_eq!(with.get("/books").await.status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
    let entries: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries, ["gatehouse-data"], "all state lies under one folder");
}

#[tokio::test]
async fn init_writes_a_landing_zone_that_checks_and_serves() {
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("parcels.yaml");
    std::fs::write(
        &definition,
        "openapi: 3.0.3\ninfo: { title: Parcels, version: '1' }\nservers: [ { url: https://parcels.example/v1 } ]\n\
         paths:\n  /parcels/{id}:\n    get:\n      operationId: getParcel\n      parameters: [ { name: id, in: path, required: true, schema: { type: string } } ]\n      responses: { '200': { description: ok } }\n",
    )
    .unwrap();
    let init = gatehouse(
        folder.path(),
        &["init", "shop", "--openapi", "parcels.yaml", "--backend", "http://127.0.0.1:9"],
    );
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let check = gatehouse(&folder.path().join("shop"), &["check", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert!(check.status.success(), "{report:#}");
    let again = gatehouse(folder.path(), &["init", "shop"]);
    assert_eq!(again.status.code(), Some(1));

    let mocked = gatehouse(folder.path(), &["init", "mocked"]);
    assert!(mocked.status.success(), "{}", String::from_utf8_lossy(&mocked.stderr));
    let check = gatehouse(&folder.path().join("mocked"), &["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    std::thread::sleep(Duration::from_millis(1));
}
