//! The loop that takes connections off one socket.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use gatehouse_telemetry::metrics::RefusedConnection;
use tokio::net::{TcpListener, TcpStream};

use super::connection::{self, Common};
use super::endpoint::Endpoint;
use crate::client::drain::Drain;

/// The first wait when there are no file descriptors or no memory left; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Accepts until the listener is to end. Connections that the kernel has completed by then are served too.
pub(super) async fn accept(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    drain: Rc<Drain>,
    common: Rc<Common>,
) {
    let mut wait = FIRST_WAIT;
    let mut asked = pin!(drain.asked());
    loop {
        let ending = drain.is_asked();
        let accepted = poll_fn(|context| match listener.poll_accept(context) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending if ending || asked.as_mut().poll(context).is_ready() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match accepted {
            Some(Ok((stream, peer))) => {
                wait = FIRST_WAIT;
                begin(stream, peer, &endpoint, &drain, &common);
            }
            Some(Err(error)) if is_of_the_connection(&error) => {}
            Some(Err(_)) => {
                // For want of descriptors or memory the connection stays in the queue, and the socket stays
                // readable: without a wait this loop would spin.
                endpoint.serving().metrics.refuse_connection(RefusedConnection::Resources);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            None if ending => return,
            None => {}
        }
    }
}

fn begin(stream: TcpStream, peer: SocketAddr, endpoint: &Endpoint, drain: &Rc<Drain>, common: &Rc<Common>) {
    let serving = endpoint.serving();
    let open = serving.metrics.accept();
    let Some(permit) = common.quota.admit(peer.ip()) else {
        serving.metrics.refuse_connection(RefusedConnection::Limit);
        return;
    };
    // Answers are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    tokio::task::spawn_local(connection::run(
        stream,
        peer,
        (permit, open),
        serving,
        Rc::clone(drain),
        Rc::clone(common),
    ));
}

/// Whether the error is about the connection that was to be accepted (accept(2), "Error handling"): the next may do.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::PermissionDenied
    )
}
