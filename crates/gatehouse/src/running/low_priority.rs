//! Work that leaves the cores to requests.

use std::io;

/// How much nicer such work is than requests: a tenth of a core remains for it where requests would take all.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Does work on a thread of its own whose priority is low. A reload shares its cores with requests, and they go first.
///
/// # Errors
/// The operating system gives no thread.
pub(super) fn do_behind_requests<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("reload".to_owned());
        let thread = thread.spawn_scoped(scope, || {
            lower_priority();
            work()
        })?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// On Linux a priority is the thread's own; elsewhere it is that of the process, which is left alone.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if rustix::process::getpriority_process(None).is_ok_and(|niceness| niceness < NICENESS) {
        // Where it is not allowed the work is done all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_the_thread_of_the_work_is_nicer() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let before = own();
        assert_eq!(do_behind_requests(own).unwrap(), before.max(NICENESS));
        assert_eq!(own(), before);
    }
}
