//! The cores: one thread and one single-threaded runtime each. A connection lives and dies on the core that accepted
//! it.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::accept::accept;
use super::connection::Common;
use super::endpoint::Endpoint;
use super::quota::Quota;
use crate::client::drain::Drain;
use crate::connection::Handler;

/// Makes the handler of a core, on the core: it may spawn local tasks and keep what is not `Send`.
pub type HandlerFactory = Arc<dyn Fn(usize) -> Rc<dyn Handler> + Send + Sync>;

/// A thread that serves connections.
#[derive(Debug)]
pub(super) struct Core {
    commands: UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What a core is told. There are as many as the operator changes listeners.
#[derive(Debug)]
enum Command {
    Listen { id: u64, socket: TcpListener, endpoint: Arc<Endpoint> },
    Stop { id: u64 },
    Exit,
}

impl Core {
    pub(super) fn start(index: usize, factory: HandlerFactory, quota: Arc<Quota>) -> io::Result<Self> {
        let (commands, received) = unbounded_channel();
        let runtime_failed = std::sync::mpsc::channel();
        let (report, reported) = runtime_failed;
        let thread = std::thread::Builder::new().name(format!("core-{index}")).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(error))),
            };
            let _ = report.send(Ok(()));
            runtime.block_on(async {
                let common = Rc::new(Common { handler: factory(index), quota });
                run(received, common).await;
            });
        })?;
        let started = reported.recv().unwrap_or_else(|_| Err(io::Error::other("the core's thread ended")));
        started.map(|()| Self { commands, thread: Some(thread) })
    }

    /// Serves a socket under a number.
    pub(super) fn listen(&self, id: u64, socket: TcpListener, endpoint: Arc<Endpoint>) {
        let _ = self.commands.send(Command::Listen { id, socket, endpoint });
    }

    /// Closes a socket and asks its connections to end.
    pub(super) fn stop(&self, id: u64) {
        let _ = self.commands.send(Command::Stop { id });
    }

    /// Drops all connections and ends the thread.
    pub(super) fn exit(&self) {
        let _ = self.commands.send(Command::Exit);
    }

    /// Waits for the end of the thread.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(mut commands: UnboundedReceiver<Command>, common: Rc<Common>) {
    let mut drains: HashMap<u64, Rc<Drain>> = HashMap::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen { id, socket, endpoint } => {
                // The socket is non-blocking and this is a runtime with a reactor: nothing else can fail.
                let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { continue };
                let drain = Drain::new();
                drains.insert(id, Rc::clone(&drain));
                tokio::task::spawn_local(accept(listener, endpoint, drain, Rc::clone(&common)));
            }
            Command::Stop { id } => {
                if let Some(drain) = drains.remove(&id) {
                    drain.ask();
                }
            }
            Command::Exit => return,
        }
    }
}
