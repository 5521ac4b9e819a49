"""Generates C# expressions by type: members come from the engine's own table of what expressions may use, the forms of
the language from the templates below. A generated expression is a tree, so that a difference can be made smaller."""
import json
import random
import re

q = json.dumps


def braced(literal):
    """A literal as part of a template."""
    return literal.replace("{", "{{").replace("}", "}}")


# Literals by type. What is not here is made by calling something that yields it.
POOLS = {
    "int": ["0", "1", "2", "3", "5", "7", "-1", "10", "100", "int.MaxValue", "int.MinValue", "-7", "65", "1234567"],
    "long": ["0L", "1L", "-5L", "long.MaxValue", "9999999999L", "621355968000000000L", "1234567L"],
    "uint": ["0u", "7u", "4294967295u"], "ulong": ["0UL", "5UL", "ulong.MaxValue"],
    "short": ["(short)0", "(short)-3", "short.MaxValue"], "ushort": ["(ushort)9", "ushort.MaxValue"],
    "byte": ["(byte)0", "(byte)200", "(byte)65"], "sbyte": ["(sbyte)-5", "(sbyte)100"],
    "double": ["0.0", "0.5", "1.5", "-2.5", "3.14159", "1e10", "1e-7", "2.5", "100.0", "-0.0", "1e300", "double.NaN", "double.PositiveInfinity", "123456.789"],
    "float": ["0f", "1.5f", "0.1f", "-3.25f", "1e10f"],
    "decimal": ["0m", "1.10m", "-2.5m", "3.14159m", "1000000m", "0.005m", "79228162514264337593543950335m"],
    "bool": ["true", "false"], "char": ["'a'", "'Z'", "'5'", "' '", "'é'", "','", "'-'", "'\\t'", "'_'"],
    "string": [q(s) for s in ["", "a", "abc", "Hello World", "  pad ", "a,b,,c", "12", "-5", "3.5", "true", "2024-02-29", "2024-02-29T12:34:56Z", "2024-02-29T12:34:56.789+02:00", "k=v", "/a/b/c", "Zoë", "😀x", "ABC", "x-y_z.1", "{\"a\":1}", "[1,2]", "<r a=\"1\"><i>x</i></r>", "YWJj", "a b&c=d", "a\nb", "'q\"", "https://ex.com/a?b=c", "1e3", "0x1F", "1,234.5", "%41%20", "01:30:00", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "D2", "N1", "yyyy-MM-dd"]],
    "DateTime": ["new DateTime(2024, 2, 29, 12, 34, 56, DateTimeKind.Utc)", "new DateTime(1999, 12, 31)", "new DateTime(2023, 7, 1, 23, 59, 59, 999)", "DateTime.MinValue", "DateTime.MaxValue"],
    "DateTimeOffset": ["new DateTimeOffset(2024, 2, 29, 12, 34, 56, TimeSpan.Zero)", "new DateTimeOffset(2023, 7, 1, 1, 2, 3, TimeSpan.FromHours(2))", "new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.FromMinutes(-330))"],
    "TimeSpan": ["TimeSpan.Zero", "TimeSpan.FromMinutes(90)", "new TimeSpan(1, 2, 3, 4, 5)", "TimeSpan.FromSeconds(-1.5)", "TimeSpan.FromTicks(1)"],
    "Guid": ["Guid.Empty", "new Guid(\"3f2504e0-4f89-11d3-9a0c-0305e82c3301\")"],
    "byte[]": ["new byte[] { 1, 2, 255 }", "new byte[0]", "Encoding.UTF8.GetBytes(\"Zoë\")", "Convert.FromBase64String(\"YWJj\")", "new byte[] { 1, 0, 0, 0, 0, 0, 240, 63, 9 }"],
    "int[]": ["new[] { 3, 1, 2 }", "new int[0]", "new[] { 1, 1, 5, -2 }"], "char[]": ["new[] { 'a', ',' }", "\"xyz\".ToCharArray()", "new char[0]"],
    "string[]": ["new[] { \"b\", \"a\", \"C\" }", "new string[0]", "\"a,b,,a\".Split(',')", "new[] { \"x\", null }"], "object[]": ["new object[] { 1, \"a\", null, 2.5 }"],
    "List<int>": ["new List<int> { 3, 1, 2 }", "new List<int>()"], "List<string>": ["new List<string> { \"b\", \"A\", \"a\" }"],
    "Dictionary<string, int>": ["new Dictionary<string, int> { { \"a\", 1 }, { \"b\", 2 } }"], "Dictionary<string, string>": ["new Dictionary<string, string> { [\"k\"] = \"v\", [\"z\"] = null }"],
    "HashSet<int>": ["new HashSet<int> { 1, 2, 2 }"], "KeyValuePair<string, int>": ["new KeyValuePair<string, int>(\"k\", 7)"],
    "object": ["(object)1", "(object)\"a\"", "(object)2.5", "null", "(object)true", "(object)new[] { 1 }", "(object)new DateTime(2024, 1, 2)"],
    "JObject": ["JObject.Parse(@\"{\"\"a\"\":1,\"\"b\"\":[1,2,{\"\"c\"\":null}],\"\"d\"\":\"\"x\"\",\"\"e\"\":2.50,\"\"f\"\":true,\"\"g\"\":\"\"2024-02-29T12:34:56Z\"\",\"\"h\"\":{\"\"i\"\":\"\"é\"\"}}\")", "new JObject()", "new JObject(new JProperty(\"a\", 1), new JProperty(\"n\", null))", "JObject.FromObject(new { A = 1, B = \"x\", C = new[] { 1.5 } })"],
    "JArray": ["JArray.Parse(\"[1,\\\"a\\\",null,[2.0],{\\\"k\\\":false}]\")", "new JArray()", "new JArray(1, \"b\", 2.5m)"],
    "JToken": ["JToken.Parse(\"12\")", "JToken.Parse(\"\\\"s\\\"\")", "JToken.Parse(\"null\")", "JToken.Parse(\"1.0\")", "JObject.Parse(\"{\\\"a\\\":{\\\"b\\\":[1,2]}}\")[\"a\"]", "JToken.FromObject(new[] { 1, 2 })", "JToken.Parse(\"123456789012345678901234567890\")", "JToken.Parse(\"true\")", "JToken.Parse(\"\\\"2024-02-29T12:34:56+02:00\\\"\")"],
    "JValue": ["new JValue(1)", "new JValue(\"x\")", "new JValue(2.5)", "JValue.CreateNull()", "new JValue(true)", "new JValue(1.10m)"], "JProperty": ["new JProperty(\"p\", 1)", "new JProperty(\"q\", new JArray(1, 2))"],
    "XElement": ["XElement.Parse(\"<r a=\\\"1\\\"><i id=\\\"x\\\">one</i><i>two &amp; 2</i><n/></r>\")", "new XElement(\"e\", new XAttribute(\"k\", 5), \"text\")", "XElement.Parse(\"<a xmlns='urn:x' xmlns:p='urn:p'><p:b>1</p:b><c d='e'/></a>\")", "XElement.Parse(\"<m>t<b>u</b>v<!--c--><![CDATA[<d>]]></m>\")"],
    "XDocument": ["XDocument.Parse(\"<?xml version='1.0'?><r><i>1</i></r>\")", "new XDocument(new XElement(\"z\"))"], "XAttribute": ["new XAttribute(\"k\", 12)", "XElement.Parse(\"<r a='2.5'/>\").Attribute(\"a\")"],
    "XName": ["XName.Get(\"i\")", "XName.Get(\"b\", \"urn:p\")"], "XNamespace": ["XNamespace.Get(\"urn:x\")"], "XNode": ["XElement.Parse(\"<r>t<i/></r>\").FirstNode", "new XText(\"a<b\")"],
    "Uri": ["new Uri(\"https://user@ex.com:8443/a/b.c?x=1&y=%20z#f\")", "new Uri(\"http://EX.com\")", "new Uri(\"/rel/x?y\", UriKind.Relative)", "new Uri(\"https://ex.com/a%2Fb/é?q=ü\")"],
    "Regex": ["new Regex(\"(\\\\w)(\\\\d+)?\")", "new Regex(\"(?<k>[a-z]+)=(?<v>.*)\", RegexOptions.IgnoreCase)", "new Regex(\",\")"],
    "Match": ["Regex.Match(\"ab12 c3\", \"(\\\\w)(\\\\d+)\")", "Regex.Match(\"x\", \"y\")"], "Group": ["Regex.Match(\"ab12\", \"(?<n>\\\\d)+\").Groups[\"n\"]"], "MatchCollection": ["Regex.Matches(\"a1b22\", \"\\\\d+\")"],
    "Encoding": ["Encoding.UTF8", "Encoding.ASCII", "Encoding.Unicode"], "StringBuilder": ["new StringBuilder(\"abc\")", "new StringBuilder()"],
    "Exception": ["new Exception(\"m\")", "new ArgumentException(\"bad\", \"p\")", "new InvalidOperationException(\"o\", new Exception(\"i\"))"], "IPAddress": ["IPAddress.Parse(\"10.0.0.1\")", "IPAddress.Parse(\"::1\")", "IPAddress.Loopback"],
    "System.Globalization.CultureInfo": ["System.Globalization.CultureInfo.InvariantCulture"], "StringComparer": ["StringComparer.Ordinal", "StringComparer.OrdinalIgnoreCase"],
    "IEnumerable<int>": ["new[] { 4, 2, 4 }", "Enumerable.Range(1, 4)", "new List<int> { 1, 2 }.Where(x => x > 1)"], "IEnumerable<string>": ["new[] { \"pear\", \"fig\", \"Apple\" }", "\"a b c\".Split(' ').Skip(1)"], "int?": ["(int?)5", "(int?)null"], "DateTime?": ["(DateTime?)null", "(DateTime?)new DateTime(2024, 1, 1)"],
    "TimeZoneInfo": ["TimeZoneInfo.Utc"], "UriBuilder": ["new UriBuilder(\"https://ex.com/a?b=c\")"], "Tuple<int, string>": ["Tuple.Create(1, \"a\")"],
    "HashAlgorithm": ["SHA256.Create()", "MD5.Create()", "SHA1.Create()", "new HMACSHA256(new byte[] { 1, 2 })"], "Type": ["typeof(int)", "typeof(string)"],
}
ALIASES = {"string": "System.String", "int": "System.Int32", "bool": "System.Boolean"}

