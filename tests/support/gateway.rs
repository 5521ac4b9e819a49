//! The running binary.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{Client, Landing};

/// A gateway that serves a landing zone; it is killed at the end of the test.
pub struct Gateway {
    pub landing: Landing,
    child: Child,
}

/// The binary with arguments, run to its end in a folder.
pub fn gatehouse(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatehouse")).args(arguments).current_dir(folder).output().unwrap()
}

impl Gateway {
    /// Starts the binary and waits until it answers.
    pub async fn start(landing: Landing) -> Self {
        Self::start_with(landing, &[]).await
    }

    /// Starts the binary with this text in the place of the landing zone's own `gatehouse.yaml`.
    pub async fn start_as_written(landing: Landing, configuration: &str) -> Self {
        landing.file("gatehouse.yaml", configuration);
        let child = spawn(&landing, &[]);
        let mut gateway = Self { landing, child };
        gateway.wait_until_ready().await;
        gateway
    }

    /// The same with environment variables.
    pub async fn start_with(landing: Landing, environment: &[(&str, &str)]) -> Self {
        landing.write_configuration();
        let child = spawn(&landing, environment);
        let mut gateway = Self { landing, child };
        gateway.wait_until_ready().await;
        gateway
    }

    /// A client of the external listener.
    pub fn client(&self) -> Client {
        Client::new(self.address(), "localhost", &self.landing.authority.pem())
    }

    /// A client of the internal listener.
    pub fn internal_client(&self) -> Client {
        let address = SocketAddr::from(([127, 0, 0, 1], self.landing.internal_port));
        Client::new(address, "localhost", &self.landing.authority.pem())
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.landing.port))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name: `HUP`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the process to end.
    pub async fn wait(&mut self, within: Duration) -> std::process::ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the gateway has not ended within {within:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts the binary again in the same folder; it has to have ended.
    pub async fn start_again(&mut self) {
        self.child = spawn(&self.landing, &[]);
        self.wait_until_ready().await;
    }

    /// Reloads, and waits until it is told how that went. Gives what the log says of it.
    pub async fn reload(&self) -> String {
        let before = self.log().len();
        self.signal("HUP");
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.log();
            let new = log.get(before..).unwrap_or_default();
            if new.contains("configuration reloaded") || new.contains("reload refused") {
                // A refusal may have more lines than have been written yet.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return self.log().get(before..).unwrap_or_default().to_owned();
            }
            assert!(Instant::now() < deadline, "nothing is said of the reload:\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it printed on standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.landing.path("stderr.log")).unwrap_or_default()
    }

    /// Waits until the log has a text.
    pub async fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "`{text}` is not in the log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The access log's records so far, once there are at least `count`.
    pub async fn access_log(&self, count: usize) -> Vec<serde_json::Value> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(self.landing.path("access.log")).unwrap_or_default();
            let rows: Vec<serde_json::Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
                .collect();
            if rows.len() >= count {
                return rows;
            }
            assert!(Instant::now() < deadline, "{} records instead of {count}: {text}", rows.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the gateway ended with {status}:\n{}", self.log());
            }
            if let Ok(stream) = self.internal_client().connect(&["http/1.1"]).await {
                drop(stream);
                let answer = self.internal_client().get("/status-0123456789abcdef").await;
                if answer.status == 200 {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "the gateway is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the gateway ---\n{}", self.log());
        }
    }
}

fn spawn(landing: &Landing, environment: &[(&str, &str)]) -> Child {
    let log = std::fs::File::create(landing.path("stderr.log")).unwrap();
    let out = std::fs::File::create(landing.path("stdout.log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command.arg("serve").current_dir(landing.folder.path()).stdin(Stdio::null()).stdout(out).stderr(log);
    if landing.path("keys.yaml").exists() {
        command.args(["--keys", "keys.yaml"]);
    }
    command.envs(environment.iter().copied());
    command.spawn().unwrap()
}
