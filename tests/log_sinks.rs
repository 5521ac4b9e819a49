//! Where the access log goes, and what happens when it cannot go there: no request waits for it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Api, Backend, Client, Gateway, Landing, Load, eventually};

fn landing(sink: &str) -> (Landing, Backend) {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"));
    let path = landing.write_configuration();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("access_log: access.log", &format!("access_log: {sink}"))).unwrap();
    (landing, backend)
}

/// A process that is killed at the end of the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the binary with its output in pipes that nobody reads.
async fn start_unread(landing: &Landing) -> (Killed, Client) {
    let child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .arg("serve")
        .current_dir(landing.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let child = Killed(child);
    let client = Client::new(([127, 0, 0, 1], landing.port).into(), "localhost", &landing.authority.pem());
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.connect(&[]).await.is_err() {
        assert!(Instant::now() < deadline, "the gateway is not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (child, client)
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_holds_no_request_up() {
    let (landing, _backend) = landing("stdout");
    let (mut child, client) = start_unread(&landing).await;
    // A pipe holds 64 KiB, which is some 150 records.
    let load = Load::start(&client, "/a/x", 4);
    load.answer(1500).await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{report:?}");
    // Nor does it hold up the end.
    let stop = Instant::now();
    Command::new("kill").args(["-s", "TERM", &child.0.id().to_string()]).status().unwrap();
    while child.0.try_wait().unwrap().is_none() {
        assert!(stop.elapsed() < Duration::from_secs(15), "the gateway ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_full_disk_costs_records_which_are_counted_and_nothing_else() {
    let (landing, _backend) = landing("/dev/full");
    let (_child, client) = start_unread(&landing).await;
    for _ in 0..20 {
        assert_eq!(client.get("/a/x").await.status, 200);
    }
    let internal =
        Client::new(([127, 0, 0, 1], landing.internal_port).into(), "localhost", &landing.authority.pem());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let metrics = internal.get("/metrics").await.text();
        let lost = metrics
            .lines()
            .filter(|line| line.contains("access_log") && !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .any(|count| count >= 20.0);
        if lost {
            return;
        }
        assert!(Instant::now() < deadline, "what is lost is counted:\n{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_moved_log_file_is_opened_anew_on_reload() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    gateway.client().get("/a/x").await;
    gateway.access_log(1).await;
    let (current, moved) = (gateway.landing.path("access.log"), gateway.landing.path("access.log.1"));
    std::fs::rename(&current, &moved).unwrap();
    assert!(gateway.reload().await.contains("configuration reloaded"));
    gateway.client().get("/a/x?second").await;
    eventually("the new file is written", || {
        std::fs::read_to_string(&current).is_ok_and(|text| text.lines().count() == 1)
    })
    .await;
    assert_eq!(
        std::fs::read_to_string(&moved).unwrap().lines().count(),
        1,
        "nothing is lost, nothing doubled"
    );
}

#[tokio::test]
async fn a_log_that_is_off_is_off() {
    let (landing, _backend) = landing("off");
    let (_child, client) = start_unread(&landing).await;
    assert_eq!(client.get("/a/x").await.status, 200);
    assert!(!landing.path("access.log").exists() && !landing.path("off").exists());
}