# Forms of the language: result, text with holes, types of the holes. A `multi` is statements.
FORMS = [
    ("int", "({0} + {1})", ["int", "int"]), ("int", "({0} * {1})", ["int", "int"]), ("int", "({0} - {1})", ["int", "int"]), ("int", "({0} / {1})", ["int", "int"]), ("int", "({0} % {1})", ["int", "int"]),
    ("int", "({0} & {1})", ["int", "int"]), ("int", "({0} | {1})", ["int", "int"]), ("int", "({0} ^ {1})", ["int", "int"]), ("int", "({0} << {1})", ["int", "int"]), ("int", "({0} >> {1})", ["int", "int"]), ("int", "(~{0})", ["int"]), ("int", "(-{0})", ["int"]),
    ("long", "({0} + {1})", ["long", "int"]), ("long", "({0} * {1})", ["long", "long"]), ("double", "({0} / {1})", ["double", "int"]), ("double", "({0} * {1})", ["double", "double"]), ("double", "({0} % {1})", ["double", "double"]), ("decimal", "({0} + {1})", ["decimal", "int"]), ("decimal", "({0} * {1})", ["decimal", "decimal"]), ("decimal", "({0} / {1})", ["decimal", "decimal"]),
    ("bool", "({0} < {1})", ["int", "double"]), ("bool", "({0} == {1})", ["int", "int"]), ("bool", "({0} == {1})", ["string", "string"]), ("bool", "({0} != {1})", ["string", "string"]), ("bool", "({0} && {1})", ["bool", "bool"]), ("bool", "({0} || {1})", ["bool", "bool"]), ("bool", "(!{0})", ["bool"]), ("bool", "({0} >= {1})", ["decimal", "int"]), ("bool", "({0} == {1})", ["char", "char"]), ("bool", "({0} == null)", ["object"]), ("bool", "({0} == {1})", ["DateTime", "DateTime"]), ("bool", "({0} > {1})", ["DateTime", "DateTime"]),
    ("int", "({0} ? {1} : {2})", ["bool", "int", "int"]), ("string", "({0} ? {1} : {2})", ["bool", "string", "string"]), ("string", "({0} ?? {1})", ["string", "string"]), ("int", "({0} ?? {1})", ["int?", "int"]), ("int?", "({0} + {1})", ["int?", "int"]), ("bool", "({0} > {1})", ["int?", "int"]),
    ("string", "({0} + {1})", ["string", "string"]), ("string", "({0} + {1})", ["string", "object"]), ("string", "({0} + {1})", ["int", "string"]), ("string", "({0} + {1})", ["string", "double"]), ("string", "({0} + {1})", ["string", "char"]), ("string", "({0} + {1})", ["string", "bool"]), ("string", "({0} + {1})", ["string", "JToken"]),
    ("string", "$\"{{{0}}}|{{{1},6}}\"", ["int", "string"]), ("string", "$\"{{{0}:F2}} {{{1}:yyyy-MM-dd}}\"", ["double", "DateTime"]), ("string", "$\"<{{{0},-5:X}}>\"", ["int"]), ("string", "$\"{{{0}:N1}}{{{1}}}\"", ["decimal", "object"]), ("string", "$\"{{{0}:hh\\\\:mm}}\"", ["TimeSpan"]),
    ("int", "(int){0}", ["double"]), ("int", "(int){0}", ["char"]), ("char", "(char){0}", ["int"]), ("byte", "(byte){0}", ["int"]), ("long", "(long){0}", ["decimal"]), ("int", "(int){0}", ["object"]), ("string", "(string){0}", ["object"]), ("string", "({0} as string)", ["object"]), ("bool", "({0} is string)", ["object"]), ("bool", "({0} is int)", ["object"]), ("double", "(double){0}", ["decimal"]), ("decimal", "(decimal){0}", ["double"]), ("float", "(float){0}", ["double"]), ("short", "(short){0}", ["long"]), ("uint", "(uint){0}", ["int"]),
    ("int?", "{0}?.Length", ["string"]), ("string", "{0}?.ToString()", ["object"]), ("string", "({0} as string)?.Trim()", ["object"]), ("JToken", "{0}[\"b\"]?[0]", ["JObject"]),
    ("string", "(string){0}", ["JToken"]), ("int", "(int){0}", ["JToken"]), ("double", "(double){0}", ["JToken"]), ("bool", "(bool){0}", ["JToken"]), ("DateTime", "(DateTime){0}", ["JToken"]), ("decimal", "(decimal){0}", ["JToken"]), ("int?", "(int?){0}", ["JToken"]), ("long", "(long){0}", ["JToken"]), ("JToken", "{0}[{1}]", ["JObject", "string"]), ("JToken", "{0}[{1}]", ["JArray", "int"]), ("string", "{0}.Value<string>({1})", ["JObject", "string"]), ("int", "{0}.Value<int>({1})", ["JObject", "string"]), ("double", "{0}.ToObject<double>()", ["JToken"]), ("string", "{0}.ToObject<string>()", ["JToken"]), ("int[]", "{0}.ToObject<int[]>()", ["JArray"]),
    ("JToken", "{0}.SelectToken({1})", ["JObject", "path"]), ("string", "string.Join(\"|\", {0}.SelectTokens({1}).Select(x => x.ToString()))", ["JObject", "path"]), ("path", "\"$.b[2].c\"", []), ("path", "\"b[0]\"", []), ("path", "\"$..a\"", []), ("path", "\"$.b[*]\"", []), ("path", "\"$.b[-1:]\"", []), ("path", "\"h.i\"", []), ("path", "\"$.b[?(@.c)]\"", []), ("path", "\"$['d','e']\"", []), ("path", "\"b[9]\"", []), ("path", "\"$.*\"", []), ("path", "\"b[0:2]\"", []), ("path", "\"x.y\"", []),
    ("string", "JsonConvert.SerializeObject({0})", ["any"]), ("string", "JsonConvert.SerializeObject({0}, Newtonsoft.Json.Formatting.Indented)", ["any"]), ("JToken", "JToken.FromObject({0})", ["nonnull"]), ("JToken", "new JValue({0})", ["scalar"]),
    ("any", "{0}", ["int"]), ("any", "{0}", ["string"]), ("any", "{0}", ["double"]), ("any", "{0}", ["JToken"]), ("any", "{0}", ["string[]"]), ("any", "{0}", ["Dictionary<string, int>"]), ("any", "{0}", ["DateTime"]), ("any", "{0}", ["byte[]"]), ("any", "{0}", ["decimal"]), ("any", "{0}", ["float"]), ("any", "{0}", ["TimeSpan"]), ("any", "{0}", ["Guid"]), ("any", "{0}", ["Uri"]), ("any", "{0}", ["List<string>"]), ("any", "{0}", ["char"]), ("any", "{0}", ["bool"]), ("any", "{0}", ["DateTimeOffset"]), ("any", "new {{ A = {0}, B = {1} }}", ["int", "string"]), ("any", "{0}", ["KeyValuePair<string, int>"]), ("any", "{0}", ["Tuple<int, string>"]), ("any", "{0}", ["DayOfWeek"]), ("any", "{0}", ["int?"]),
    ("nonnull", "{0}", ["int"]), ("nonnull", "{0}", ["string[]"]), ("nonnull", "{0}", ["double"]), ("nonnull", "{0}", ["DateTime"]), ("nonnull", "{0}", ["Dictionary<string, int>"]), ("nonnull", "{0}", ["decimal"]), ("scalar", "{0}", ["int"]), ("scalar", "{0}", ["string"]), ("scalar", "{0}", ["double"]), ("scalar", "{0}", ["DateTime"]), ("scalar", "{0}", ["bool"]), ("scalar", "{0}", ["decimal"]), ("scalar", "{0}", ["Guid"]), ("scalar", "{0}", ["TimeSpan"]),
    ("IEnumerable<int>", "{0}.Where(x => x > {1})", ["IEnumerable<int>", "int"]), ("IEnumerable<int>", "{0}.Select(x => x * 2)", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.OrderBy(x => -x)", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Distinct()", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Skip({1})", ["IEnumerable<int>", "small"]), ("IEnumerable<int>", "{0}.Take({1})", ["IEnumerable<int>", "small"]), ("IEnumerable<int>", "{0}.Concat({1})", ["IEnumerable<int>", "IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Union({1})", ["IEnumerable<int>", "IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Except({1})", ["IEnumerable<int>", "IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Intersect({1})", ["IEnumerable<int>", "IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Reverse()", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.TakeWhile(x => x != 2)", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.SkipWhile(x => x > 1)", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.DefaultIfEmpty({1})", ["IEnumerable<int>", "int"]), ("IEnumerable<int>", "{0}.Append({1})", ["IEnumerable<int>", "int"]), ("IEnumerable<int>", "{0}.Zip({1}, (a, b) => a - b)", ["IEnumerable<int>", "IEnumerable<int>"]), ("IEnumerable<int>", "{0}.SelectMany(x => new[] {{ x, x + 1 }})", ["IEnumerable<int>"]), ("IEnumerable<int>", "{0}.Select((x, i) => x * i)", ["IEnumerable<int>"]),
    ("string", "string.Join(\",\", {0})", ["IEnumerable<int>"]), ("string", "string.Join(\",\", {0})", ["IEnumerable<string>"]), ("int", "{0}.Sum()", ["IEnumerable<int>"]), ("double", "{0}.Average()", ["IEnumerable<int>"]), ("int", "{0}.Max()", ["IEnumerable<int>"]), ("int", "{0}.Min(x => x % 3)", ["IEnumerable<int>"]), ("int", "{0}.Count(x => x > 1)", ["IEnumerable<int>"]), ("int", "{0}.First()", ["IEnumerable<int>"]), ("int", "{0}.FirstOrDefault(x => x > 3)", ["IEnumerable<int>"]), ("int", "{0}.Last()", ["IEnumerable<int>"]), ("int", "{0}.Single()", ["IEnumerable<int>"]), ("int", "{0}.ElementAt({1})", ["IEnumerable<int>", "small"]), ("bool", "{0}.Any(x => x == 2)", ["IEnumerable<int>"]), ("bool", "{0}.All(x => x > 0)", ["IEnumerable<int>"]), ("bool", "{0}.Contains({1})", ["IEnumerable<int>", "int"]), ("bool", "{0}.SequenceEqual({1})", ["IEnumerable<int>", "IEnumerable<int>"]), ("int", "{0}.Aggregate(({1}), (a, x) => a * 3 + x)", ["IEnumerable<int>", "int"]),
    ("IEnumerable<string>", "{0}.OrderBy(x => x)", ["IEnumerable<string>"]), ("IEnumerable<string>", "{0}.OrderByDescending(x => x.Length).ThenBy(x => x)", ["IEnumerable<string>"]), ("IEnumerable<string>", "{0}.Select(x => x.ToUpper())", ["IEnumerable<string>"]), ("IEnumerable<string>", "{0}.Where(x => x.Contains(\"a\"))", ["IEnumerable<string>"]), ("string", "string.Join(\";\", {0}.GroupBy(x => x.Length).Select(g => g.Key + \":\" + g.Count()))", ["IEnumerable<string>"]), ("string", "string.Join(\";\", {0}.ToDictionary(x => x, x => x.Length).Select(p => p.Key + p.Value))", ["IEnumerable<string>"]), ("string", "string.Join(\",\", {0}.ToLookup(x => x.Length)[3])", ["IEnumerable<string>"]), ("string", "string.Join(\",\", {0}.Join({1}, a => a.Length, b => b, (a, b) => a + b))", ["IEnumerable<string>", "IEnumerable<int>"]), ("small", "1", []), ("small", "2", []), ("small", "0", []), ("small", "9", []), ("small", "-1", []),
    ("string", "string.Join(\",\", {0}.Elements().Select(e => e.Name.LocalName + \"=\" + e.Value))", ["XElement"]), ("string", "string.Join(\",\", {0}.DescendantNodes().Select(n => n.NodeType.ToString()))", ["XElement"]), ("string", "string.Join(\",\", {0}.Attributes().Select(a => a.ToString()))", ["XElement"]), ("string", "{0}.Element({1})?.Value", ["XElement", "XName"]), ("string", "(string){0}", ["XAttribute"]), ("int", "(int){0}", ["XAttribute"]), ("string", "(string){0}.Attribute(\"a\")", ["XElement"]),
    ("string", "string.Join(\"|\", {0}.Properties().Select(p => p.Name + \":\" + p.Value.Type))", ["JObject"]), ("string", "string.Join(\"|\", {0}.Descendants().Select(t => t.Path))", ["JObject"]), ("string", "{0}.ToString(Newtonsoft.Json.Formatting.None)", ["JToken"]), ("string", "{0}.ToString(Newtonsoft.Json.Formatting.None)", ["JObject"]), ("string", "{0}.ToString()", ["JArray"]), ("string", "string.Join(\",\", {0}.Select(m => m.Value))", ["MatchCollection"]) if False else ("string", "string.Join(\",\", {0}.Cast<Match>().Select(m => m.Value + m.Index))", ["MatchCollection"]),
    ("string", "Convert.ToBase64String({0}.ComputeHash({1}))", ["HashAlgorithm", "byte[]"]), ("string", "BitConverter.ToString({0})", ["byte[]"]), ("string", "Regex.Replace({0}, \"[a-c]+\", m => \"<\" + m.Value + m.Index + \">\")", ["string"]), ("string", "Regex.Replace({0}, {1}, {2})", ["string", "pattern", "replacement"]), ("bool", "Regex.IsMatch({0}, {1})", ["string", "pattern"]), ("string", "string.Join(\"~\", Regex.Split({0}, {1}))", ["string", "pattern"]), ("Match", "Regex.Match({0}, {1})", ["string", "pattern"]),
] + [("pattern", braced(q(p)), []) for p in ["\\d+", "(\\w)(\\w)", "^a|c$", "(?<x>[a-z])\\k<x>?", "(?i)B", "[^,]*", "\\s*", "(?<=a)b", "a(?!b)", "(a|b)+?", "\\bW", "(.)(?=.)", "[\\w-]+", "^$", "\\p{L}+"]] + [("replacement", braced(q(p)), []) for p in ["$1", "${x}", "$&$&", "$$", "-", "[$0]", "$2$1", ""]]

