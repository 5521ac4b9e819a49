use http::{HeaderMap, Method};

use super::*;

fn call(name: &str, weight: u32) -> Call {
    Call {
        name: name.to_owned(),
        method: Method::GET,
        path: "/".parse().unwrap(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        weight,
        expect: None,
    }
}

#[test]
fn calls_are_sent_as_often_as_their_weights_say_and_not_in_a_row() {
    assert_eq!(order(&[call("a", 1)]), [0]);
    let order = order(&[call("a", 1), call("b", 3), call("c", 2)]);
    let count = |wanted| order.iter().filter(|index| **index == wanted).count();
    assert_eq!((count(0), count(1), count(2)), (1, 3, 2));
    assert_ne!(order.windows(3).position(|three| three == [1, 1, 1]), Some(0));
}

/// A server on a thread of its own: every answer takes as long as `pause` says.
fn server(pause: impl Fn(usize) -> Duration + Send + 'static) -> Target {
    use std::convert::Infallible;
    use std::sync::atomic::AtomicUsize;

    use http_body_util::Full;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pause = Rc::new(pause);
        let number = Rc::new(AtomicUsize::new(0));
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (pause, number) = (Rc::clone(&pause), Rc::clone(&number));
                tokio::task::spawn_local(async move {
                    let service = hyper::service::service_fn(move |_| {
                        let pause = pause(number.fetch_add(1, Ordering::Relaxed));
                        async move {
                            tokio::time::sleep(pause).await;
                            Ok::<_, Infallible>(http::Response::new(Full::new(bytes::Bytes::from_static(
                                b"ok",
                            ))))
                        }
                    });
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
    });
    Target { address, tls: None, version: HttpVersion::Http1, authority: "localhost".to_owned() }
}

fn measure(target: &Target, load: Load, time: Duration) -> (u64, Tally) {
    let calls: Arc<[Call]> = Arc::from([call("a", 1)]);
    let generator = Generator::start(target, &calls, load).unwrap();
    generator.begin();
    std::thread::sleep(time);
    let (completed, _) = generator.end();
    (completed, generator.finish().unwrap())
}

#[test]
fn a_closed_loop_counts_what_it_gets() {
    let target = server(|_| Duration::ZERO);
    let load = Load { connections: 3, streams: 1, rate: None, seed: 1 };
    let (completed, tally) = measure(&target, load, Duration::from_millis(300));
    assert!(completed > 0);
    assert_eq!(tally.failures(), 0, "{:?}", tally.complaints());
    assert_eq!(tally.statuses.get(&200).copied(), Some(tally.times.len()));
    assert!(tally.times.len() >= completed);
}

#[test]
fn an_open_loop_counts_the_waiting_that_a_stall_causes() {
    // One answer takes a second; a closed loop would see one slow request, and an open one all that wait behind it.
    let target = server(|number| if number == 40 { Duration::from_secs(1) } else { Duration::ZERO });
    let load = Load { connections: 1, streams: 1, rate: Some(200.0), seed: 1 };
    let (_, tally) = measure(&target, load, Duration::from_millis(1500));
    assert_eq!(tally.failures(), 0, "{:?}", tally.complaints());
    let slow = tally.times.count_between(200_000_000, u64::MAX);
    assert!(slow > 50, "{slow} of {} are slow", tally.times.len());
}

#[test]
fn what_is_not_there_and_what_is_not_right_is_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Target { address: closed, ..server(|_| Duration::ZERO) };
    let load = Load { connections: 1, streams: 1, rate: None, seed: 1 };
    let calls: Arc<[Call]> = Arc::from([call("a", 1)]);
    let error = Generator::start(&nobody, &calls, load).err().map(|error| error.to_string()).unwrap();
    assert!(error.contains(&format!("no connection to {closed}")), "{error}");
    let target = server(|_| Duration::ZERO);
    let wrong: Arc<[Call]> = Arc::from([Call { expect: Some(404), ..call("the call", 1) }]);
    assert_eq!(rehearse(&target, &wrong).unwrap(), ["the call: 1 × 200 ok"]);
    assert!(rehearse(&target, &calls).unwrap().is_empty());
}
