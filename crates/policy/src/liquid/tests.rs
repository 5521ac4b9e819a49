use std::time::{Duration, SystemTime};

use gatehouse_expression::Json;

use super::filters::FILTERS;
use super::render::{RenderError, Values};
use super::*;

struct Fixture(Data);

impl Values for Fixture {
    fn value(&self, root: &str, keys: &[Data]) -> (Data, usize) {
        match root {
            "body" => (self.0.clone(), 0),
            _ => (Data::Null, keys.len()),
        }
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }
}

const BOUNDS: Bounds = Bounds { bytes: 10_000, steps: 10_000 };

fn tried(template: &str, body: &str) -> Result<String, RenderError> {
    let (template, _) = parse(template).unwrap_or_else(|faults| panic!("{template}: {faults:?}"));
    let body = Data::of_json(&Json::read(body, true).unwrap());
    render(&template, &Fixture(body), BOUNDS)
}

fn rendered(template: &str) -> String {
    let body = r#"{"name":"Ann Lee","n":5,"f":1.5,"yes":true,"none":null,"when":"2020-01-02T03:04:05Z",
        "list":["b","a","C"],"numbers":[3,1,2],"people":[{"name":"x","age":3},{"name":"y","age":4}],
        "deep":{"a":{"b":"c"}},"empty":"","html":"<b>\"x\" & 'y'</b>"}"#;
    tried(template, body).unwrap()
}

/// Template and text, one pair a row.
fn check(rows: &[(&str, &str)]) {
    for (template, wanted) in rows {
        assert_eq!(rendered(template), *wanted, "{template}");
    }
}

#[test]
fn values_are_written_as_in_dotnet() {
    check(&[
        ("a {{ body.name }} b", "a Ann Lee b"),
        ("{{body.deep.a.b}}{{ body['deep'][\"a\"].b }}", "cc"),
        ("{{ body.none }}{{ body.missing.more }}", ""),
        ("{{ body.yes }} {{ body.n }} {{ body.f }}", "true 5 1.5"),
        ("{{ body.when }}", "01/02/2020 03:04:05"),
        ("{{ body.list }}", "baC"),
        ("{{ body.list.size }} {{ body.list.first }} {{ body.list.last }} {{ body.list[1] }}", "3 b C a"),
        ("{{ 'single' }}{{ \"double\" }}{{ 1.50 }}{{ -3 }}", "singledouble1.5-3"),
        ("{\"a\":{\"b\":\"{{ body.n }}\"}}", "{\"a\":{\"b\":\"5\"}}"),
        ("{{ (1..3) }}", "123"),
        ("{{}}", ""),
    ]);
}

#[test]
fn text_filters() {
    check(&[
        ("{{ 'a' | Append: 'b' | Prepend: 'c' }}", "cab"),
        ("{{ 'my great title' | Capitalize }}", "My Great Title"),
        ("{{ 'AbC' | Upcase }}{{ 'AbC' | Downcase }}", "ABCabc"),
        ("{{ body.empty | Default: 'd' }}{{ body.none | Default: 'e' }}{{ 'x' | Default: 'f' }}", "dex"),
        ("{{ body.html | Escape }}", "&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/b&gt;"),
        ("{{ body.html | H | Size }}", "50"),
        ("[{{ ' x ' | Lstrip }}][{{ ' x ' | Rstrip }}][{{ ' x ' | Strip }}]", "[x ][ x][x]"),
        ("{{ 'a-b-a' | Remove: 'a' }} {{ 'a-b-a' | RemoveFirst: 'a' }}", "-b- -b-a"),
        ("{{ 'a.b' | Replace: '.', 'x' }}", "xxx"),
        ("{{ 'a1b22' | Replace: '[0-9]+', '<$0>' }}", "a<1>b<22>"),
        ("{{ 'aXbX' | ReplaceFirst: 'X', '-' }}", "a-bX"),
        ("{{ 'say \"hi\"' | Replace: '([^\\\\](\\\\\\\\)*)\"', '$1\\\"' }}", "say \\\"hi\\\""),
        ("{{ '<p>a</p><script>b</script><!-- c -->d' | StripHtml }}", "ad"),
        ("{{ 'Ground control to Major Tom.' | Truncate: 20 }}", "Ground control to..."),
        ("{{ 'Ground control to Major Tom.' | Truncate: 18, '!' }}", "Ground control to!"),
        ("{{ 'one two three' | TruncateWords: 2 }}{{ 'a b' | TruncateWords: 5 }}", "one two...a b"),
        ("{{ 'a b&c/é' | UrlEncode }} {{ 'a+b%26' | UrlDecode }}", "a+b%26c%2F%C3%A9 a b&"),
        ("{{ 'hello' | Slice: 1 }}{{ 'hello' | Slice: 1, 3 }}{{ 'hello' | Slice: -3, 2 }}", "eellll"),
        ("{{ 'a,b,,c' | Split: ',' | Join: '+' }} {{ 'abc' | Split: '' | Join }}", "a+b+c a b c"),
    ]);
    assert_eq!(
        tried("{{ body | NewlineToBr }}{{ body | StripNewlines }}", "\"a\\nb\"").unwrap(),
        "a<br />\nbab"
    );
}

