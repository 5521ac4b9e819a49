//! What is done and how long it still takes, on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How wide the bar is, in characters.
const WIDTH: usize = 24;

/// A line that is written anew with every step; nothing where standard error is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    steps: usize,
    done: usize,
    begun: Instant,
    /// How long a step takes at the least.
    step: Duration,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(steps: usize, step: Duration) -> Self {
        let is_shown = std::io::stderr().is_terminal();
        Self { steps, done: 0, begun: Instant::now(), step, is_shown }
    }

    /// The next step begins.
    pub(super) fn begin(&mut self, what: &str) {
        if self.is_shown {
            let line = self.line(what, self.begun.elapsed());
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush());
        }
        self.done += 1;
    }

    /// Nothing more comes: the line goes.
    pub(super) fn end(&self) {
        if self.is_shown {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K").and_then(|()| out.flush());
        }
    }

    fn line(&self, what: &str, passed: Duration) -> String {
        let filled = self.done * WIDTH / self.steps.max(1);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled.min(WIDTH)));
        let each = if self.done == 0 { self.step } else { passed / self.done as u32 };
        let left = each * (self.steps - self.done.min(self.steps)) as u32;
        let what: String = what.chars().take(60).collect();
        format!("{bar} {:3} %  {} s left  {what}", self.done * 100 / self.steps.max(1), left.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_the_time_is_that_of_the_steps_so_far() {
        let mut progress = Progress { is_shown: false, ..Progress::new(4, Duration::from_secs(2)) };
        assert!(progress.line("x", Duration::ZERO).contains("  0 %  8 s left  x"));
        progress.begin("x");
        progress.begin("x");
        let line = progress.line("x", Duration::from_secs(20));
        assert!(line.contains(" 50 %  20 s left"), "{line}");
        assert_eq!(line.matches('█').count(), WIDTH / 2);
    }
}
