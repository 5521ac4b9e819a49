//! Pools and circuit breakers.

use super::*;
use crate::upstream::BreakerState;

/// Answers with its own name.
async fn named(name: &'static str) -> SocketAddr {
    peers::plain(move |_| async move { peers::text(name) }).await
}

async fn failing() -> SocketAddr {
    peers::canned("HTTP/1.1 503 Down\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n").await
}

fn resting(backend: Backend, rule: CircuitBreakerRule) -> Backend {
    Backend { circuit_breaker: vec![rule], ..backend }
}

#[test]
fn weights_are_shares() {
    run(async {
        let core = Core::with(
            &[
                single("a", &http_url(named("a").await)),
                single("b", &http_url(named("b").await)),
                single("c", &http_url(named("c").await)),
                pool("all", &[("a", 1, 3), ("b", 1, 1), ("c", 2, 100)]),
            ],
            |_| {},
        );
        let mut answers = BTreeMap::<Bytes, usize>::new();
        for _ in 0..400 {
            *answers.entry(core.get("entity:all", "/").await.unwrap().1).or_default() += 1;
        }
        assert_eq!(answers.values().sum::<usize>(), 400);
        assert!((265..=335).contains(&answers["a".as_bytes()]), "{answers:?}");
        assert!(!answers.contains_key("c".as_bytes()), "{answers:?}");
    });
}

#[test]
fn tripped_members_are_passed_over_and_lower_priorities_step_in() {
    run(async {
        let (first, second) = (failing().await, failing().await);
        let core = Core::with(
            &[
                resting(single("a", &http_url(first)), rule()),
                resting(single("b", &http_url(second)), rule()),
                single("spare", &http_url(named("spare").await)),
                pool("all", &[("a", 1, 1), ("b", 1, 1), ("spare", 2, 1)]),
            ],
            |_| {},
        );
        let mut failures = 0;
        for _ in 0..20 {
            failures += usize::from(core.get("entity:all", "/").await.unwrap().0 == 503);
        }
        assert_eq!(failures, 6, "three of each, then the spare");
        assert_eq!(core.get("entity:all", "/").await.unwrap().1, "spare");
    });
}

#[test]
fn a_pool_whose_members_all_rest_says_when_to_come_back() {
    run(async {
        let address = failing().await;
        let long = CircuitBreakerRule { trip_duration: Duration::from_secs(300), ..rule() };
        let core = Core::with(
            &[
                resting(single("a", &http_url(address)), rule()),
                resting(single("b", &http_url(address)), long),
                pool("all", &[("a", 1, 1), ("b", 2, 1)]),
            ],
            |_| {},
        );
        for _ in 0..6 {
            core.get("entity:all", "/").await.unwrap();
        }
        let error = core.get("entity:all", "/").await.unwrap_err();
        assert_eq!(error, UpstreamError::CircuitOpen { retry_after: 30 });
    });
}

#[test]
fn a_breaker_trips_probes_and_recovers() {
    run(async {
        let healthy = Rc::new(Cell::new(false));
        let state = Rc::clone(&healthy);
        let address = peers::plain(move |_| {
            let status = if state.get() { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            async move {
                let mut answer = peers::text("");
                *answer.status_mut() = status;
                answer
            }
        })
        .await;
        let core = Core::with(&[resting(single("a", &http_url(address)), rule())], |_| {});
        let breaker = || core.backends.breakers(core.clock.monotonic_micros()).next().unwrap().1;
        let status = async || core.get("entity:a", "/").await.map(|(status, _)| status.as_u16());
        for _ in 0..3 {
            assert_eq!(breaker(), BreakerState::Closed);
            assert_eq!(status().await, Ok(502));
        }
        assert_eq!(breaker(), BreakerState::Open);
        assert_eq!(status().await, Err(UpstreamError::CircuitOpen { retry_after: 30 }));
        core.clock.advance(Duration::from_secs(29));
        assert_eq!(status().await, Err(UpstreamError::CircuitOpen { retry_after: 1 }));
        core.clock.advance(Duration::from_secs(1));
        assert_eq!(breaker(), BreakerState::HalfOpen);
        assert_eq!(status().await, Ok(502), "the probe");
        assert_eq!(status().await, Err(UpstreamError::CircuitOpen { retry_after: 30 }));
        core.clock.advance(Duration::from_secs(30));
        healthy.set(true);
        assert_eq!(status().await, Ok(200));
        assert_eq!(breaker(), BreakerState::Closed);
        healthy.set(false);
        for _ in 0..3 {
            assert_eq!(status().await, Ok(502), "counted anew");
        }
        assert_eq!(breaker(), BreakerState::Open);
    });
}

#[test]
fn failures_that_lie_far_apart_do_not_add_up() {
    run(async {
        let core = Core::with(&[resting(single("a", &http_url(failing().await)), rule())], |_| {});
        for _ in 0..10 {
            assert_eq!(core.get("entity:a", "/").await.unwrap().0, 503);
            core.clock.advance(Duration::from_secs(6));
        }
    });
}

#[test]
fn a_backend_may_say_how_long_it_wants_to_rest() {
    run(async {
        let asked = CircuitBreakerRule { count: Some(1), accept_retry_after: true, ..rule() };
        let core = Core::with(&[resting(single("a", &http_url(failing().await)), asked)], |_| {});
        core.get("entity:a", "/").await.unwrap();
        let error = core.get("entity:a", "/").await.unwrap_err();
        assert_eq!(error, UpstreamError::CircuitOpen { retry_after: 120 });
    });
}

#[test]
fn a_percentage_needs_some_calls() {
    run(async {
        let flaky = Rc::new(Cell::new(0_u32));
        let address = peers::plain(move |_| {
            flaky.set(flaky.get() + 1);
            let status =
                if flaky.get() % 2 == 1 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            async move {
                let mut answer = peers::text("");
                *answer.status_mut() = status;
                answer
            }
        })
        .await;
        let half = CircuitBreakerRule { count: None, percentage: Some(50), ..rule() };
        let core = Core::with(&[resting(single("a", &http_url(address)), half)], |_| {});
        for _ in 0..5 {
            core.get("entity:a", "/").await.unwrap();
        }
        let error = core.get("entity:a", "/").await.unwrap_err();
        assert!(matches!(error, UpstreamError::CircuitOpen { .. }), "{error:?}");
    });
}

#[test]
fn only_what_a_rule_names_is_a_failure() {
    run(async {
        let gone = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let reasons = |names: &[&str]| CircuitBreakerRule {
            count: Some(1),
            error_reasons: names.iter().map(|name| (*name).to_owned()).collect(),
            ..rule()
        };
        let core = Core::with(
            &[
                resting(single("counts", &http_url(gone)), reasons(&["BackendConnectionFailure"])),
                resting(single("ignores", &http_url(gone)), reasons(&["Timeout"])),
            ],
            |_| {},
        );
        for name in ["entity:counts", "entity:ignores"] {
            let error = core.get(name, "/").await.unwrap_err();
            assert!(matches!(error, UpstreamError::Connection(_)), "{error:?}");
        }
        assert!(matches!(core.get("entity:counts", "/").await, Err(UpstreamError::CircuitOpen { .. })));
        assert!(matches!(core.get("entity:ignores", "/").await, Err(UpstreamError::Connection(_))));
    });
}