#[test]
fn numbers_and_dates() {
    check(&[
        ("{{ 1 | Plus: 2 }} {{ '1' | Plus: 2 }} {{ 1.5 | Plus: 2 }}", "3 12 3.5"),
        ("{{ 0.1 | Plus: 10 | Minus: 10 }}", "0.1"),
        ("{{ 7 | DividedBy: 2 }} {{ 7.0 | DividedBy: 2 }} {{ 7 | Modulo: 4 }}", "3 3.5 3"),
        ("{{ 3 | Times: 4 }} {{ 'ab' | Times: 2 }}", "12 abab"),
        ("{{ 2.5 | Round }} {{ 3.5 | Round }} {{ 2.345 | Round: 2 }}", "2 4 2.34"),
        ("{{ -7 | Abs }} {{ '-1.5' | Abs }} {{ 4 | AtLeast: 5 }} {{ 4 | AtMost: 3 }}", "7 1.5 5 3"),
        ("{{ body.when | Date: 'yyyyMMddTHH:mm:ssZ' }}", "20200102T03:04:05Z"),
        ("{{ '2020-03-04' | Date: \"dd MMM yyyy\" }} {{ 'no date' | Date: 'yyyy' }}", "04 Mar 2020 no date"),
        ("{{ 'now' | Date: 'yyyy-MM-dd' }}", "2023-11-14"),
        ("{{ 1234.5 | Currency: 'en-US' }} {{ '-3' | Currency: 'en-GB' }}", "$1,234.50 -£3.00"),
        ("{{ 1234567.891 | Currency: 'de-DE' }}", "1.234.567,89\u{a0}€"),
    ]);
}

#[test]
fn list_filters() {
    check(&[
        ("{{ body.list | Sort | Join: ',' }} {{ body.numbers | Sort | Join: ',' }}", "a,b,C 1,2,3"),
        ("{{ body.people | Map: 'name' | Join: '-' }}", "x-y"),
        (
            "{{ body.people | Sort: 'age' | Last | Map: 'x' }}{{ body.list | First }}{{ body.list | Last }}",
            "bC",
        ),
        ("{{ 'a,b,a' | Split: ',' | Uniq | Join: ',' }} {{ body.list | Size }}", "a,b 3"),
        ("{{ body.list | Slice: 1, 2 | Join: ',' }}", "a,C"),
    ]);
    assert_eq!(tried("{{ body | Compact | Join: ',' }}", "[1,null,2]").unwrap(), "1,2");
}

