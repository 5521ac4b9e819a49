//! The instance's own log: what an operator must know, one line each.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::json::escaped;
use crate::queue::{Queue, Sink};
use crate::timestamp::rfc3339_millis;

/// How much a line matters; defined by what an operator has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something is broken and stays so until somebody acts.
    Error,
    /// Something unexpected happened; no request was lost.
    Warn,
    /// A normal change of state: started, reloaded, draining.
    Info,
    /// Details for finding an error.
    Debug,
}

impl Level {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Writes lines such as `2026-11-24T06:14:15.042Z warn: backend 'orders' does not answer` to standard error.
///
/// Control characters are escaped, so that a message that quotes a request cannot forge another line; long
/// messages are cut. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    level: Level,
    output: Output,
}

impl Log {
    /// Lines up to `level`, written at once: for everything before and after serving.
    pub fn direct(level: Level) -> Self {
        Self { level, output: Output::Direct }
    }

    /// Lines up to `level`, written by a thread of their own, so that a standard error that takes nothing
    /// blocks no request. [`flush`](Self::flush) it before the process ends.
    pub fn queued(level: Level) -> io::Result<Self> {
        let queue = Queue::start("log", Sink::stderr()?, Box::new(|_| {}))?;
        Ok(Self { level, output: Output::Queued(Arc::new(queue)) })
    }

    /// Lines that are kept in memory, for tests.
    pub fn captured(level: Level) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        (Self { level, output: Output::Captured(Arc::clone(&lines)) }, lines)
    }

    /// Something is broken and stays so until somebody acts.
    pub fn error(&self, message: impl fmt::Display) {
        self.line(Level::Error, message);
    }

    /// Something unexpected happened; no request was lost.
    pub fn warn(&self, message: impl fmt::Display) {
        self.line(Level::Warn, message);
    }

    /// A normal change of state.
    pub fn info(&self, message: impl fmt::Display) {
        self.line(Level::Info, message);
    }

    /// Details for finding an error.
    pub fn debug(&self, message: impl fmt::Display) {
        self.line(Level::Debug, message);
    }

    /// Waits until what was said so far is written, for at most `timeout`.
    pub fn flush(&self, timeout: Duration) {
        if let Output::Queued(queue) = &self.output {
            queue.flush(timeout);
        }
    }

    fn line(&self, level: Level, message: impl fmt::Display) {
        if level > self.level {
            return;
        }
        match &self.output {
            Output::Captured(lines) => format(&mut lines.lock(), level, &message),
            Output::Direct => {
                let mut line = Vec::with_capacity(256);
                format(&mut line, level, &message);
                // Nowhere is left to tell that standard error is gone.
                let _ = io::stderr().write_all(&line);
            }
            Output::Queued(queue) => queue.put(|buffer| format(buffer, level, &message)),
        }
    }
}

#[derive(Clone, Debug)]
enum Output {
    Captured(Arc<Mutex<Vec<u8>>>),
    Direct,
    Queued(Arc<Queue>),
}

/// How many bytes of a message are written.
const LONGEST_MESSAGE: usize = 8 * 1024;

fn format(out: &mut Vec<u8>, level: Level, message: &dyn fmt::Display) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    rfc3339_millis(out, now.as_millis() as u64);
    out.push(b' ');
    out.extend_from_slice(level.as_str().as_bytes());
    out.extend_from_slice(b": ");
    let mut bounded = Bounded { out, left: LONGEST_MESSAGE };
    if fmt::write(&mut bounded, format_args!("{message}")).is_err() {
        out.extend_from_slice("…".as_bytes());
    }
    out.push(b'\n');
}

/// Escapes what is written and stops with an error where the bound is reached.
struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(self.left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // Quotation marks and backslashes are no danger outside of JSON, and paths are full of them.
        for (number, part) in text[..end].split(['"', '\\']).enumerate() {
            if number > 0 {
                let separator = part.as_ptr() as usize - text.as_ptr() as usize - 1;
                self.out.push(text.as_bytes()[separator]);
            }
            escaped(self.out, part.as_bytes());
        }
        self.left -= end;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: impl FnOnce(&Log)) -> String {
        let (one, lines) = Log::captured(Level::Info);
        log(&one);
        String::from_utf8(lines.lock().clone()).unwrap()
    }

    #[test]
    fn a_line_has_time_level_and_message() {
        let line = said(|log| log.warn("backend 'orders' answers with \"no\""));
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, "warn: backend 'orders' answers with \"no\"\n");
        assert_eq!(time.len(), 24);
        assert!(time.ends_with('Z'));
    }

    #[test]
    fn lower_levels_are_left_out() {
        assert_eq!(said(|log| log.debug("detail")), "");
        assert_eq!(said(|log| log.error("broken")).lines().count(), 1);
    }

    #[test]
    fn a_message_cannot_forge_a_line() {
        let line = said(|log| log.info("path /a\\b\r\n2026-01-01T00:00:00.000Z error: fake \u{1B}[31m"));
        assert_eq!(line.lines().count(), 1);
        assert!(line.ends_with("/a\\b\\r\\n2026-01-01T00:00:00.000Z error: fake \\u001b[31m\n"), "{line}");
    }

    #[test]
    fn a_long_message_is_cut() {
        let line = said(|log| log.info("ü".repeat(100_000)));
        assert!(line.len() < LONGEST_MESSAGE + 64, "{}", line.len());
        assert!(line.ends_with("ü…\n"));
    }
}
