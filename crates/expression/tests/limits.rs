//! Hostile texts are refused quickly, and hostile evaluations end with an exception.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::time::{Duration, Instant};

use exchange::Exchange;
use gatehouse_expression::{Exception, Value, compile};
use serde_json::Value as Json;

fn refused(source: &str) -> String {
    let started = Instant::now();
    let faults = compile(source).expect_err("it compiled");
    // Generous: tests run unoptimised and share the machine.
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
    faults[0].message.clone()
}

fn run(source: &str) -> Result<Value, Exception> {
    let fixture: Json = serde_json::from_str(include_str!("fixture.json")).unwrap();
    let expression = compile(source).unwrap_or_else(|e| panic!("{source}: {}", e[0]));
    expression.evaluate(&mut Exchange::new(&fixture, &Json::Null))
}

#[test]
fn deep_nesting_is_refused() {
    for n in [100, 10_000, 100_000] {
        for (open, close) in [
            ("(", ")"),
            ("-", ""),
            ("!", ""),
            ("new[]{", "}"),
            ("f(", ")"),
            ("a[", "]"),
            ("(int)", ""),
            ("x => ", ""),
            ("a ? ", " : b"),
        ] {
            let source = format!("@({}1{})", open.repeat(n), close.repeat(n));
            assert!(!refused(&source).is_empty());
        }
        refused(&format!("@{{{}return 1;{}}}", "{".repeat(n), "}".repeat(n)));
        refused(&format!("@{{{}return 1;}}", "if (true) ".repeat(n)));
        refused(&format!("@({}1{})", "$\"{".repeat(n), "}\"".repeat(n)));
        refused(&format!("@(a{})", "<a".repeat(n)));
        refused(&format!("@((List{}>)x)", "<List".repeat(n)));
        refused(&format!("@(a{})", "?.b".repeat(n)));
        refused(&format!("@(a{})", " ?? a".repeat(n)));
    }
}

#[test]
fn long_texts_are_refused() {
    for piece in [
        "(",
        "a+",
        "\"",
        "@\"",
        "$\"{",
        "/*",
        "a<",
        "1,",
        "x=>",
        "'",
        "{",
        "a.b(",
        "\u{1F600}",
        "?.a",
        "new ",
    ] {
        let source = format!("@({}", piece.repeat(10_000_000 / piece.len()));
        refused(&source);
        refused(&format!("{source})"));
    }
}

#[test]
fn long_chains_compile_and_run() {
    let sum = format!("@(1{})", " + 1".repeat(1_900));
    assert_eq!(run(&sum).unwrap().to_text().as_ref(), "1901");
    let text = format!("@(context.Request.Method{})", " + \"x\"".repeat(1_900));
    assert_eq!(run(&text).unwrap().to_text().len(), 1_904);
    let branches = "else if (context.Request.Method == \"A\") { return 1; } ".repeat(500);
    assert!(run(&format!("@{{ if (false) {{ return 0; }} {branches} return 2; }}")).is_ok());
    let or = format!("@(context.Tracing{})", " || context.Tracing".repeat(1_500));
    assert_eq!(run(&or).unwrap().to_boolean(), Some(false));
}

#[test]
fn evaluations_are_bounded() {
    for source in [
        "@{ while (true) { } }",
        "@{ for (;;) { int x = 1; } }",
        "@{ string s = \"x\"; while (true) { s += s; } }",
        "@{ var l = new List<string>(); while (true) { l.Add(\"x\"); } }",
        "@{ int F(int n) { return F(n + 1); } return F(0); }",
        "@{ Func<int, int> f = null; f = n => f(n) + 1; return f(1); }",
        "@{ var o = new JObject(); while (true) { o = new JObject(new JProperty(\"a\", o)); } }",
        "@{ var x = new XElement(\"a\"); while (true) { x = new XElement(\"a\", x); } }",
        "@(\"x\".PadLeft(2000000000))",
        "@(new string('x', 2000000000))",
        "@(new byte[2000000000].Length)",
        "@(new int[2000000000].Length)",
        "@(Enumerable.Range(0, 2000000000).Sum())",
        "@(string.Concat(Enumerable.Repeat(\"x\", 2000000000)))",
        "@(string.Join(\",\", Enumerable.Repeat(new string('x', 1000), 100000000)))",
        "@{ var s = new string('x', 1000000); return s.Replace(\"x\", s); }",
        "@{ try { while (true) { } } catch { return 1; } finally { } }",
        "@{ var sb = new StringBuilder(); while (true) { sb.Append(\"0123456789\"); } }",
    ] {
        let exception = run(source).expect_err(source);
        assert!(exception.is_limit, "{source}: {exception}");
    }
}