#[test]
fn tags() {
    check(&[
        ("{% assign a = body.n | Plus: 1 %}{{ a }}", "6"),
        ("{% capture c %}x{{ body.n }}{% endcapture %}{{ c }}{{ c }}", "x5x5"),
        ("{% if body.n > 4 and body.yes %}a{% elsif body.n %}b{% else %}c{% endif %}", "a"),
        ("{% if body.n < 4 %}a{% elsif body.missing %}b{% else %}c{% endif %}", "c"),
        ("{% if body.empty %}truthy{% endif %}{% if body.empty == empty %}!{% endif %}", "truthy!"),
        (
            "{% if body.n == '5' %}a{% endif %}{% if body.f >= 1.5 %}b{% endif %}{% if 2 > 1.5 %}c{% endif %}",
            "abc",
        ),
        ("{% if body.list contains 'a' %}a{% endif %}{% if body.name contains 'Lee' %}b{% endif %}", "ab"),
        ("{% if body.name startsWith 'Ann' %}a{% endif %}{% if body.deep hasKey 'a' %}b{% endif %}", "ab"),
        ("{% if true or false and false %}a{% endif %}{% if false and false or true %}b{% endif %}", "a"),
        ("{% unless body.none %}a{% else %}b{% endunless %}", "a"),
        ("{% case body.n %}skipped{% when 1, 2 %}a{% when 4 or 5 %}b{% else %}c{% endcase %}", "b"),
        ("{% case body.n %}{% when 1 %}a{% else %}c{% endcase %}", "c"),
        (
            "{% for i in body.numbers %}{{ i }}{% if forloop.last %}.{% else %},{% endif %}{% endfor %}",
            "3,1,2.",
        ),
        ("{% for i in body.numbers reversed limit:2 offset:1 %}{{ i }}{% endfor %}", "21"),
        (
            "{% for i in body.numbers limit:2 %}{{ i }}{% endfor %}-{% for i in body.numbers offset:continue %}{{ i }}{% endfor %}",
            "31-2",
        ),
        ("{% for i in body.missing %}a{% else %}none{% endfor %}", "none"),
        (
            "{% for i in (1..9) %}{% if i == 3 %}{% continue %}{% endif %}{% if i > 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "124",
        ),
        ("{% for p in body.deep %}{{ p.Key }}={{ p.Value.b }}{% endfor %}", "a=c"),
        ("{% for i in (1..3) %}{% cycle 'a', 'b' %}{% endfor %}", "aba"),
        ("{% increment x %}{% increment x %}{% decrement y %}{% decrement y %}", "01-1-2"),
        ("{% for i in (1..4) %}{% ifchanged %}{{ i | DividedBy: 2 }}{% endifchanged %}{% endfor %}", "012"),
        ("{% raw %}{{ x }}{% if %}{% endraw %}{% comment %} {{ y }} {% endcomment %}", "{{ x }}{% if %}"),
        ("a \n {%- if true -%} \n b {%- endif %} c", "a \n\n b c"),
        ("a{% if true -%}\n\n b{% endif %}", "a\n b"),
    ]);
}

#[test]
fn arrays_for_json_have_commas_between_their_items() {
    let template = "[{% JSONArrayFor p in body.people -%}{\"n\":\"{{ p.name }}\"}{% endJSONArrayFor -%}]";
    assert_eq!(rendered(template), "[{\"n\":\"x\"},{\"n\":\"y\"}]");
    let one = "[{% JSONArrayFor p in body.deep -%}{{ p.a.b }}{% endJSONArrayFor -%}]";
    assert_eq!(rendered(one), "[c]");
    assert_eq!(rendered("[{% JSONArrayFor p in body.none -%}x{% endJSONArrayFor -%}]"), "[]");
}

#[test]
fn xml_bodies_are_found_by_local_names_in_any_case() {
    let xml = "<s:Envelope xmlns:s=\"urn:s\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Body>\
        <AddResponse id=\"7\"><AddResult>3</AddResult><Item>a</Item><Item>b</Item><Gone xsi:nil=\"true\"/><T u=\"EUR\">9</T></AddResponse>\
        </s:Body></s:Envelope>";
    let text = |nil| {
        let template = "{{body.envelope.body.AddResponse.AddResult}} {{body.envelope.body.addresponse.id}} \
            {% for i in body.envelope.body.AddResponse.Item %}{{i}};{% endfor %} \
            {% if body.envelope.body.AddResponse.Gone %}blank{% else %}null{% endif %} \
            {{body.envelope.body.AddResponse.T}}{{body.envelope.body.AddResponse.T.u}}";
        let (template, _) = parse(template).unwrap();
        render(&template, &Fixture(body("text/xml", xml.as_bytes(), nil, true).unwrap()), BOUNDS).unwrap()
    };
    assert_eq!(text(Nil::Blank), "3 7 a;b; blank 9EUR");
    assert_eq!(text(Nil::Null), "3 7 a;b; null 9EUR");
    assert!(body("text/xml", b"<a>", Nil::Blank, true).is_err());
    assert!(body("application/soap+xml", "<a>".repeat(10_000).as_bytes(), Nil::Blank, true).is_err());
}