# Statements: the text, types of its holes. Every one ends with a `return`.
STATEMENTS = [
    ("int s = 0; for (int i = 0; i < {0}; i++) {{ if (i == {1}) continue; s += i * {2}; if (s > 1000) break; }} return s;", ["small", "int", "int"]),
    ("string r = \"\"; foreach (var x in {0}) {{ r += x + \";\"; }} return r;", ["IEnumerable<int>"]), ("string r = \"\"; foreach (var c in {0}) {{ r = c + r; }} return r;", ["string"]),
    ("var r = {0}; switch ({1}) {{ case 1: r += \"one\"; break; case 2: case 3: return r + \"few\"; default: r = null; break; }} return r;", ["string", "int"]),
    ("try {{ return {0}; }} catch (FormatException e) {{ return \"F\"; }} catch (Exception e) {{ return e.GetType().Name; }}", ["boxed"]),
    ("int n; return int.TryParse({0}, out n) ? n : -99;", ["string"]), ("if (double.TryParse({0}, out var d)) {{ return d; }} return \"none\";", ["string"]), ("DateTime d; return DateTime.TryParse({0}, out d) ? d.ToString(\"o\") : \"no\";", ["string"]),
    ("var d = {0}; int v; d[{1}] = 7; return d.TryGetValue({2}, out v) + \":\" + v + \":\" + d.Count;", ["Dictionary<string, int>", "string", "string"]),
    ("object o = {0}; switch (o) {{ case string s: return s.Length; case int n when n > 3: return n * 2; case null: return \"null\"; default: return o.GetType().Name; }}", ["object"]),
    ("int F(int n) {{ return n <= 1 ? 1 : n * F(n - 1); }} return F({0});", ["small"]), ("Func<int, int> f = x => x + {0}; return f(f({1}));", ["int", "int"]),
    ("var a = {0}; var b = {1}; return (a == b) + \"/\" + a.Equals(b) + \"/\" + string.Compare(a, b, StringComparison.Ordinal);", ["string", "string"]),
    ("var l = {0}; l.Add({1}); l.Sort(); l.Remove(1); l.Insert(0, 9); return string.Join(\",\", l) + l.IndexOf(2);", ["List<int>", "int"]),
    ("var x = {0}; x++; x *= 3; x -= {1}; x %= 1000; return x;", ["int", "int"]), ("var x = {0}; x += {1}; return x;", ["decimal", "int"]), ("var x = {0}; x += {1}; return x;", ["string", "any"]), ("byte b = {0}; b += 100; b <<= 1; return b;", ["byte"]), ("int? n = {0}; n += {1}; return n ?? -1;", ["int?", "int"]),
    ("var o = {0}; o[\"z\"] = {1}; o.Remove(\"a\"); return o.ToString(Newtonsoft.Json.Formatting.None);", ["JObject", "string"]), ("var a = {0}; a.Add({1}); a.AddFirst({2}); return a.ToString(Newtonsoft.Json.Formatting.None);", ["JArray", "int", "string"]), ("var o = {0}; foreach (var p in o.Properties().ToList()) {{ if (p.Value.Type == JTokenType.Integer) p.Value = (int)p.Value + 1; }} return o.ToString(Newtonsoft.Json.Formatting.None);", ["JObject"]),
    ("var e = {0}; e.SetAttributeValue(\"k\", {1}); e.Add(new XElement(\"q\", {2})); return e.ToString(SaveOptions.DisableFormatting);", ["XElement", "int", "string"]), ("var e = {0}; e.SetElementValue(\"i\", {1}); return e.ToString();", ["XElement", "string"]), ("var e = {0}; e.Elements().Remove(); e.Value = {1}; return e.ToString();", ["XElement", "string"]),
    ("using (var w = new StringWriter()) {{ w.Write({0}); w.Write({1}); return w.ToString(); }}", ["string", "int"]), ("var sb = new StringBuilder(); sb.Append({0}).Append({1}).AppendFormat(\"{{0:D3}}\", {2}).Insert(0, '<').Replace(\"a\", \"A\"); return sb.ToString();", ["string", "double", "int"]),
    ("int i = 0; while (i < {0}) {{ i += 2; if (i == 4) {{ return \"four\"; }} }} return i;", ["small"]), ("int i = {0}; do {{ i--; }} while (i > 3 && i < 100); return i;", ["int"]), ("var t = ({0}, {1}); return t.Item1 + t.Item2.ToString();", ["string", "int"]), ("(int a, string b) = ({0}, {1}); return b + a;", ["int", "string"]), ("const int K = 3; int[] m = {{ 1, K, {0} }}; Array.Sort(m); return string.Join(\",\", m);", ["int"]),
]
BOXED = ["int", "string", "bool", "double", "decimal", "DateTime", "JToken", "char", "long", "TimeSpan"]
NEVER = re.compile(r"GetHashCode|NewGuid|\bNow\b|UtcNow|Today|Random|GetType|Trace|ToUniversalTime|ToLocalTime|Local|Environment|Buffer|IDisposable|Load|Timestamp|GetEnumerator|StackTrace|CreateEncryptor|RSA|X509|PasswordHash|Delegate")


