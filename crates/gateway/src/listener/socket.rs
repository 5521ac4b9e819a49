//! Listening sockets, one a core on the same port.

use std::io;
use std::net::{SocketAddr, TcpListener};

use gatehouse_model::{Diagnostic, Located};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4096;

/// One socket for each core. `is_ours`: a listener of this process has the port already, on another address, and will
/// close when this one has taken over.
pub(super) fn bind_all(
    name: &str,
    address: &Located<SocketAddr>,
    cores: usize,
    is_ours: bool,
) -> Result<Vec<TcpListener>, Diagnostic> {
    let failed = |error: io::Error| {
        let place = address.value;
        let message = format!("listener `{name}` cannot listen on {place}: {error}");
        let diagnostic = Diagnostic::error("listener-address", address.location.clone(), message);
        match error.kind() {
            io::ErrorKind::AddrInUse => in_use(name, address),
            io::ErrorKind::AddrNotAvailable => diagnostic.fix("name an address of this machine, or 0.0.0.0"),
            io::ErrorKind::PermissionDenied => {
                diagnostic.fix("ports below 1024 need the capability CAP_NET_BIND_SERVICE")
            }
            _ => diagnostic,
        }
    };
    if address.value.port() != 0 && !is_ours {
        // With SO_REUSEPORT a port that another process of the same user shares would be taken without a word, and
        // each of both would get half of the connections.
        drop(bind(address.value, false).map_err(failed)?);
    }
    let mut sockets = Vec::with_capacity(cores);
    let mut target = address.value;
    for _ in 0..cores {
        let socket = bind(target, true).map_err(failed)?;
        socket.listen(BACKLOG).map_err(failed)?;
        let listener = TcpListener::from(socket);
        target = listener.local_addr().map_err(failed)?;
        sockets.push(listener);
    }
    Ok(sockets)
}

/// The error of an address that something else listens on.
pub(super) fn in_use(name: &str, address: &Located<SocketAddr>) -> Diagnostic {
    let place = address.value;
    let message = format!("listener `{name}` cannot listen on {place}: the address is in use");
    Diagnostic::error("listener-address", address.location.clone(), message)
        .fix(format!("stop what listens on port {}, or choose another port", place.port()))
}

fn bind(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // `::` means IPv6 alone, whatever the system's default: 0.0.0.0 stays free for a listener of its own.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    if !share {
        // Binding succeeds beside a socket that is bound and not yet listening; listening tells.
        socket.listen(1)?;
    }
    Ok(socket)
}
