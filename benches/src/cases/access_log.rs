//! One record of the access log, from its values to the writer's buffer.

use std::hint::black_box;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use gatehouse_telemetry::access_log::{AccessLog, AccessRecord};
use gatehouse_telemetry::log::{Level, Log};

use crate::Case;

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("access-log/record", prepare)]
}

fn prepare() -> crate::Run {
    let log = AccessLog::to_writer(io::sink(), &Log::direct(Level::Error))
        .unwrap_or_else(|error| panic!("{error}"));
    let record = AccessRecord {
        time_millis: 1_767_225_599_050,
        request_id: "00112233-4455-4677-8899-aabbccddeeff",
        listener: "public",
        zone: "external",
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        method: "GET",
        host: Some(b"api.contoso.example"),
        path: b"/orders/4711/lines/12",
        protocol: "HTTP/1.1",
        tls_version: Some("TLSv1.3"),
        tls_cipher: Some("TLS_AES_256_GCM_SHA384"),
        client_certificate: None,
        status: Some(200),
        bytes_in: 0,
        bytes_out: 1024,
        duration_us: 812,
        backend_us: Some(700),
        api: Some("orders"),
        operation: Some("get-line"),
        product: Some("starter"),
        subscription: Some("ana"),
        error: None,
    };
    Box::new(move || log.record(black_box(&record)))
}