def split(text):
    out, depth, now = [], 0, ""
    for c in text:
        depth += (c in "<([") - (c in ">)]")
        if c == "," and depth == 0:
            out.append(now.strip())
            now = ""
        else:
            now += c
    return out + [now.strip()] if now.strip() else out


class Grammar:
    """Ways to make a value, by its type: `(result, text, holes, name)`."""

    def __init__(self, table, only=None):
        self.ways = {}
        self.enums = {}
        names = {}
        for line in table:
            owner, member = line.rstrip("\n").split("\t", 1)
            short = owner.split(".")[-1]
            if member.startswith("alias "):
                names.setdefault(owner, member[6:])
            elif member.startswith("value "):
                self.enums.setdefault(short, []).append(f"{owner}.{member.split()[1]}")
            names.setdefault(owner, short)
        self.names = {owner: name if "." not in name else owner.split(".")[-1] for owner, name in names.items()}
        self.names.update({owner.split(".")[-1]: name for owner, name in list(self.names.items())})
        for line in table:
            owner, member = line.rstrip("\n").split("\t", 1)
            if not member.startswith(("alias ", "value ", "base ", "set ")) and not NEVER.search(owner + member):
                self.member(self.names[owner], owner, member)
        for result, text, holes in FORMS:
            self.add(result, text, holes, "form")
        for kind in BOXED:
            self.add("boxed", "(object){0}", [kind], "form")
        for name, values in self.enums.items():
            for value in values:
                self.add(name, value, [], "enum")
        for kind, literals in POOLS.items():
            for literal in literals:
                self.add(kind, braced(literal), [], "literal")
        self.every = [way for ways in self.ways.values() for way in ways if way[2] or way[3] not in ("enum", "literal")]
        self.by_owner = {}
        for way in self.every:
            self.by_owner.setdefault(way[3], []).append(way)

    def add(self, result, text, holes, name):
        self.ways.setdefault(result, []).append((result, text, holes, name))

    def kind(self, text):
        """The name under which a type has a pool, or None."""
        text = re.sub(r"\s*=.*$", "", text.strip())
        text = re.sub(r"^params ", "", text)
        text = re.match(r"[\w.]+(?:<.*>)?(?:\[\]|\?)*", text).group(0)
        if "." in text and "<" not in text and text not in POOLS:
            text = text.split(".")[-1]
        text = self.names.get(text, text)
        return text if text in POOLS or text in self.enums else None

    def member(self, owner, full, member):
        if "<" in owner:
            return
        static = member.startswith("static ")
        member = re.sub(r"^(static|extension) ", "", member)
        m = re.match(r"(new|this|[A-Z]\w*)([\(\[])?", member)
        if not m or "out " in member or "ref " in member:
            return
        depth, end = 0, len(m.group(1))
        for end in range(len(m.group(1)), len(member)):
            depth += (member[end] in "([<") - (member[end] in ")]>")
            if member[end] == ":" and depth == 0:
                break
        else:
            end = len(member)
        returns = member[end + 1:].strip()
        inner = member[len(m.group(1)):end].strip()[1:-1] if m.group(2) else None
        holes = []
        for parameter in split(inner or ""):
            kind = self.kind(parameter)
            if kind is None:
                if "=" in parameter:
                    break
                return
            holes.append(kind)
        if not returns and m.group(1) != "new":
            return
        # The text of what has no pool is looked at all the same.
        result = owner if m.group(1) == "new" else self.kind(returns) or "other"
        name = m.group(1)
        target = "{0}" if not static and name != "new" else full
        if target == "{0}":
            if owner not in POOLS and owner not in self.enums:
                return
            holes = [owner] + holes
        first = 1 if target == "{0}" else 0
        arguments = ", ".join("{%d}" % n for n in range(first, len(holes)))
        text = f"new {full}({arguments})" if name == "new" else f"{target}[{arguments}]" if name == "this" else f"{target}.{name}" + (f"({arguments})" if m.group(2) else "")
        self.add(result, text, holes, owner)

    def literal(self, kind, rng):
        choices = [w for w in self.ways.get(kind, []) if not w[2]]
        return [kind, rng.choice(choices)[1], []] if choices else None

    def make(self, kind, depth, rng):
        """A tree `[type, text, children]` that yields a value of this type."""
        if depth <= 0 or rng.random() < 0.3:
            found = self.literal(kind, rng)
            if found:
                return found
        ways = self.ways.get(kind) or self.ways["any"]
        if depth <= 0:
            ways = sorted(ways, key=lambda w: len(w[2]))[:4]
        return self.of(rng.choice(ways), depth, rng)

    def of(self, way, depth, rng):
        return [way[0], way[1], [self.make(hole, depth - 1, rng) for hole in way[2]]]

    def row(self, rng):
        """One expression: `(kind, tree)`."""
        if rng.random() < 0.25:
            text, holes = rng.choice(STATEMENTS)
            return "multi", ["statements", text, [self.make(hole, 2, rng) for hole in holes]]
        owner = rng.choice(sorted(self.by_owner))
        if rng.random() < 0.3:
            owner = "form"
        return "single", self.of(rng.choice(self.by_owner[owner]), rng.randint(1, 3), rng)


def text(tree):
    return tree[1].format(*(text(child) for child in tree[2]))


def smaller(grammar, tree, rng):
    """Trees that are one step smaller: a part replaced by one of its own parts of the same type, or by a literal."""
    _, _, children = tree
    for n, child in enumerate(children):
        for inside in within(child):
            if inside is not child and inside[0] == child[0]:
                yield [tree[0], tree[1], children[:n] + [inside] + children[n + 1:]]
        if child[2]:
            literal = grammar.literal(child[0], rng)
            if literal:
                yield [tree[0], tree[1], children[:n] + [literal] + children[n + 1:]]
        for reduced in smaller(grammar, child, rng):
            yield [tree[0], tree[1], children[:n] + [reduced] + children[n + 1:]]
    if tree[0] != "statements":
        yield from (child for child in children if child[2])


def within(tree):
    yield tree
    for child in tree[2]:
        yield from within(child)
