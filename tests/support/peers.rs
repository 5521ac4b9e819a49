//! Programs that nobody here wrote: Python implementations of the protocols, `openssl`, `curl`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The Python interpreter of the peers, or nothing (and a line that says so) where `./test` has not set it up.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("GATEHOUSE_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        println!("ignored: GATEHOUSE_TEST_PYTHON is not set; ./test sets it");
    }
    python
}

/// The folder of real inputs, or nothing (and a line that says so) where there is none.
pub fn corpora() -> Option<PathBuf> {
    let corpora = std::env::var_os("GATEHOUSE_CORPORA").map(PathBuf::from);
    if corpora.is_none() {
        println!("ignored: GATEHOUSE_CORPORA is not set");
    }
    corpora
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers").join(name)
}

/// A program of the Node.js peers, or nothing (and a line that says so) where `./test` has not set them up.
pub fn node(name: &str) -> Option<Command> {
    let Some(modules) = std::env::var_os("GATEHOUSE_TEST_NODE") else {
        println!("ignored: GATEHOUSE_TEST_NODE is not set; ./test sets it");
        return None;
    };
    let mut command = Command::new("node");
    command.arg(script(name)).env("GATEHOUSE_TEST_NODE", modules);
    Some(command)
}

/// A program of the Python peers.
pub fn python_peer(python: &PathBuf, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(script(name));
    command
}

/// The first line that a program prints.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// A peer that serves until the test ends; it prints the port that it listens on as its first line.
pub struct Server {
    pub port: u16,
    child: Child,
}

impl Server {
    pub fn start(python: &PathBuf, name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(python)
            .arg(script(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{name} printed {line:?} in the place of its port"));
        Self { port, child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a peer to its end, which has to be good.
pub async fn run(python: &PathBuf, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg(script(name)).args(arguments);
    let output = output(command).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Runs a command without blocking the runtime.
pub async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}