#[test]
fn what_is_read_counts_as_much_as_it_takes() {
    // Two bytes of text for each token, and a hundred of memory.
    let json = "@(JArray.Parse(\"[\" + string.Join(\",\", Enumerable.Repeat(\"1\", 2000000)) + \"]\").Count)";
    assert!(run(json).unwrap_err().is_limit);
    let xml = "@(XElement.Parse(\"<r>\" + string.Concat(Enumerable.Repeat(\"<a/>\", 500000)) + \"</r>\").Nodes().Count())";
    assert!(run(xml).unwrap_err().is_limit);
    let fits = "@(JArray.Parse(\"[\" + string.Join(\",\", Enumerable.Repeat(\"1\", 20000)) + \"]\").Count)";
    assert_eq!(run(fits).unwrap().to_text().as_ref(), "20000");
}

#[test]
fn the_next_token_is_found_without_a_search() {
    let started = Instant::now();
    let walked = run(
        "@{ var t = JArray.Parse(\"[\" + string.Join(\",\", Enumerable.Repeat(\"1\", 50000)) + \"]\").First; int n = 0; \
         while (t != null) { n++; t = t.Next; } return n; }",
    );
    assert_eq!(walked.unwrap().to_text().as_ref(), "50000");
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
    let moved = run("@{ var a = JArray.Parse(\"[1,2,3,4]\"); a.AddFirst(0); a[2].Remove(); var s = \"\"; \
         for (var t = a.First; t != null; t = t.Next) { s += t; } for (var t = a.Last; t != null; t = t.Previous) { s += t; } return s; }");
    assert_eq!(moved.unwrap().to_text().as_ref(), "01344310");
}

#[test]
fn what_a_text_is_split_at_costs_what_the_text_is_long() {
    // One separator everywhere and another nowhere: looking for each of them anew after each part never ended.
    let started = Instant::now();
    let parts = run("@(new string(',', 500000).Split(new[] { ';', ',' }).Length)").unwrap();
    assert_eq!(parts.to_text().as_ref(), "500001");
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
    let parts =
        run("@(string.Join(\"|\", \"a::b:c\".Split(new[] { \":\", \"::\" }, StringSplitOptions.None)))");
    assert_eq!(parts.unwrap().to_text().as_ref(), "a||b|c");
    let parts =
        run("@(string.Join(\"|\", \"a::b:c\".Split(new[] { \"::\", \":\" }, StringSplitOptions.None)))");
    assert_eq!(parts.unwrap().to_text().as_ref(), "a|b|c");
}

#[test]
fn regular_expressions_are_bounded() {
    let exception = run("@(Regex.IsMatch(new string('a', 40) + \"!\", @\"^(?:(a+)\\1*)+c$\"))").unwrap_err();
    assert_eq!(exception.type_name, "System.Text.RegularExpressions.RegexMatchTimeoutException");
}

#[test]
fn faults_name_the_place_and_what_would_be_right() {
    for (source, line, column, message, suggestion) in [
        ("@(context.Request.Metod)", 1, 19, "has no member 'Metod'", "Method"),
        ("@{\n  var x = 1;\n  return y;\n}", 3, 10, "'y' is neither", ""),
        ("@(File.ReadAllText(\"x\"))", 1, 3, "'File' is neither", ""),
        ("@(System.IO.File.Exists(\"x\"))", 1, 13, "not allowed", ""),
        ("@(new HttpClient())", 1, 7, "'HttpClient' is not allowed", ""),
        ("@(\"a\" * 2)", 1, 7, "'*' does not take", ""),
        ("@{ int x = \"5\"; return x; }", 1, 12, "cannot be used as 'int'", ""),
        ("@{ if (true) { return 1; } }", 1, 4, "not every path returns", "return"),
        ("@(context.Variables[\"x\"].Length)", 1, 26, "has no member 'Length'", "cast"),
        ("@(context.Request.MatchedParameters(\"id\"))", 1, 19, "is no method", "[ ]"),
    ] {
        let fault = compile(source).expect_err(source).remove(0);
        assert_eq!((fault.line, fault.column), (line, column), "{source}: {fault}");
        assert!(fault.message.contains(message), "{source}: {fault}");
        assert!(fault.suggestion.as_deref().unwrap_or_default().contains(suggestion), "{source}: {fault}");
    }
}

#[test]
fn what_is_read_is_known() {
    let reads = |source: &str| compile(source).unwrap().reads().clone();
    assert!(!reads("@(context.Request.Method)").request_body);
    assert!(reads("@(context.Request.Body.As<string>())").request_body);
    assert!(reads("@(context.Request?.Body?.As<JObject>(true)[\"a\"])").request_body);
    assert!(reads("@{ var r = context.Response; return r.Body.As<string>(); }").response_body);
    assert!(!reads("@(((IResponse)context.Variables[\"r\"]).Body.As<string>())").response_body);
    assert!(reads("@(context.Response.StatusCode == 200)").response);
    assert!(!reads("@(context.Response.StatusCode == 200)").response_body);
    assert!(reads("@(context.LastError.Reason)").last_error);
    assert!(reads("@(context.User?.Id)").caller);
    let variables =
        reads("@((string)context.Variables[\"a\"] + context.Variables.GetValueOrDefault(\"b\", \"\"))")
            .variables;
    assert_eq!(variables.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["a", "b"]);
    assert!(compile("@(1 + 2)").unwrap().constant().is_some());
}
