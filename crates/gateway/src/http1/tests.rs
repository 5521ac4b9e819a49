//! Mutated requests against the whole of HTTP/1, in memory: whatever passes the guard, the parser behind it has to
//! take, or the two would see different requests.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use gatehouse_model::configuration::Limits;
use gatehouse_policy::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, LocalOptions};

use super::{Session, serve};
use crate::client::activity::{Activity, CloseFlag};
use crate::client::drain::Drain;
use crate::client::flow::Flow;
use crate::client::service::Exchanges;
use crate::connection::{Connection, Handler};

#[derive(Default)]
struct Counter {
    answers: Cell<usize>,
    bodies: Cell<usize>,
}

impl Handler for Counter {
    fn handle(
        self: Rc<Self>,
        mut request: Request<Body>,
        _: Rc<Connection>,
    ) -> LocalBoxFuture<'static, Response<Body>> {
        self.answers.set(self.answers.get() + 1);
        Box::pin(async move {
            let mut body = std::mem::take(request.body_mut());
            while let Some(Ok(frame)) = body.frame().await {
                self.bodies.set(self.bodies.get() + frame.data_ref().map_or(0, Bytes::len));
            }
            Response::new(Body::from(Bytes::from_static(b"handled")))
        })
    }

    fn refuse(&self, status: StatusCode, _: &'static str, _: &Connection) -> Response<Body> {
        self.answers.set(self.answers.get() + 1);
        let mut response = Response::new(Body::from(Bytes::from_static(b"refused")));
        *response.status_mut() = status;
        response
    }
}

fn session(handler: Rc<Counter>) -> Session {
    let address = "127.0.0.1:1".parse().unwrap();
    Session {
        exchanges: Exchanges {
            handler,
            connection: Rc::new(Connection {
                listener: "test".into(),
                peer: address,
                local: address,
                tls_version: "TLSv1.3",
                tls_cipher: "",
                server_name: None,
                terms: None,
                certificate: None,
                forwarding: Default::default(),
            }),
            limits: Arc::new(Limits { header_bytes: 4096, ..Limits::default() }),
            activity: Activity::new(),
            close: CloseFlag::default(),
            turn: None,
        },
        drain: Drain::new(),
        flow: Arc::new(Flow::new()),
    }
}

/// Sends bytes in two parts and reads all answers.
async fn exchange(bytes: &[u8], split: usize) -> (String, Rc<Counter>) {
    let handler = Rc::new(Counter::default());
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let served = tokio::task::spawn_local(serve(server, session(Rc::clone(&handler))));
    let (first, second) = bytes.split_at(split.min(bytes.len()));
    let _ = client.write_all(first).await;
    tokio::task::yield_now().await;
    let _ = client.write_all(second).await;
    // Not closed: a client that closes gives up its answers. The clock stands still until nothing else can happen,
    // and then the idle timeout ends the connection.
    let mut answers = Vec::new();
    tokio::time::timeout(Duration::from_secs(600), client.read_to_end(&mut answers)).await.unwrap().unwrap();
    served.await.unwrap();
    (String::from_utf8_lossy(&answers).into_owned(), handler)
}

/// Marsaglia's xorshift; the same cases in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

const SEEDS: [&str; 4] = [
    "GET /a/b?c=d HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    "GET http://a.example/ HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n",
];

const PIECES: [&[u8]; 24] = [
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b",",
    b"#",
    b"?",
    b"/",
    b"*",
    b"<",
    b"\"",
    b"`",
    b"\x7f",
    b"\xff",
    b"Host: a.example\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"0\r\n\r\n",
];

fn mutate(random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for _ in 0..=random.below(2) {
        bytes.extend_from_slice(SEEDS[random.below(SEEDS.len())].as_bytes());
    }
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => {
                bytes.remove(at);
            }
            1 => bytes[at] = random.below(256) as u8,
            2 => bytes[at] = PIECES[random.below(18)][0],
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                // Fields are more telling at the start of a line.
                let line =
                    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(at, |next| at + next + 1);
                let at = if piece.len() > 2 { line } else { at };
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn guard_and_parser_see_the_same_requests() {
    let cases = std::env::var("GATEHOUSE_TEST_CASES").map_or(3000, |cases| cases.parse().unwrap());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for case in 0..cases {
            let bytes = mutate(&mut random);
            let split = random.below(bytes.len() + 1);
            let (answers, handler) = exchange(&bytes, split).await;
            let shown = String::from_utf8_lossy(&bytes);
            let statuses = answers.matches("HTTP/1.").count() - answers.matches("100 Continue").count();
            // An answer that no handler has given is the parser's own: it has seen something else than the guard.
            assert_eq!(statuses, handler.answers.get(), "case {case}: {shown:?} split at {split}: {answers}");
        }
    });
}

#[test]
fn pieces_that_are_whole_requests_are_answered_at_every_split() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        let bytes: Vec<u8> = SEEDS.concat().into_bytes();
        for split in 0..=bytes.len() {
            let (answers, handler) = exchange(&bytes, split).await;
            assert_eq!(handler.answers.get(), SEEDS.len(), "split at {split}: {answers}");
            assert_eq!(handler.bodies.get(), 10, "split at {split}");
        }
    });
}
