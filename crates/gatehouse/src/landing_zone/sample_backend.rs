//! The backend of the quickstart: a small catalogue of books, kept in memory, on a loopback port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// The most books that are kept, and the most bytes that one may have.
const MAX_BOOKS: usize = 1000;
const MAX_BOOK_BYTES: usize = 16 * 1024;

/// A running sample backend.
#[derive(Debug)]
pub(crate) struct SampleBackend {
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
struct Catalogue {
    books: Mutex<Vec<Value>>,
}

impl SampleBackend {
    /// Starts it on a free loopback port, on a thread of its own.
    pub(crate) fn start() -> Result<Self> {
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").context("cannot listen for the sample backend")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("sample-backend".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener).await,
                    Err(error) => eprintln!("error: the sample backend stopped: {error}"),
                }
            });
        })?;
        Ok(Self { address })
    }
}

async fn serve(listener: tokio::net::TcpListener) {
    let catalogue = Arc::new(Catalogue::new());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let catalogue = Arc::clone(&catalogue);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let catalogue = Arc::clone(&catalogue);
                async move { Ok::<_, std::convert::Infallible>(catalogue.answer(request).await) }
            });
            // A connection that breaks is the gateway's to notice.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Catalogue {
    fn new() -> Self {
        let books = vec![
            json!({ "id": 1, "title": "The Sea Around Us", "author": "Rachel Carson" }),
            json!({ "id": 2, "title": "The Dispossessed", "author": "Ursula K. Le Guin" }),
        ];
        Self { books: Mutex::new(books) }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().trim_matches('/').to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "") => json_response(StatusCode::OK, &Value::Array(self.books().clone())),
            (&Method::POST, "") => self.add(request.into_body()).await,
            (&Method::GET, id) => {
                let id: Option<u64> = id.parse().ok();
                let found =
                    self.books().iter().find(|book| id.is_some() && book["id"].as_u64() == id).cloned();
                match found {
                    Some(book) => json_response(StatusCode::OK, &book),
                    None => problem(StatusCode::NOT_FOUND, "there is no such book"),
                }
            }
            _ => problem(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the body is bounded just before")]
    async fn add(&self, body: Incoming) -> Response<Full<Bytes>> {
        let Ok(body) = Limited::new(body, MAX_BOOK_BYTES).collect().await else {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "a book has 16 KiB at the most");
        };
        let Ok(Value::Object(mut book)) = serde_json::from_slice(&body.to_bytes()) else {
            return problem(StatusCode::BAD_REQUEST, "a book is a JSON object");
        };
        let mut books = self.books();
        if books.len() >= MAX_BOOKS {
            return problem(StatusCode::INSUFFICIENT_STORAGE, "the catalogue is full");
        }
        book.insert("id".to_owned(), json!(books.len() + 1));
        books.push(Value::Object(book.clone()));
        json_response(StatusCode::CREATED, &Value::Object(book))
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn problem(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({ "error": message }))
}
