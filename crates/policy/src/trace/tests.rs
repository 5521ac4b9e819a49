use secrecy::SecretString;

use super::*;
use crate::Exchange;
use crate::testing::*;

fn traced(section: &str, policies: &str) -> (Vec<Entry>, Exchange) {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.request.headers.insert("authorization", "Bearer abcdefghijkl".parse().unwrap());
    exchange.begin_trace(Trace::new(Detail::Decisions, [SecretString::from("named-secret")]));
    world.run(&plan(&document(section, policies)), &mut exchange);
    let trace = exchange.trace.take().unwrap();
    (trace.into_entries(), exchange)
}

fn entry<'e>(entries: &'e [Entry], source: &str) -> &'e Entry {
    entries.iter().find(|entry| entry.source == source).unwrap_or_else(|| panic!("no {source}: {entries:#?}"))
}

#[test]
fn an_entry_tells_inputs_changes_and_outcome() {
    let (entries, _) = traced(
        "inbound",
        "<set-variable name=\"a\" value=\"@(1 + 1)\" id=\"mine\" /><return-response><set-status code=\"418\" reason=\"no\" /></return-response>",
    );
    let variable = entry(&entries, "set-variable");
    let inputs: Vec<_> =
        variable.inputs.iter().map(|input| (input.name.as_str(), input.value.as_str())).collect();
    assert_eq!(inputs, [("name", "a"), ("id", "mine"), ("value", "2")]);
    let change = Change { what: "variables.a".into(), before: None, after: Some("2".into()) };
    assert_eq!(variable.changes, [change]);
    assert_eq!((variable.outcome.clone(), variable.policy_id.as_deref()), (Outcome::Continued, Some("mine")));
    let answer = entry(&entries, "return-response");
    assert_eq!(answer.outcome, Outcome::Responded);
    assert!(answer.changes.iter().any(|change| change.what == "response.status"), "{answer:#?}");
}

#[test]
fn a_policy_inside_another_has_its_own_changes() {
    let (entries, _) = traced(
        "inbound",
        "<choose><when condition=\"@(false)\" /><when condition=\"true\"><set-header name=\"x\"><value>1</value></set-header></when></choose>",
    );
    let choose = entry(&entries, "choose");
    assert!(choose.changes.is_empty(), "{choose:#?}");
    assert!(choose.notes[0].starts_with("runs when[2] at line 1"), "{choose:#?}");
    let header = entry(&entries, "set-header");
    assert_eq!((header.depth, header.changes.len()), (1, 1));
    assert_eq!(header.path.as_deref(), Some("choose[1]/when[2]/set-header[1]"));
}

#[test]
fn a_failure_and_what_runs_after_it_are_told() {
    let (entries, _) = traced(
        "inbound",
        "<set-variable name=\"a\" value=\"@((string)context.Variables[&quot;none&quot;])\" />",
    );
    let Outcome::Failed(why) = &entry(&entries, "set-variable").outcome else { panic!("{entries:#?}") };
    assert!(why.starts_with("ExpressionValueEvaluationFailure: "), "{why}");
}

#[test]
fn what_comes_from_a_secret_is_masked_wherever_it_goes() {
    let text = "<set-variable name=\"auth\" value=\"@(context.Request.Headers.GetValueOrDefault(&quot;Authorization&quot;))\" /><set-header name=\"x-copy\"><value>@((string)context.Variables[&quot;auth&quot;])</value></set-header><set-variable name=\"my-token\" value=\"opaque-value\" /><set-variable name=\"other\" value=\"is opaque-value here\" /><set-header name=\"Cookie\"><value>a=bcdefg</value></set-header><set-variable name=\"n\" value=\"named-secret!\" />";
    let (entries, _) = traced("inbound", text);
    let told = format!("{entries:?}");
    for secret in ["abcdefghijkl", "opaque-value", "bcdefg", "named-secret"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
    let other =
        entries.iter().find(|entry| entry.changes.iter().any(|change| change.what == "variables.other"));
    assert_eq!(other.unwrap().changes[0].after.as_deref(), Some("is *** here"));
}

#[test]
fn branches_beside_one_another_are_in_one_trace() {
    let send = |name: &str| {
        format!(
            "<send-request response-variable-name=\"{name}\"><set-url>https://{name}.example/?sig=hush-hush</set-url><set-method>GET</set-method></send-request>"
        )
    };
    let (entries, _) = traced("inbound", &format!("<wait for=\"all\">{}{}</wait>", send("a"), send("b")));
    let depths: Vec<_> =
        entries.iter().filter(|entry| entry.source == "send-request").map(|entry| entry.depth).collect();
    assert_eq!(depths, [1, 1], "{entries:#?}");
    let outgoing = entry(&entries, "outgoing-request");
    assert_eq!(outgoing.inputs[1].value, "https://a.example/?sig=***");
    let wait = entry(&entries, "wait");
    assert!(wait.changes.is_empty(), "{wait:#?}");
}

#[test]
fn only_what_is_reached_is_counted_where_no_more_is_asked_for() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.begin_trace(Trace::new(Detail::Reached, []));
    let text = "<retry condition=\"true\" count=\"2\" interval=\"1\"><set-variable name=\"a\" value=\"b\" /></retry>";
    let plan = plan(&document("inbound", text));
    world.run(&plan, &mut exchange);
    let trace = exchange.trace.unwrap();
    let mut counts: Vec<_> = trace.reached().values().copied().collect();
    counts.sort_unstable();
    // The call of the backend, the retry, its two further tries, and what is tried three times.
    assert_eq!(counts, [1, 1, 2, 3]);
    assert!(trace.into_entries().is_empty());
}

#[test]
fn a_trace_has_a_bound() {
    let many = "<set-variable name=\"a\" value=\"@(new string('x', 600))\" />".repeat(MAX_ENTRIES + 10);
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.begin_trace(Trace::new(Detail::Decisions, []));
    world.run(&plan(&document("inbound", &many)), &mut exchange);
    let trace = exchange.trace.unwrap();
    assert!(trace.is_cut());
    let entries = trace.into_entries();
    assert!(entries.len() <= MAX_ENTRIES);
    assert!(entries[0].changes[0].after.as_ref().unwrap().ends_with("… (600 characters)"));
}

#[test]
fn a_trace_reads_the_same_from_what_was_written_down() {
    let (entries, _) = traced("inbound", "<set-header name=\"x\"><value>@(\"1\")</value></set-header>");
    let rows: Vec<_> = entries.iter().map(Entry::to_json).collect();
    let text = as_text(&entries);
    assert_eq!(text, json_as_text(&rows));
    assert!(text.starts_with("inbound\n  set-header  ["), "{text}");
    assert!(text.contains("    + request.headers.x: 1\n"), "{text}");
}