#[test]
fn dates_are_copied_where_the_policy_says_so() {
    let (template, _) = parse("{{ body.d }}").unwrap();
    let json = br#"{"d":"2012-03-21T05:40:00Z"}"#;
    let text = |dates| {
        let body = body("application/json", json, Nil::Blank, dates).unwrap();
        render(&template, &Fixture(body), BOUNDS).unwrap()
    };
    assert_eq!((text(true).as_str(), text(false).as_str()), ("03/21/2012 05:40:00", "2012-03-21T05:40:00Z"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (template, offset, wanted) in [
        ("ab {{ x", 3, "`{{` does not end"),
        ("{% if body %}x", 3, "`{% if %}` does not end"),
        ("{% endif %}", 3, "`{% endif %}` stands here without"),
        ("{% for i in body %}{% endif %}", 22, "`{% endif %}` stands within `{% for %}`"),
        ("{% fro i in body %}", 3, "there is no tag `fro`"),
        ("{% include 'x' %}", 3, "the tag `include` is not available"),
        ("{{ body.a | upcase }}", 12, "there is no filter `upcase`"),
        ("{{ body.a | at_least: 1 }}", 12, "there is no filter `at_least`"),
        ("{{ body.a | Upcase: 1 }}", 12, "the filter `Upcase` takes 0 arguments, not 1"),
        ("{{ body.a b }}", 10, "`b` is not expected here"),
        ("{{ context.Request.Boddy }}", 3, "`context.Request` has no `Boddy`"),
        ("{{ context.Reqest.Method }}", 3, "`context` has no `Reqest`"),
        ("{% if a == %}{% endif %}", 11, "a value is expected here"),
    ] {
        let faults = parse(template).expect_err(template);
        let found = faults.iter().find(|fault| !fault.is_warning).expect("an error");
        assert_eq!(found.offset, offset, "{template}: {found:?}");
        assert!(found.message.contains(wanted), "{template}: {found:?}");
    }
    let fixes: Vec<_> = ["{{ 1 | at_least: 1 }}", "{% fro i in body %}"]
        .map(|template| parse(template).expect_err("faults")[0].fix.clone().unwrap())
        .into();
    assert_eq!(fixes, ["did you mean `AtLeast`?", "did you mean `for`?"]);
    let (_, warnings) = parse("{{ bdy.x }}{% assign y = 1 %}{{ y }}").unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].fix.as_deref(), Some("did you mean `body`?"));
}

#[test]
fn loops_texts_and_depth_are_bounded() {
    let nested = "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}";
    assert!(matches!(tried(nested, "1"), Err(RenderError::TooManySteps(_))));
    let doubled =
        "{% assign a = 'xxxxxxxxxx' %}{% for i in (1..60) %}{% assign a = a | Append: a %}{% endfor %}";
    assert!(matches!(tried(doubled, "1"), Err(RenderError::Filter("Append", _))));
    assert!(matches!(tried("{{ 'x' | Times: 1000000000 }}", "1"), Err(RenderError::Filter("Times", _))));
    assert!(matches!(tried("{{ (1..999999999) }}", "1"), Err(RenderError::Range(_))));
    let long = "{% for a in (1..4000) %}{{ 'xxxxxxxxxx' }}{% endfor %}";
    assert!(tried(long, "1").is_err());
    assert!(matches!(tried("{{ 1 | DividedBy: 0 }}", "1"), Err(RenderError::Filter("DividedBy", _))));
    let deep = "{% if true %}".repeat(10_000);
    assert!(parse(&deep).is_err());
    let brackets = format!("{{{{ {}", "a[".repeat(200_000));
    assert!(parse(&(brackets + " }}")).is_err());
}

#[test]
fn every_filter_of_the_documentation_is_there() {
    let documented = "Abs Append AtLeast AtMost Capitalize Compact Currency Date Default DividedBy Downcase Escape First H Join Last Lstrip Map Minus Modulo NewlineToBr Plus Prepend Remove RemoveFirst Replace ReplaceFirst Round Rstrip Size Slice Sort Split Strip StripHtml StripNewlines Times Truncate TruncateWords Uniq Upcase UrlDecode UrlEncode";
    let ours: Vec<&str> = FILTERS.iter().map(|filter| filter.name).collect();
    assert_eq!(ours, documented.split(' ').collect::<Vec<_>>());
}
