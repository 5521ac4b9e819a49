//! A gateway in a process of its own, so that its CPU time is its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail};

use super::experiment::{Job, Ready};
use super::machine::Reading;

/// The hidden verb that serves an experiment.
pub(crate) const VERB: &str = "bench-gateway";
/// How much of what the process says is kept, in bytes.
const MAX_SAID: u64 = 64 * 1024;

/// The running process; it ends with this value.
#[derive(Debug)]
pub(super) struct Instance {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    said: Option<JoinHandle<String>>,
    /// Where it listens, and its keys.
    pub(super) ready: Ready,
}

impl Instance {
    /// Starts the process and waits until it serves.
    pub(super) fn start(job: &Job) -> Result<Self> {
        let program = std::env::current_exe().context("the own program cannot be found")?;
        let mut child = Command::new(program)
            .arg(VERB)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the gateway cannot be started")?;
        let (Some(mut input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("the gateway has no standard streams");
        };
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            let mut errors = errors;
            // What cannot be read is missed in a message only; the rest must be taken all the same.
            let _ = errors.by_ref().take(MAX_SAID).read_to_end(&mut said);
            let _ = std::io::copy(&mut errors, &mut std::io::sink());
            String::from_utf8_lossy(&said).into_owned()
        });
        let sent = writeln!(input, "{}", serde_json::to_string(job)?).and_then(|()| input.flush());
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let read = sent.and_then(|()| output.read_line(&mut line));
        match read {
            Ok(length) if length > 0 => {
                let ready = serde_json::from_str(&line).context("the gateway answers something else")?;
                Ok(Self { child, input: Some(input), output, said: Some(said), ready })
            }
            _ => {
                drop(input);
                let _ = child.kill();
                let _ = child.wait();
                let said = said.join().unwrap_or_default();
                let said = said.trim();
                bail!("{}", said.strip_prefix("error: ").unwrap_or(said));
            }
        }
    }

    /// What the process has used so far.
    pub(super) fn read(&mut self) -> Result<Reading> {
        let input = self.input.as_mut().context("the gateway has ended")?;
        writeln!(input, "read").and_then(|()| input.flush()).context("the gateway has ended")?;
        let mut line = String::new();
        self.output.read_line(&mut line).context("the gateway has ended")?;
        serde_json::from_str(&line).context("the gateway has ended")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.input.take());
        // What is still under way is of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(said) = self.said.take() {
            let _ = said.join();
        }
    }
}
