//! The reference page of expressions lists what expressions may use, and Azure's documented types are among it.
//! `UPDATE=1` writes the list anew.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gatehouse_expression::allowed_types;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/expressions.md");
const MARK: &str = "<!-- The table is written by crates/expression/tests/reference.rs. -->\n";

/// The types that Azure's page on policy expressions lists, without their namespaces and type parameters.
const DOCUMENTED: &str = "Formatting JsonConvert Extensions JArray JConstructor JContainer JObject JProperty JRaw JToken \
    JTokenType JValue Array BitConverter Boolean Byte Char Dictionary HashSet ICollection IDictionary IEnumerable IEnumerator \
    IList IReadOnlyCollection IReadOnlyDictionary ISet KeyValuePair List Queue Stack Convert DateTime DateTimeKind \
    DateTimeOffset Decimal Double Exception Guid Int16 Int32 Int64 StringReader StringWriter Enumerable Math MidpointRounding \
    IPAddress WebUtility Nullable Random SByte AsymmetricAlgorithm CipherMode HashAlgorithm HashAlgorithmName HMAC HMACMD5 \
    HMACSHA1 HMACSHA256 HMACSHA384 HMACSHA512 KeyedHashAlgorithm MD5 Oid PaddingMode RNGCryptoServiceProvider RSA \
    RSAEncryptionPadding RSASignaturePadding SHA1 SHA1Managed SHA256 SHA256Managed SHA384 SHA384Managed SHA512 SHA512Managed \
    SymmetricAlgorithm PublicKey RSACertificateExtensions X500DistinguishedName X509Certificate X509Certificate2 \
    X509ContentType X509NameType Single String StringComparer StringComparison StringSplitOptions Encoding Capture \
    CaptureCollection Group GroupCollection Match Regex RegexOptions StringBuilder TimeSpan TimeZone AdjustmentRule \
    TransitionTime TimeZoneInfo Tuple UInt16 UInt32 UInt64 Uri UriPartial XAttribute XCData XComment XContainer XDeclaration \
    XDocument XDocumentType XElement XName XNamespace XNode XNodeDocumentOrderComparer XNodeEqualityComparer XObject \
    XProcessingInstruction XText XmlNodeType";
/// Those of them that expressions may not use here; the page says so.
const MISSING: [&str; 7] = [
    "JConstructor",
    "TimeZone",
    "AdjustmentRule",
    "TransitionTime",
    "XDocumentType",
    "XNodeDocumentOrderComparer",
    "XNodeEqualityComparer",
];

/// The name by which a member is written.
fn name(signature: &str) -> Option<&str> {
    let words = ["static ", "extension ", "set "];
    let mut rest = signature;
    while let Some(after) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = after;
    }
    let end = rest.find(['(', '<', ':', '[']).unwrap_or(rest.len());
    let name = rest[..end].trim();
    (!name.starts_with("operator") && !matches!(name, "implicit" | "explicit")).then_some(match name {
        "new" => "(constructor)",
        "this" => "(element)",
        other => other,
    })
}

fn table() -> String {
    let mut text = String::from("| type | members |\n|---|---|\n");
    for class in allowed_types() {
        let mut names: Vec<&str> = Vec::new();
        let values = class.values.iter().map(|(name, _)| *name);
        for name in class.members().filter_map(name).chain(values) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !names.is_empty() {
            let _ = writeln!(text, "| `{}` | {} |", class.name, names.join(", "));
        }
    }
    text
}

#[test]
fn the_page_lists_what_expressions_may_use() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, _) = page.split_once(MARK).unwrap();
    let right = format!("{before}{MARK}{}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, &right).unwrap();
        return;
    }
    assert!(page == right, "{PAGE} is not up to date: run this test with UPDATE=1");
}

#[test]
fn azures_documented_types_may_be_used() {
    let ours: BTreeSet<String> = allowed_types()
        .map(|class| {
            let name = class.name.split('<').next().unwrap_or_default();
            name.rsplit('.').next().unwrap_or_default().to_owned()
        })
        .collect();
    let missing: Vec<&str> = DOCUMENTED.split_whitespace().filter(|name| !ours.contains(*name)).collect();
    assert_eq!(missing, MISSING);
    let page = std::fs::read_to_string(PAGE).unwrap();
    for name in MISSING {
        assert!(page.contains(&format!("`{name}`")), "the page does not say that {name} is missing");
    }
}
